//! The graph service: who follows, blocks and mutes whom.
#![doc = include_str!("../README.md")]

pub mod api;
pub mod app;
pub mod config;
pub mod domain;
pub mod projections;
pub mod store;

pub use app::{App, Deps};
pub use config::Config;

/// The service's name: in settings, as a source of events, and when it calls others.
pub const NAME: &str = "graph";
