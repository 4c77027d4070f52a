//! The feeds service.
#![doc = include_str!("../README.md")]

mod api;
pub mod app;
pub mod config;
pub mod domain;
mod projections;
pub mod store;

pub use app::{App, Deps};
pub use config::Config;
