//! Hands what a consumer has applied to the marks that a service's reads wait on.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use plaza_core::{Cx, Result};
use plaza_events::{Digest, Event, EventLog, Marks, Projection};

/// How long reading a cursor may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A projection that raises its service's marks as soon as a batch is applied.
pub(super) struct Marked {
    inner: Arc<dyn Projection>,
    marks: Marks,
}

impl Marked {
    /// `inner` with its service's `marks`, raised to where its cursor in `log` stands.
    pub(super) async fn new(inner: Arc<dyn Projection>, marks: Marks, log: &dyn EventLog) -> Result<Arc<Self>> {
        let cx = Cx::background(inner.name(), TIMEOUT);
        let cursor = cx.within(log.load_cursor(&cx, inner.name())).await?;
        marks.raise(cursor.positions.iter().map(|(source, position)| (source.as_str(), *position)));
        Ok(Arc::new(Self { inner, marks }))
    }
}

#[async_trait]
impl Projection for Marked {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn sources(&self) -> &[&'static str] {
        self.inner.sources()
    }

    fn keys(&self, event: &Event) -> Vec<i64> {
        self.inner.keys(event)
    }

    async fn project(&self, cx: &Cx, keys: &[i64]) -> Result<()> {
        self.inner.project(cx, keys).await
    }

    async fn scan_truth(&self, cx: &Cx, after: i64, limit: usize) -> Result<Vec<(i64, Digest)>> {
        self.inner.scan_truth(cx, after, limit).await
    }

    async fn digests(&self, cx: &Cx, keys: &[i64]) -> Result<Vec<Option<Digest>>> {
        self.inner.digests(cx, keys).await
    }

    fn absence_is_drift(&self) -> bool {
        self.inner.absence_is_drift()
    }

    async fn apply(&self, cx: &Cx, events: &[Event]) -> Result<()> {
        self.inner.apply(cx, events).await?;
        self.marks.raise(events.iter().map(|event| (event.source.as_str(), event.position)));
        Ok(())
    }
}
