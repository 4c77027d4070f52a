//! The relay: moves events from an outbox to the log, in commit order.
//!
//! Nothing marks a row as published. The relay asks the log how far it has got with the source, at the start, after each
//! failure and when there is nothing to publish, and goes on from there; so a log that lost its tail, or everything, is
//! filled again from the outbox. The log skips what it has, and refuses what would leave a hole, so two relays of one outbox
//! do no harm: each publishes in order, so a position in the log means that all before it are there too.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering::Relaxed};
use std::time::Duration;

use parking_lot::Mutex;
use plaza_core::{Cx, Env, Error, Position, Result};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::log::EventLog;
use crate::outbox::{self, Outbox};
use crate::{Backoff, Event, Gauge, log, points};

/// How a relay works.
#[derive(Clone, Copy, Debug)]
pub struct RelayOptions {
    /// Events published at once at most.
    pub batch: usize,
    /// How often to look for rows that this process did not write.
    pub poll: Duration,
    /// The time that reading or publishing a batch may take.
    pub timeout: Duration,
    /// The waits after failures.
    pub backoff: Backoff,
    /// How long the outbox keeps published rows, in milliseconds.
    pub outbox_retention_ms: i64,
    /// How long the log keeps events that every consumer has read, in milliseconds.
    pub log_retention_ms: i64,
    /// How often both are pruned, in milliseconds.
    pub prune_every_ms: i64,
}

impl Default for RelayOptions {
    fn default() -> Self {
        Self {
            batch: 500,
            poll: Duration::from_secs(1),
            timeout: Duration::from_secs(10),
            backoff: Backoff::default(),
            outbox_retention_ms: outbox::RETENTION_MS,
            log_retention_ms: log::RETENTION_MS,
            prune_every_ms: 10 * 60 * 1_000,
        }
    }
}

/// How far a replay has got.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Everything up to here is in the log.
    pub position: Position,
    /// How many events were not in it before.
    pub published: u64,
}

/// Moves one outbox to the log.
pub struct Relay {
    outbox: Arc<dyn Outbox>,
    log: Arc<dyn EventLog>,
    env: Env,
    options: RelayOptions,
    published: AtomicI64,
    depth: AtomicI64,
    /// When the oldest row that waits was written; 0 if none waits.
    oldest: AtomicI64,
    degraded: AtomicBool,
    last_error: Mutex<Option<String>>,
    pruned_at: AtomicI64,
}

impl std::fmt::Debug for Relay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Relay").field("source", &self.outbox.source()).finish_non_exhaustive()
    }
}

impl Relay {
    /// A relay from `outbox` to `log`; [`Relay::run`] starts it.
    #[must_use]
    pub fn new(outbox: Arc<dyn Outbox>, log: Arc<dyn EventLog>, env: Env, options: RelayOptions) -> Self {
        let pruned_at = AtomicI64::new(env.now().0);
        Self {
            outbox,
            log,
            env,
            options,
            published: AtomicI64::new(0),
            depth: AtomicI64::new(0),
            oldest: AtomicI64::new(0),
            degraded: AtomicBool::new(false),
            last_error: Mutex::new(None),
            pruned_at,
        }
    }

    /// The position up to which the log has everything.
    #[must_use]
    pub fn published(&self) -> Position {
        self.published.load(Relaxed)
    }

    /// Why the last try failed, if it did.
    #[must_use]
    pub fn last_error(&self) -> Option<String> {
        self.last_error.lock().clone()
    }

