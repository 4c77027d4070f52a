//! Connections to each kind of store, and the wrappers that every store shares.
//!
//! - [`sqlite`]: one writer thread that groups commits, a few read connections, migrations, errors mapped in one place.
//! - [`postgres`]: pools with deadlines, group commit, migrations, errors mapped in one place.
//! - [`redis`]: a client with deadlines and reconnection, scripts, errors mapped in one place.
//! - [`neo4j`]: a pool with a deadline round every call, retries of transient errors, errors mapped in one place.
//! - [`migrations`]: the steps of a schema, recorded with checksums.
//! - [`requests`]: mutations that are performed once, remembered in the write's own transaction.
//! - [`cache`]: a bounded read-through cache that never keeps a row which a write has just replaced.
//! - [`breaker`]: calls to a server that does not answer fail at once.
//! - [`address`]: the store's address, whose scheme picks the engine.
//! - [`faulty`]: a switchboard for tests that makes a store fail or wait.
//! - [`gauge`]: what a part reports about itself, for metrics.

pub mod address;
pub mod breaker;
pub mod cache;
pub mod faulty;
mod flights;
pub mod gauge;
pub mod migrations;
pub mod neo4j;
pub mod postgres;
pub mod redis;
pub mod requests;
mod span;
pub mod sqlite;

pub use address::{ServerAddress, ServerKind, StoreAddress};
pub use breaker::{Breaker, BreakerOptions, Permit};
pub use cache::{Cache, CacheOptions};
pub use faulty::Faults;
pub use gauge::Gauge;
pub use migrations::Migration;
pub use postgres::{BatchOptions, BatchWrite, Batcher, PgResultExt, Postgres, PostgresOptions};
pub use sqlite::{Ids, SqlResultExt, Sqlite, SqliteOptions, Sync};
