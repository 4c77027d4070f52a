//! What a consumer tells about itself.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering::Relaxed};

use parking_lot::Mutex;
use plaza_core::Timestamp;

use crate::Gauge;
use crate::log::Offset;

/// How a consumer is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Everything up to here is applied.
    pub offset: Offset,
    /// Where the log ended at the last look.
    pub end: Offset,
    /// How many events of the log are not looked at yet, those of other sources included.
    pub lag_events: i64,
    /// The age of the oldest event that is being applied; 0 when there is none.
    pub lag_ms: i64,
    /// Whether the last try failed.
    pub degraded: bool,
    /// Why.
    pub last_error: Option<String>,
    /// Events applied since the start.
    pub applied: u64,
    /// Events given up since the start.
    pub dead_letters: u64,
}

/// Written by the consumer, read by whoever asks.
#[derive(Debug, Default)]
pub(super) struct State {
    offset: AtomicI64,
    end: AtomicI64,
    /// When the oldest event in hand was written; 0 for none in hand.
    oldest: AtomicI64,
    degraded: AtomicBool,
    applied: AtomicU64,
    buried: AtomicU64,
    last_error: Mutex<Option<String>>,
}

impl State {
    /// The log ends at `end`; if nothing is between, `next` is reached.
    pub(super) fn seen_end(&self, next: Offset, end: Offset) {
        self.end.store(end.max(next), Relaxed);
        self.recovered();
    }

    pub(super) fn ends_at(&self, end: Offset) {
        self.end.fetch_max(end, Relaxed);
    }

    pub(super) fn begin(&self, oldest: Timestamp) {
        self.oldest.store(oldest.0, Relaxed);
    }

    pub(super) fn reached(&self, next: Offset, end: Offset, events: usize) {
        self.offset.store(next, Relaxed);
        self.applied.fetch_add(events as u64, Relaxed);
        if next >= end {
            self.oldest.store(0, Relaxed);
        }
    }

    pub(super) fn failed(&self, error: String) {
        *self.last_error.lock() = Some(error);
        self.degraded.store(true, Relaxed);
    }

    pub(super) fn recovered(&self) {
        if self.degraded.swap(false, Relaxed) {
            *self.last_error.lock() = None;
        }
    }

    pub(super) fn is_degraded(&self) -> bool {
        self.degraded.load(Relaxed)
    }

    pub(super) fn buried(&self) {
        self.buried.fetch_add(1, Relaxed);
    }

    pub(super) fn status(&self, now: Timestamp) -> Status {
        let (offset, end, oldest) = (self.offset.load(Relaxed), self.end.load(Relaxed), self.oldest.load(Relaxed));
        Status {
            offset,
            end,
            lag_events: (end - offset).max(0),
            lag_ms: if oldest == 0 { 0 } else { (now.0 - oldest).max(0) },
            degraded: self.degraded.load(Relaxed),
            last_error: self.last_error.lock().clone(),
            applied: self.applied.load(Relaxed),
            dead_letters: self.buried.load(Relaxed),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    pub(super) fn observe(&self, projection: &str, now: Timestamp) -> Vec<Gauge> {
        let status = self.status(now);
        let figure = |name, value| Gauge::new(name, "projection", projection, value);
        vec![
            figure("projection_lag_events", status.lag_events as f64),
            figure("projection_lag_ms", status.lag_ms as f64),
            figure("projection_degraded", f64::from(u8::from(status.degraded))),
            figure("projection_applied_events_total", status.applied as f64),
            figure("projection_dead_letters_total", status.dead_letters as f64),
        ]
    }
}
