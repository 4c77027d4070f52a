//! The posts service: what people say, who replies to it, who likes it, and who may see it.
#![doc = include_str!("../README.md")]

mod api;
pub mod app;
pub mod config;
pub mod domain;
pub mod projections;
pub mod store;
mod timetable;

pub use app::{App, Deps};
pub use config::Config;

/// The service's name: in settings, as a source of events, and when it calls others.
pub const NAME: &str = "posts";
