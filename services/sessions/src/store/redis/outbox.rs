//! The outbox in Redis: a sorted set of events by position, which a script adds to in the write that the event tells of.
//!
//! Scripts come one after the other, so positions rise in the order of the writes. A position is the time, or one more
//! than the last: a server that has lost everything goes on above what it told before.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use fred::interfaces::KeysInterface as _;
use fred::types::{FromValue, Value};
use plaza_core::{Cx, Env, Position, Result, Timestamp};
use plaza_events::outbox::PRUNE_LIMIT;
use plaza_events::{Event, Outbox};
use plaza_stores::redis::{Redis, Script, ScriptCall};
use tokio::sync::watch;

use super::{scripts, text};
use crate::SOURCE;

/// How long published events are kept at most: a day, in milliseconds, as they are kept in memory.
const KEPT_MS: i64 = 24 * 60 * 60 * 1_000;

/// What writes share with those who read what they tell.
pub(super) struct Told {
    /// The highest position that was seen: a server that lost it must not give it again.
    highest: AtomicI64,
    changes: watch::Sender<u64>,
}

impl Told {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { highest: AtomicI64::new(0), changes: watch::Sender::new(0) })
    }

    pub(super) fn highest(&self) -> Position {
        self.highest.load(Ordering::Acquire)
    }

    /// There may be new events.
    pub(super) fn announce(&self) {
        self.changes.send_modify(|changes| *changes = changes.wrapping_add(1));
    }

    fn saw(&self, position: Position) {
        self.highest.fetch_max(position, Ordering::AcqRel);
    }
}

/// The outbox of a store.
pub(super) struct RedisOutbox {
    pub(super) redis: Redis,
    pub(super) env: Env,
    pub(super) base: String,
    pub(super) told: Arc<Told>,
}

impl RedisOutbox {
    async fn run<T: FromValue>(&self, cx: &Cx, script: &Script, numbers: &[i64]) -> Result<T> {
        let args = [self.env.now().0].iter().chain(numbers).map(|number| Value::from(*number)).collect();
        self.redis.run(cx, script, &ScriptCall::new(vec![self.base.clone()], args)).await
    }
}

#[async_trait]
impl Outbox for RedisOutbox {
    fn source(&self) -> &str {
        SOURCE
    }

    async fn read_after(&self, cx: &Cx, position: Position, limit: usize) -> Result<Vec<Event>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let found: Vec<String> = self.run(cx, &scripts::OUTBOX_READ, &[position, limit]).await?;
        let events = found.chunks(2).map(text::told).collect::<Result<Vec<_>>>()?;
        self.told.saw(events.last().map_or(0, |event| event.position));
        Ok(events)
    }

    /// Where a server that was emptied ended cannot be known, but it was before now.
    async fn last_position(&self, cx: &Cx) -> Result<Position> {
        let key = format!("{}told", self.base);
        let last: Option<i64> = self.redis.call(cx, |redis| async move { redis.get(key).await }).await?;
        let last = last.unwrap_or_else(|| self.env.now().0.max(self.told.highest()));
        Ok(last)
    }

    async fn knows(&self, cx: &Cx, position: Position) -> Result<bool> {
        // The log has it, so it was told, be it here still or not.
        self.told.saw(position);
        Ok(position <= self.last_position(cx).await?)
    }

    async fn depth(&self, cx: &Cx, position: Position) -> Result<i64> {
        self.run(cx, &scripts::OUTBOX_DEPTH, &[position]).await
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.told.changes.subscribe()
    }

    async fn prune(&self, cx: &Cx, before: Timestamp, published: Position) -> Result<usize> {
        // A position is not below its event's time.
        let before = before.0.max(self.env.now().0 - KEPT_MS).min(published);
        self.run(cx, &scripts::OUTBOX_PRUNE, &[before, PRUNE_LIMIT]).await
    }
}
