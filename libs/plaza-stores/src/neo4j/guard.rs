//! What stands round every call of the driver: a limit of time, and the breaker.

use std::future::Future;
use std::time::Duration;

use plaza_core::Cx;
use tokio::time::Instant;

use super::errors::Fault;
use crate::{Breaker, BreakerOptions};

/// A call that looks whether the server is back does not wait longer.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);
/// A call that waited less than this says nothing about the server when its time is over.
const TELLING: Duration = Duration::from_millis(500);

/// When a call must be done.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limit {
    pub(super) end: Instant,
    /// Whether it is the caller's deadline, rather than the limit that every call has.
    pub(super) by_deadline: bool,
}

impl Limit {
    pub(super) fn left(self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    /// What is left in milliseconds, at least one.
    pub(super) fn left_ms(self) -> i64 {
        i64::try_from(self.left().as_millis()).unwrap_or(i64::MAX).max(1)
    }
}

/// Time limits and the breaker of one server.
#[derive(Debug)]
pub(super) struct Guard {
    breaker: Breaker,
    call_timeout: Duration,
}

impl Guard {
    pub(super) fn new(call_timeout: Duration) -> Self {
        Self { breaker: Breaker::new(BreakerOptions::default()), call_timeout }
    }

    /// When a call of `cx` that starts now must be done.
    pub(super) fn limit(&self, cx: &Cx) -> Limit {
        let cap = Instant::now() + self.call_timeout;
        Limit { end: cap.min(cx.deadline()), by_deadline: cx.deadline() <= cap }
    }

    /// Runs a call of the driver, no longer than `limit`.
    pub(super) async fn call<T>(
        &self,
        limit: Limit,
        work: impl Future<Output = Result<T, neo4rs::Error>>,
    ) -> Result<T, Fault> {
        let (began, permit) = (Instant::now(), self.breaker.admit()?);
        let probe_end = began + PROBE_TIMEOUT;
        let limit = if permit.is_probe() && probe_end < limit.end {
            Limit { end: probe_end, by_deadline: false }
        } else {
            limit
        };
        match tokio::time::timeout_at(limit.end, work).await {
            Ok(Ok(value)) => {
                permit.succeeded();
                Ok(value)
            }
            Ok(Err(error)) => {
                let fault = Fault::from(error);
                if fault.is_away() {
                    permit.failed();
                } else {
                    permit.succeeded();
                }
                Err(fault)
            }
            Err(_) => {
                // What counts is how long this one call was not answered, not how long its transaction took.
                let waited = began.elapsed();
                if waited >= self.call_timeout / 2 {
                    permit.silent();
                } else if waited >= TELLING {
                    permit.failed();
                }
                Err(Fault::silent(limit.by_deadline))
            }
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.breaker.is_open()
    }
}
