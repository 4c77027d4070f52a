//! Reading the SQLite log. A process that opened the file has every turn: nobody shares its consumers.

use std::time::Duration;

use async_trait::async_trait;
use plaza_core::{Cx, Position, Result};

use super::{Cursor, Fetched, SqliteLog, rows};
use crate::log::{Consumer, Delivery, Heard, Offset, Tail};

pub(super) struct SqliteConsumer {
    log: SqliteLog,
    name: String,
    sources: Vec<String>,
    at: Offset,
    /// Where it stood when it was opened, until that is told.
    opened_at: Option<Cursor>,
}

impl SqliteConsumer {
    pub(super) async fn open(log: &SqliteLog, cx: &Cx, name: &str, sources: &[&str]) -> Result<Box<dyn Consumer>> {
        let cursor = log.load_cursor(cx, name).await?;
        let (log, name, at) = (log.clone(), name.to_owned(), cursor.offset);
        Ok(Box::new(Self { log, name, sources: owned(sources), at, opened_at: Some(cursor) }))
    }
}

#[async_trait]
impl Consumer for SqliteConsumer {
    async fn next(&mut self, cx: &Cx, limit: usize, wait: Duration) -> Result<Delivery> {
        let wait = if self.opened_at.is_some() { Duration::ZERO } else { wait };
        let Fetched { events, next, end } = fetch(&self.log, cx, self.at, &self.sources, limit, wait).await?;
        self.at = next;
        let opened_at = self.opened_at.take();
        let (took_over, applied) = (opened_at.is_some(), opened_at.map(|cursor| cursor.positions).unwrap_or_default());
        Ok(Delivery { events, next, end, applied, given_up: Vec::new(), took_over })
    }

    fn has_turn(&self) -> bool {
        true
    }

    async fn announce(&mut self, _: &[(String, Position)], _: &[(String, Position)]) {}

    async fn commit(&mut self, cx: &Cx, positions: &[(String, Position)]) -> Result<()> {
        let cursor = Cursor { offset: self.at, positions: positions.to_vec() };
        self.log.store_cursor(cx, &self.name, &cursor).await
    }

    async fn leave(&mut self, _: &Cx) -> Result<()> {
        Ok(())
    }
}

pub(super) struct SqliteTail {
    log: SqliteLog,
    sources: Vec<String>,
    /// Where it goes on; `None` until it has heard the last event of each source.
    at: Option<Offset>,
}

impl SqliteTail {
    pub(super) fn open(log: &SqliteLog, sources: &[&str]) -> Box<dyn Tail> {
        Box::new(Self { log: log.clone(), sources: owned(sources), at: None })
    }
}

#[async_trait]
impl Tail for SqliteTail {
    async fn next(&mut self, cx: &Cx, limit: usize, wait: Duration) -> Result<Heard> {
        let Some(at) = self.at else {
            let (events, end) = self.log.db.read(cx, |conn| rows::last_events(conn, &self.sources)).await?;
            self.at = Some(end);
            return Ok(Heard { events, missed: false, caught_up: true });
        };
        let Fetched { events, next, end } = fetch(&self.log, cx, at, &self.sources, limit, wait).await?;
        self.at = Some(next);
        Ok(Heard { events, missed: false, caught_up: next >= end })
    }
}

fn owned(sources: &[&str]) -> Vec<String> {
    sources.iter().map(|source| (*source).to_owned()).collect()
}

/// Fetches events, or waits for some and fetches then.
async fn fetch(
    log: &SqliteLog,
    cx: &Cx,
    after: Offset,
    sources: &[String],
    limit: usize,
    wait: Duration,
) -> Result<Fetched> {
    let fetched = log.fetch(cx, after, sources, limit).await?;
    if wait.is_zero() || !fetched.events.is_empty() || fetched.next < fetched.end {
        return Ok(fetched);
    }
    // Whether something came or time is up, the next step is to look again.
    let _ = tokio::time::timeout(wait, log.wait_for_new(fetched.next)).await;
    log.fetch(cx, fetched.next, sources, limit).await
}
