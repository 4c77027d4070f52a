//! What stands round every call of the driver: a limit of time, and the breaker.
//!
//! That a call was not answered in time does not tell a server that is gone from a query that is slow. So somebody looks:
//! a connection apart from all others and one small query. If that is not answered either, the breaker opens.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use neo4rs::Query;
use plaza_core::{Cx, Result};
use tokio::time::Instant;

use super::errors::Fault;
use super::pool::Pool;
use super::settings::Neo4jOptions;
use crate::{Breaker, BreakerOptions};

/// A call that finds out whether the server is back does not wait longer.
const PROBE_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a look may take.
const LOOK_TIMEOUT: Duration = Duration::from_millis(1_500);
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
    fn within(time: Duration) -> Self {
        Self { end: Instant::now() + time, by_deadline: false }
    }

    pub(super) fn left(self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    /// What is left in milliseconds, at least one.
    pub(super) fn left_ms(self) -> i64 {
        i64::try_from(self.left().as_millis()).unwrap_or(i64::MAX).max(1)
    }
}

/// Time limits and the breaker of one server.
pub(super) struct Guard(Arc<Inner>);

struct Inner {
    breaker: Breaker,
    call_timeout: Duration,
    /// The connection to look with.
    pool: Pool,
    looking: AtomicBool,
}

impl Guard {
    pub(super) fn new(options: &Neo4jOptions) -> Result<Self> {
        Ok(Self(Arc::new(Inner {
            breaker: Breaker::new(BreakerOptions::default()),
            call_timeout: options.call_timeout,
            pool: Pool::new(options, 1)?,
            looking: AtomicBool::new(false),
        })))
    }

    /// When a call of `cx` that starts now must be done.
    pub(super) fn limit(&self, cx: &Cx) -> Limit {
        let cap = Instant::now() + self.0.call_timeout;
        Limit { end: cap.min(cx.deadline()), by_deadline: cx.deadline() <= cap }
    }

    /// Runs a call of the driver, no longer than `limit`.
    pub(super) async fn call<T>(
        &self,
        limit: Limit,
        work: impl Future<Output = Result<T, neo4rs::Error>>,
    ) -> Result<T, Fault> {
        let (began, permit) = (Instant::now(), self.0.breaker.admit()?);
        let probe = Limit::within(PROBE_TIMEOUT);
        let limit = if permit.is_probe() && probe.end < limit.end { probe } else { limit };
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
                if began.elapsed() >= TELLING {
                    permit.failed();
                    self.look();
                }
                Err(Fault::silent(limit.by_deadline))
            }
        }
    }

    pub(super) fn is_open(&self) -> bool {
        self.0.breaker.is_open()
    }

    /// Looks whether the server answers, unless somebody does already.
    fn look(&self) {
        if self.0.looking.swap(true, Relaxed) {
            return;
        }
        let inner = self.0.clone();
        tokio::spawn(async move {
            if inner.is_silent().await {
                tracing::warn!("neo4j does not answer");
                inner.breaker.trip();
            }
            inner.looking.store(false, Relaxed);
        });
    }
}

impl Inner {
    async fn is_silent(&self) -> bool {
        let limit = Limit::within(LOOK_TIMEOUT);
        let Ok(lease) = self.pool.lease(limit).await else { return false };
        let work = async {
            let mut rows = lease.graph().execute(Query::new("RETURN 1".to_owned())).await?;
            rows.next().await
        };
        match tokio::time::timeout_at(limit.end, work).await {
            Ok(answer) => answer.is_err_and(|error| Fault::from(error).is_away()),
            Err(_) => true,
        }
    }
}
