//! What changed while nobody read along, from the event log.

use std::sync::Arc;

use plaza_core::{Cx, Position, Result, reason};
use plaza_events::EventLog;
use tokio::sync::Semaphore;

use super::Change;

/// The outbox that changes come from.
pub(crate) const POSTS: &str = "posts";
/// How many look back at once; the others wait.
const AT_ONCE: usize = 16;

/// Looks back in the log.
pub(crate) struct History {
    log: Arc<dyn EventLog>,
    /// How many events are read for one reader at most.
    most: usize,
    turns: Semaphore,
}

/// What changed, in the order of events, each with its position.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Since {
    pub(crate) changes: Vec<(Position, Change)>,
    /// Everything up to here is in them.
    pub(crate) until: Position,
}

impl History {
    pub(crate) fn new(log: Arc<dyn EventLog>, most: usize) -> Self {
        Self { log, most, turns: Semaphore::new(AT_ONCE) }
    }

    /// What changed after a position; `None` if it is too much, or too long ago, or if the log is away.
    pub(crate) async fn since(&self, cx: &Cx, after: Position) -> Result<Option<Since>> {
        let _turn = cx.within(async { self.turns.acquire().await.map_err(plaza_core::Error::internal) }).await?;
        let events = match self.log.since(cx, POSTS, after, self.most + 1).await {
            Err(error) if error.is(reason::STORE_UNAVAILABLE) => {
                tracing::warn!(%error, "the event log is away: a live feed cannot go on where it was");
                return Ok(None);
            }
            events => events?,
        };
        let Some(events) = events.filter(|events| events.len() <= self.most) else { return Ok(None) };
        let mut since = Since { changes: Vec::new(), until: after };
        for event in events {
            since.until = event.position;
            since.changes.extend(Change::told_by(&event)?.map(|change| (event.position, change)));
        }
        Ok(Some(since))
    }

    /// Where the log ends.
    pub(crate) async fn end(&self, cx: &Cx) -> Result<Position> {
        self.log.last_position(cx, POSTS).await
    }
}
