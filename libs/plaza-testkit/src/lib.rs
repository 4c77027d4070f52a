//! What tests of several crates share.
#![doc = include_str!("../README.md")]
#![expect(clippy::panic, clippy::expect_used, reason = "test support: a failure here is the test's failure")]

pub mod backends;
pub mod person;
pub mod proxy;
pub mod redis;
pub mod sandbox;
pub mod servers;
pub mod stores;
pub mod wait;

pub use backends::Backends;
pub use person::{Answer, Guest, Person};
pub use proxy::Proxy;
pub use redis::RedisKeys;
pub use sandbox::{Sandbox, Shape};
pub use servers::Server;
pub use stores::Store;
