//! Hands the events of the log to what follows them in this process.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use plaza_core::{Cx, Env, Error, Result};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Follow, Followed};
use crate::log::{EventLog, Heard, Tail};
use crate::{Backoff, Gauge};

/// Events taken in at once.
const BATCH: usize = 500;
/// How long one call waits for events, and so how often a quiet log is heard.
const WAIT: Duration = Duration::from_secs(1);
/// The time that hearing or taking in may take.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The waits after failures: short, since caches are not used meanwhile.
const BACKOFF: Backoff = Backoff { first: Duration::from_millis(20), cap: Duration::from_secs(1) };

/// Follows the log for one [`Follow`].
pub struct Follower {
    follow: Arc<dyn Follow>,
    followed: Followed,
    log: Arc<dyn EventLog>,
    env: Env,
}

impl std::fmt::Debug for Follower {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Follower").field("follow", &self.follow.name()).finish_non_exhaustive()
    }
}

impl Follower {
    /// A follower that keeps `followed` up to date; [`Follower::run`] starts it.
    #[must_use]
    pub fn new(follow: Arc<dyn Follow>, followed: Followed, log: Arc<dyn EventLog>, env: Env) -> Self {
        Self { follow, followed, log, env }
    }

    /// Whether it is connected, labelled with its name.
    #[must_use]
    pub fn observe(&self) -> Gauge {
        self.followed.observe(self.follow.name())
    }

    /// Works until `stop`.
    pub async fn run(&self, stop: CancellationToken) {
        let (mut tail, mut failures) = (None, 0);
        while !stop.is_cancelled() {
            let step = self.step(&mut tail);
            let done = tokio::select! {
                done = step => done,
                () = stop.cancelled() => return,
            };
            let Err(error) = done else {
                failures = 0;
                continue;
            };
            failures += 1;
            tracing::warn!(follower = self.follow.name(), failures, %error, "follower waits");
            tokio::select! {
                () = tokio::time::sleep(BACKOFF.delay(&self.env, failures)) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    async fn step(&self, tail: &mut Option<Box<dyn Tail>>) -> Result<()> {
        let cx = Cx::background(self.follow.name(), TIMEOUT);
        let tail = match tail {
            Some(tail) => tail,
            None => tail.insert(cx.within(self.log.tail(&cx, self.follow.sources())).await?),
        };
        let asked = Instant::now();
        let Heard { events, missed, caught_up } = cx.within(tail.next(&cx, BATCH, WAIT)).await?;
        if missed {
            tracing::warn!(follower = self.follow.name(), "events were missed: forgetting everything");
            self.follow.forget_all();
        }
        if !events.is_empty() {
            let taking = AssertUnwindSafe(cx.within(self.follow.apply(&cx, &events))).catch_unwind().await;
            if let Err(error) = taking.unwrap_or_else(|_| Err(Error::internal("a follower panicked"))) {
                tracing::error!(follower = self.follow.name(), %error, "events not taken in: forgetting everything");
                self.follow.forget_all();
            }
            self.followed.raise(events.iter().map(|event| (event.source.as_str(), event.position)));
        }
        if caught_up {
            self.followed.heard(asked);
        }
        Ok(())
    }
}
