//! The sessions service: who is signed in, on which device.
#![doc = include_str!("../README.md")]

mod api;
pub mod app;
pub mod config;
mod domain;
mod for_gate;
mod projections;
mod store;
mod tokens;
pub mod verifier;

pub use app::{App, Deps};
pub use config::Config;
pub use verifier::SessionVerifier;

/// The name that this service calls others by.
pub(crate) const SERVICE: &str = "sessions";
/// The name of its outbox.
pub(crate) const SOURCE: &str = "sessions";
