//! Reading the log: as one of the processes that share a consumer, or alone, from the end.

use std::time::Duration;

use async_trait::async_trait;
use plaza_core::{Cx, Position, Result};

use super::Offset;
use crate::Event;

/// For each source a position.
pub type Positions = Vec<(String, Position)>;

/// What a consumer got.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Delivery {
    /// Events of its sources, in the log's order. May be empty though more follow.
    pub events: Vec<Event>,
    /// How far the log was looked through, these events included.
    pub next: Offset,
    /// Where the log ended.
    pub end: Offset,
    /// What is applied already, by this process before or by another one: marks may be raised to it.
    pub applied: Positions,
    /// Events below those marks whose effect is missing.
    pub given_up: Positions,
    /// The process that has this delivery did not have the one before: what it knows from events may be old.
    pub took_over: bool,
}

/// A part in a durable consumer. One process at a time has the turn and gets the events, in order; the others stand by,
/// hear what is applied, and one of them takes over when the turn ends: at once if it is given up, within seconds if its
/// process is gone.
///
/// Where the consumer stands is stored behind what is applied, never ahead. So events come again after a crash or a
/// takeover, and none is left out.
#[async_trait]
pub trait Consumer: Send + Sync {
    /// Up to `limit` events after those that came before. Waits for them up to `wait`, and returns early if there is
    /// something else to tell. If it is dropped, or fails, events may come again and none is lost.
    async fn next(&mut self, cx: &Cx, limit: usize, wait: Duration) -> Result<Delivery>;

    /// Whether this process has the turn. Whoever applied events without it does not tell so.
    fn has_turn(&self) -> bool;

    /// Tells the others at once what is applied, and what of it was given up. What they miss they learn from the next
    /// [`Consumer::commit`].
    async fn announce(&mut self, applied: &[(String, Position)], given_up: &[(String, Position)]);

    /// Stores that everything delivered so far is applied, up to `positions`. Nothing happens without the turn.
    async fn commit(&mut self, cx: &Cx, positions: &[(String, Position)]) -> Result<()>;

    /// Gives the turn up, so that another process goes on at once. What is not committed comes again.
    async fn leave(&mut self, cx: &Cx) -> Result<()>;
}

/// What a tail heard.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heard {
    /// The events, in the log's order.
    pub events: Vec<Event>,
    /// Events may have been missed before these: what was made from earlier ones may be wrong.
    pub missed: bool,
    /// Whether these were all that the log had when it was asked.
    pub caught_up: bool,
}

/// Events as they come, for one reader.
#[async_trait]
pub trait Tail: Send + Sync {
    /// Up to `limit` events after those that came before; waits for them up to `wait`. After a failure it goes on where it
    /// was, or says that events were missed. Safe to drop.
    async fn next(&mut self, cx: &Cx, limit: usize, wait: Duration) -> Result<Heard>;
}