    /// Depth and age of the outbox and whether the relay is degraded, labelled with the source.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    pub fn observe(&self) -> Vec<Gauge> {
        let figure = |name, value: i64| Gauge::new(name, "source", self.outbox.source(), value as f64);
        let oldest = self.oldest.load(Relaxed);
        let age = if oldest == 0 { 0 } else { (self.env.now().0 - oldest).max(0) };
        vec![
            figure("outbox_depth_events", self.depth.load(Relaxed)),
            figure("outbox_age_ms", age),
            figure("relay_degraded", i64::from(self.degraded.load(Relaxed))),
        ]
    }

    /// Works until `stop`.
    pub async fn run(&self, stop: CancellationToken) {
        let mut changes = self.outbox.changes();
        let (mut started, mut failures) = (false, 0);
        while !stop.is_cancelled() {
            changes.mark_unchanged();
            let step = async {
                if !started {
                    self.start().await?;
                    started = true;
                }
                self.step().await
            };
            let wait = match step.await {
                Ok(published) => {
                    failures = 0;
                    self.recovered();
                    self.prune_if_due().await;
                    if published == self.options.batch {
                        continue;
                    }
                    self.options.poll
                }
                Err(error) => {
                    // The log may have lost what it had.
                    started = false;
                    failures += 1;
                    self.failed(&error, failures).await;
                    self.options.backoff.delay(&self.env, failures)
                }
            };
            tokio::select! {
                () = changed(&mut changes), if failures == 0 => {}
                () = tokio::time::sleep(wait) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// The outbox's name.
    #[must_use]
    pub fn source(&self) -> &str {
        self.outbox.source()
    }

    /// Publishes the whole outbox from its first kept row, for a log that was lost or damaged in the middle. What the
    /// log has is skipped. Returns how many events were new to it. May run beside [`Relay::run`].
    ///
    /// # Errors
    /// The first failure; what was published stays, and a second call goes on.
    pub async fn replay(&self) -> Result<u64> {
        self.replay_telling(|_| {}).await.map(|replayed| replayed.published)
    }

    /// As [`Relay::replay`], telling `progress` after each batch.
    ///
    /// # Errors
    /// As [`Relay::replay`].
    pub async fn replay_telling(&self, mut progress: impl FnMut(Replayed) + Send) -> Result<Replayed> {
        let mut replayed = Replayed::default();
        loop {
            let (position, read, fresh) = self.publish_after(replayed.position).await?;
            if read == 0 {
                return Ok(replayed);
            }
            replayed = Replayed { position, published: replayed.published + fresh as u64 };
            progress(replayed);
        }
    }

    async fn start(&self) -> Result<()> {
        let cx = self.cx();
        let source = self.outbox.source();
        let published = cx.within(self.log.last_position(&cx, source)).await?;
        let written = cx.within(self.outbox.last_position(&cx)).await?;
        if published > written || (published > 0 && !cx.within(self.outbox.knows(&cx, published)).await?) {
            return Err(outbox::replaced(source, published, written));
        }
        // One event is published again: if the source was replaced, the log refuses it.
        self.published.store((published - 1).max(0), Relaxed);
        Ok(())
    }

    /// Publishes one batch; how many events it held.
    async fn step(&self) -> Result<usize> {
        let (position, read, _) = self.publish_after(self.published()).await?;
        if read == 0 {
            self.check_log().await?;
        }
        self.published.store(position, Relaxed);
        if read < self.options.batch {
            self.depth.store(0, Relaxed);
            self.oldest.store(0, Relaxed);
        } else {
            self.measure_depth().await;
        }
        Ok(read)
    }

    /// Refuses a log that has lost what was published to it.
    async fn check_log(&self) -> Result<()> {
        let (cx, source) = (self.cx(), self.outbox.source());
        log::check_tail(source, cx.within(self.log.last_position(&cx, source)).await?, self.published())
    }

    /// Where it got to, how many events it read and how many of them were new.
    async fn publish_after(&self, position: Position) -> Result<(Position, usize, usize)> {
        let cx = self.cx();
        let events = cx.within(self.outbox.read_after(&cx, position, self.options.batch)).await?;
        let (Some(first), Some(last)) = (events.first(), events.last()) else { return Ok((position, 0, 0)) };
        self.oldest.store(first.at.0, Relaxed);
        points::hit(points::BEFORE_PUBLISH);
        let span = tracing::info_span!("relay.publish", source = self.outbox.source(), events = events.len());
        plaza_trace::link(&span, events.iter().filter_map(Event::trace));
        let new = cx.within(self.log.publish(&cx, position, &events)).instrument(span).await?;
        points::hit(points::AFTER_PUBLISH);
        Ok((last.position, events.len(), new))
    }

    /// Deletes what is too old, a bounded number of rows at each call, and is due again at once while there is more.
    async fn prune_if_due(&self) {
        let now = self.env.now();
        if now.0 - self.pruned_at.load(Relaxed) < self.options.prune_every_ms {
            return;
        }
        let cx = self.cx();
        let pruned = async {
            let outbox = now.plus_ms(-self.options.outbox_retention_ms);
            let log = now.plus_ms(-self.options.log_retention_ms);
            Ok::<_, Error>(self.outbox.prune(&cx, outbox, self.published()).await? + self.log.prune(&cx, log).await?)
        };
        match pruned.await {
            Ok(rows) if rows > 0 => tracing::debug!(source = self.outbox.source(), rows, "pruned"),
            Ok(_) => self.pruned_at.store(now.0, Relaxed),
            Err(error) => {
                tracing::warn!(source = self.outbox.source(), %error, "not pruned");
                self.pruned_at.store(now.0, Relaxed);
            }
        }
    }

    async fn failed(&self, error: &Error, failures: u32) {
        let said = error.metadata().iter().find(|(key, _)| key == "log").map_or(error.text(), |(_, what)| what);
        tracing::warn!(source = self.outbox.source(), failures, %error, said, "relay waits");
        *self.last_error.lock() = Some(said.to_owned());
        self.degraded.store(true, Relaxed);
        self.measure_depth().await;
    }

    fn recovered(&self) {
        if self.degraded.swap(false, Relaxed) {
            *self.last_error.lock() = None;
        }
    }

    async fn measure_depth(&self) {
        if let Ok(depth) = self.outbox.depth(&self.cx(), self.published()).await {
            self.depth.store(depth, Relaxed);
        }
    }

    fn cx(&self) -> Cx {
        Cx::background("relay", self.options.timeout)
    }
}

/// Waits for a change; for ever if there will be none, as the poll is what is left then.
async fn changed(changes: &mut tokio::sync::watch::Receiver<u64>) {
    if changes.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}
