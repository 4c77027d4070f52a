//! The accounts service: identities, credentials, profiles and handles.
#![doc = include_str!("../README.md")]

mod api;
pub mod app;
pub mod config;
mod domain;
pub mod mailer;
mod passwords;
mod projections;
mod store;
mod tokens;

pub use api::export::Holders;
pub use app::{App, Deps};
pub use config::Config;

/// The name of this service's outbox, in events and consistency tokens.
pub(crate) const SOURCE: &str = "accounts";
