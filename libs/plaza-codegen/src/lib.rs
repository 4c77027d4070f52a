//! Build-time generator: from Plaza's `.proto` files to Rust types, service traits, entry steps, servers, clients and
//! field checks. Needs no `protoc`.
//!
//! A build script calls [`Builder::compile`]. What is wrong with the `.proto` files stops the build with one list of
//! [`Problems`]: an RPC that does not say who may call it, a mutation without a `request_id`, a rule that the generator
//! does not know.

mod builder;
mod check;
mod emit;
mod model;
mod names;
mod problem;
mod rules;
mod service;
mod value;

pub use builder::Builder;
pub use problem::Problems;
