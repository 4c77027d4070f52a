//! The event log: what the relays publish and the consumers read, with their cursors and dead letters.
//!
//! Every engine passes one suite, `conformance`, behind the feature of that name.

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod sqlite;

use async_trait::async_trait;
use plaza_core::{Cx, Position, Result, Timestamp};

use crate::Event;

pub use sqlite::SqliteLog;

/// A place in the log; rises from 1 in the order of publication, with gaps. 0 is before everything.
pub type Offset = i64;

/// How long events are kept unless set otherwise: 7 days, in milliseconds.
pub const RETENTION_MS: i64 = 7 * 24 * 60 * 60 * 1_000;

/// An event with its place in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Logged {
    /// Its place.
    pub offset: Offset,
    /// The event.
    pub event: Event,
}

/// What one fetch brought.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Fetched {
    /// The events of the sources asked for, in the log's order. May be empty though more follow: go on from `next`.
    pub events: Vec<Logged>,
    /// How far the log was looked through: where the next fetch starts.
    pub next: Offset,
    /// Where the log ended.
    pub end: Offset,
}

/// How far a consumer has got.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// Everything up to here is applied.
    pub offset: Offset,
    /// For each source the highest position applied, for consistency tokens after a restart.
    pub positions: Vec<(String, Position)>,
}

/// An event that a consumer could not apply.
#[derive(Clone, Debug, PartialEq)]
pub struct DeadLetter {
    /// Its number, for listing and replay; 0 until it is stored.
    pub id: i64,
    /// Who could not apply it.
    pub consumer: String,
    /// What could not be applied.
    pub event: Event,
    /// Why not.
    pub reason: String,
    /// How often it was tried.
    pub tries: u32,
    /// When it was given up.
    pub at: Timestamp,
}

/// The log. Several processes may publish and read at once.
#[async_trait]
pub trait EventLog: Send + Sync + 'static {
    /// Appends events in the order given; what is there already, by source and position, is skipped. Returns how many
    /// were new. All or nothing.
    ///
    /// An event whose source and position, or whose id, belong to another one is refused: the source was replaced.
    async fn publish(&self, cx: &Cx, events: &[Event]) -> Result<usize>;

    /// The highest position of `source` in the log, 0 if there is none. Pruning keeps it.
    async fn last_position(&self, cx: &Cx, source: &str) -> Result<Position>;

    /// Where the log ends.
    async fn last_offset(&self, cx: &Cx) -> Result<Offset>;

    /// Up to `limit` events of `sources` after `after`.
    async fn fetch(&self, cx: &Cx, after: Offset, sources: &[&str], limit: usize) -> Result<Fetched>;

    /// Returns once the log goes past `after`, whoever published. May return early. Safe to drop.
    async fn wait_for_new(&self, after: Offset);

    /// A consumer's cursor; the beginning if it has none. Never past the end of the log.
    async fn load_cursor(&self, cx: &Cx, consumer: &str) -> Result<Cursor>;

    /// Keeps a consumer's cursor. One past the end of the log is refused.
    async fn store_cursor(&self, cx: &Cx, consumer: &str, cursor: &Cursor) -> Result<()>;

    /// Forgets a consumer that will not come back, so that it no longer holds up [`EventLog::prune`].
    async fn forget_consumer(&self, cx: &Cx, consumer: &str) -> Result<()>;

    /// Keeps a dead letter; the same event of the same consumer is kept once, with the latest reason. Returns its id.
    async fn put_dead_letter(&self, cx: &Cx, letter: &DeadLetter) -> Result<i64>;

    /// Up to `limit` dead letters with ids after `after`, of one consumer or of all.
    async fn dead_letters(&self, cx: &Cx, consumer: Option<&str>, after: i64, limit: usize) -> Result<Vec<DeadLetter>>;

    /// One dead letter; `DEAD_LETTER_NOT_FOUND` if there is none of this id.
    async fn dead_letter(&self, cx: &Cx, id: i64) -> Result<DeadLetter>;

    /// Removes a dead letter; whether it was there.
    async fn remove_dead_letter(&self, cx: &Cx, id: i64) -> Result<bool>;

    /// Deletes a bounded number of events written before `before`; none that a known consumer has yet to read, and never
    /// a source's last. Returns how many.
    async fn prune(&self, cx: &Cx, before: Timestamp) -> Result<usize>;
}
