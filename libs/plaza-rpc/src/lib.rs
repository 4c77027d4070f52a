//! What generated services run on: the entry steps, the gRPC server and client, telemetry, metrics.
//!
//! `plaza-codegen` writes, for each service of the `.proto` files, a trait, an entry, a server and a client in terms of
//! this crate; `plaza-proto` holds them. A service is put together so:
//!
//! 1. one [`Gate`] for the process: what all entries share;
//! 2. for each service `XServiceEntry::new(handler, &gate)`: the entry steps in front of the handler;
//! 3. `XServiceClient::local(entry)` for callers in this process, `XServiceClient::remote(channel)` for others;
//! 4. a [`Server`] with an `XServiceServer::new(entry)` each, on one listener.

pub mod admin;
pub mod auth;
pub mod check;
pub mod client;
pub mod codegen;
pub mod dependency;
mod encoded;
pub mod entry;
mod flight;
mod frame;
pub mod gate;
pub mod health;
mod incoming;
pub mod limit;
pub mod method;
pub mod metrics;
mod router;
pub mod serve;
pub mod server;
mod service_key;
pub mod status;
pub mod stream;
pub mod telemetry;

pub use plaza_core::{Check, Cx, Error, Result, Violations};

pub use auth::{ServiceKey, TokenVerifier, Verified};
pub use client::{Channel, ChannelConfig, ChannelState, Peer};
pub use dependency::{Dependencies, Dependency, DependencyStatus};
pub use entry::{Entry, EntryCore};
pub use gate::{CallLimits, Gate};
pub use health::Health;
pub use limit::{Limiter, LocalLimiter, SharedLimiter};
pub use method::{Auth, Method, Rpc, Scope, Step};
pub use metrics::Metrics;
pub use serve::{ServeConfig, Server};
pub use server::RpcService;
pub use stream::Stream;
