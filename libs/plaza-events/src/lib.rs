//! How data follows the truth: outbox, relay, event log, projections.
//!
//! A write puts its events into the outbox of its own store, in the same transaction ([`outbox`]). The [`relay`] moves
//! them, in commit order, to the event [`log`]. A [`projection`] reads the log and brings derived state up to date; the
//! same trait rebuilds, audits and repairs it. Delivery is at least once, and events may come twice or out of order;
//! a projection reads the truth afresh, so neither changes what comes out. Of the processes that run a projection one at a
//! time applies it; what each process has to do with events by itself, [`follow`] does.
//!
//! [`points`] are the places where a test makes the process die.

pub mod backoff;
pub mod event;
pub mod follow;
pub mod log;
pub mod outbox;
pub mod points;
pub mod projection;
pub mod relay;
#[cfg(test)]
mod tests;

pub use backoff::Backoff;
pub use event::{Event, NewEvent};
pub use follow::{Follow, Followed, Follower, Freshness};
pub use log::{
    Consumer, DeadLetter, Delivery, EventLog, Heard, NatsLog, NatsOptions, Offset, Positions, SqliteLog, Tail,
};
pub use outbox::{Neo4jOutbox, Outbox, PostgresOutbox, SqliteOutbox};
pub use plaza_stores::Gauge;
pub use projection::{Behind, Digest, Digester, Marks, Projection, Runner, RunnerOptions};
pub use relay::{Relay, RelayOptions, Replayed};
