//! The event log: what the relays publish and the consumers read, with their cursors and dead letters.
//!
//! Every engine passes one suite, `conformance`, behind the feature of that name.

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod nats;
mod reading;
pub(crate) mod sqlite;

use async_trait::async_trait;
use plaza_core::{Cx, Error, Position, Result, Timestamp, reason};
use plaza_stores::Gauge;

use crate::Event;

pub use nats::{NatsLog, NatsOptions};
pub use reading::{Consumer, Delivery, Heard, Positions, Tail};
pub use sqlite::SqliteLog;

/// A place in the log; rises from 1 in the order of publication, with gaps. 0 is before everything.
pub type Offset = i64;

/// How long events are kept unless set otherwise: 7 days, in milliseconds.
pub const RETENTION_MS: i64 = 7 * 24 * 60 * 60 * 1_000;
/// The most events that one publication may have.
pub const MAX_PUBLISH: usize = 1_000;

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
    /// Appends up to [`MAX_PUBLISH`] events of one source in the order given; what is there already, by source and
    /// position, is skipped. Returns how many were new. All or nothing, and on the disk of the log when it returns.
    ///
    /// The log must hold the source up to `after`, which is 0 for a publication from the beginning: whoever publishes
    /// after a position that the log has lost would leave a hole. Such a publication is refused, and its source has to be
    /// published again from [`EventLog::last_position`]. An event whose source and position, or whose id, belong to another
    /// one is refused too: the source was replaced.
    async fn publish(&self, cx: &Cx, after: Position, events: &[Event]) -> Result<usize>;

    /// The highest position of `source` in the log, 0 if there is none. Pruning keeps it.
    async fn last_position(&self, cx: &Cx, source: &str) -> Result<Position>;

    /// Where the log ends.
    async fn last_offset(&self, cx: &Cx) -> Result<Offset>;

    /// A part in the consumption of `sources` under a name. Of the parts that processes take under one name, one at a time
    /// gets the events.
    async fn consumer(&self, cx: &Cx, name: &str, sources: &[&str]) -> Result<Box<dyn Consumer>>;

    /// Forgets a consumer that will not come back, so that it no longer holds up [`EventLog::prune`].
    async fn forget_consumer(&self, cx: &Cx, consumer: &str) -> Result<()>;

    /// Every event of `sources` from now on, for this reader alone. What it hears first is the last event of each source.
    async fn tail(&self, cx: &Cx, sources: &[&str]) -> Result<Box<dyn Tail>>;

    /// Up to `limit` events of `source` after position `after`, in order: what a reader missed that had got so far. `None` if
    /// the log cannot tell, as it holds nothing of the source up to there.
    async fn since(&self, cx: &Cx, source: &str, after: Position, limit: usize) -> Result<Option<Vec<Event>>>;

    /// Keeps a dead letter; the same event of the same consumer is kept once, with the latest reason. Returns its id.
    async fn put_dead_letter(&self, cx: &Cx, letter: &DeadLetter) -> Result<i64>;

    /// Up to `limit` dead letters with ids after `after`, of one consumer or of all, by rising id.
    async fn dead_letters(&self, cx: &Cx, consumer: Option<&str>, after: i64, limit: usize) -> Result<Vec<DeadLetter>>;

    /// One dead letter; `DEAD_LETTER_NOT_FOUND` if there is none of this id.
    async fn dead_letter(&self, cx: &Cx, id: i64) -> Result<DeadLetter>;

    /// Removes a dead letter; whether it was there.
    async fn remove_dead_letter(&self, cx: &Cx, id: i64) -> Result<bool>;

    /// Deletes a bounded number of events written before `before`; none that a known consumer has yet to read, and never
    /// a source's last. Returns how many.
    async fn prune(&self, cx: &Cx, before: Timestamp) -> Result<usize>;

    /// Figures for metrics.
    fn observe(&self) -> Vec<Gauge>;

    /// Finishes what waits and lets go of the store.
    async fn close(&self);
}

/// Refuses what no caller of [`EventLog::publish`] should do.
pub(crate) fn check_publication(events: &[Event]) -> Result<()> {
    let one_source = events.iter().all(|event| event.source == events[0].source);
    if events.len() > MAX_PUBLISH || !one_source {
        return Err(Error::internal("a publication of several sources, or of too many events"));
    }
    Ok(())
}

/// Refuses a publication after a position that the log does not hold.
pub(crate) fn check_tail(source: &str, last: Position, after: Position) -> Result<()> {
    if last >= after {
        return Ok(());
    }
    tracing::warn!(source, last, after, "the log has lost its tail");
    Err(Error::new(reason::STORE_UNAVAILABLE)
        .message("the log has lost events: publish the source again from its last position"))
}

/// The error of an event whose place, or whose id, another one has.
pub(crate) fn another_event(event: &Event) -> Error {
    Error::internal(format!(
        "the log has another event than {} at {} {}: the source's store was replaced or restored from an old copy. \
         Remove the event log and rebuild the projections",
        event.id, event.source, event.position
    ))
}
