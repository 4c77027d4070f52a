//! Drives load: so many calls under way at once on so many connections, for a time or a number of calls.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use hdrhistogram::Histogram;
use plaza_core::Position;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::wire::{self, Call, Connection};

/// How much to do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    /// Calls under way at once on each connection.
    pub streams: u16,
    /// When to stop, ...
    pub time: Duration,
    /// ... or after how many calls.
    pub calls: u64,
}

/// What was seen.
#[derive(Debug)]
pub(super) struct Seen {
    /// Latencies of the calls that succeeded, in microseconds, by kind.
    pub latencies: Vec<Histogram<u64>>,
    /// How many failed, by code and reason.
    pub errors: BTreeMap<String, u64>,
    /// From the first call to the last answer.
    pub elapsed: Duration,
    /// The highest position of `posts` that an answer told of.
    pub position: Position,
}

impl Seen {
    fn new(kinds: usize) -> Self {
        let histogram = || {
            let mut histogram = Histogram::new_with_bounds(1, 60_000_000, 3);
            if let Ok(histogram) = &mut histogram {
                histogram.auto(true);
            }
            histogram
        };
        let latencies = (0..kinds).filter_map(|_| histogram().ok()).collect();
        Self { latencies, errors: BTreeMap::new(), elapsed: Duration::ZERO, position: 0 }
    }

    fn add(&mut self, other: &Self) {
        for (sum, part) in self.latencies.iter_mut().zip(&other.latencies) {
            // Both have the same bounds.
            let _ = sum.add(part);
        }
        for (what, count) in &other.errors {
            *self.errors.entry(what.clone()).or_default() += count;
        }
    }

    /// How many calls succeeded.
    pub(super) fn calls(&self) -> u64 {
        self.latencies.iter().map(Histogram::len).sum()
    }
}

/// Makes calls until the load is done. `next` gives call number `n`.
pub(super) async fn drive<F>(connections: &[Connection], load: Load, kinds: usize, next: F) -> Seen
where
    F: Fn(u64) -> Call + Send + Sync + 'static,
{
    let (next, turn, position) = (Arc::new(next), Arc::new(AtomicU64::new(0)), Arc::new(AtomicI64::new(0)));
    let start = Instant::now();
    let end = start + load.time;
    let mut workers = JoinSet::new();
    for connection in connections {
        for _ in 0..load.streams {
            let (connection, next, turn, position) = (connection.clone(), next.clone(), turn.clone(), position.clone());
            workers.spawn(async move {
                let mut seen = Seen::new(kinds);
                loop {
                    let n = turn.fetch_add(1, Relaxed);
                    let began = Instant::now();
                    if n >= load.calls || began >= end {
                        return seen;
                    }
                    let call = next(n);
                    let kind = call.kind;
                    match wire::call(&connection, call).await {
                        Ok(answer) => {
                            position.fetch_max(answer.position, Relaxed);
                            let micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX);
                            seen.latencies[kind].saturating_record(micros.max(1));
                        }
                        Err(status) => *seen.errors.entry(described(&status)).or_default() += 1,
                    }
                }
            });
        }
    }
    let mut all = Seen::new(kinds);
    while let Some(Ok(seen)) = workers.join_next().await {
        all.add(&seen);
    }
    (all.elapsed, all.position) = (start.elapsed(), position.load(Relaxed));
    all
}

fn described(status: &tonic::Status) -> String {
    format!("{:?}: {}", status.code(), status.message())
}
