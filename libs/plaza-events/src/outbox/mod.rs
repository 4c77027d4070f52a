//! The outbox: where each truth store keeps the events of its writes. A write puts its events there in its own
//! transaction, so that effect and event commit together or not at all.
//!
//! The columns have Debezium's names, so that its outbox router can take the relay's place. Whoever has read up to a
//! position has missed nothing before it, also when commits overlap. Rows stay for [`RETENTION_MS`], so that the whole log
//! can be published again.

pub mod neo4j;
pub mod postgres;
pub mod sqlite;

use async_trait::async_trait;
use plaza_core::{Cx, Error, Position, Result, Timestamp};
use tokio::sync::watch;

use crate::Event;

pub use neo4j::Neo4jOutbox;
pub use postgres::PostgresOutbox;
pub use sqlite::SqliteOutbox;

/// How long rows are kept unless set otherwise: 30 days, in milliseconds.
pub const RETENTION_MS: i64 = 30 * 24 * 60 * 60 * 1_000;
/// How many rows one prune deletes at most.
pub const PRUNE_LIMIT: i64 = 5_000;

/// One truth store's outbox, as the relay reads it.
#[async_trait]
pub trait Outbox: Send + Sync + 'static {
    /// Its name, the same in events and consistency tokens.
    fn source(&self) -> &str;

    /// Up to `limit` events after `position`, by rising position. One that shows later never has a lower position.
    async fn read_after(&self, cx: &Cx, position: Position, limit: usize) -> Result<Vec<Event>>;

    /// The position of the newest row ever written, 0 if there was none.
    async fn last_position(&self, cx: &Cx) -> Result<Position>;

    /// Whether `position` was given to a row of it, pruned or not: else it is not the outbox which that position came from.
    async fn knows(&self, cx: &Cx, position: Position) -> Result<bool> {
        Ok(position <= self.last_position(cx).await?)
    }

    /// How many rows there are after `position`, or so.
    async fn depth(&self, cx: &Cx, position: Position) -> Result<i64> {
        Ok((self.last_position(cx).await? - position).max(0))
    }

    /// Changes when there may be new rows. Rows that others wrote may not show here: poll now and then as well.
    fn changes(&self) -> watch::Receiver<u64>;

    /// Deletes a bounded number of rows written before `before`, up to `published`, or of whole days of such rows; returns
    /// how many, or so.
    async fn prune(&self, cx: &Cx, before: Timestamp, published: Position) -> Result<usize>;
}

/// The error of a log that knows more of a source than its outbox does.
pub(crate) fn replaced(source: &str, log: Position, outbox: Position) -> Error {
    Error::internal(format!(
        "the log has {source} up to {log}, but its outbox ends at {outbox}: the store was replaced or restored from an \
         old copy. Remove the event log and rebuild the projections"
    ))
}
