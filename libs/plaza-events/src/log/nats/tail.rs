//! A tail: a consumer on the server for this reader alone, which remembers nothing.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::pull::Config;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy};
use async_trait::async_trait;
use plaza_core::{Cx, Result};

use super::broker::{Broker, Extent, Streams};
use super::pull::Puller;
use crate::log::{Heard, Tail};

/// The server forgets the consumer of a reader that is gone after this time.
const FORGOTTEN: Duration = Duration::from_secs(30);

/// Where a tail goes on when its consumer has to be made anew.
#[derive(Clone, Copy)]
struct Place {
    epoch: i64,
    sequence: u64,
}

/// A tail.
pub(super) struct NatsTail {
    broker: Arc<Broker>,
    sources: Vec<String>,
    puller: Option<Puller>,
    /// `None` until it has heard the last event of each source.
    at: Option<Place>,
    /// Where it is once it has.
    opening: Option<Place>,
    missed: bool,
}

impl NatsTail {
    pub(super) fn new(broker: Arc<Broker>, sources: &[&str]) -> Self {
        let sources = sources.iter().map(|source| (*source).to_owned()).collect();
        Self { broker, sources, puller: None, at: None, opening: None, missed: false }
    }

    /// The consumer: after the place where the tail is, or from the last event of each source if that place is gone.
    async fn open(&mut self, cx: &Cx) -> Result<Puller> {
        let look = self.broker.on(cx, async |streams: &Streams| {
            let Extent { epoch, first, last } = streams.extent().await?;
            Ok((Place { epoch, sequence: last }, first))
        });
        let (end, first) = look.await?;
        let lost = |at: Place| at.epoch != end.epoch || at.sequence > end.sequence || at.sequence + 1 < first;
        if self.at.is_some_and(lost) {
            (self.at, self.missed) = (None, true);
        }
        if self.at.is_none() {
            self.opening = Some(end);
        }
        let deliver_policy = match self.at {
            Some(at) => DeliverPolicy::ByStartSequence { start_sequence: at.sequence + 1 },
            None => DeliverPolicy::LastPerSubject,
        };
        let declared = Config {
            deliver_policy,
            ack_policy: AckPolicy::None,
            filter_subjects: self.sources.iter().map(|source| self.broker.names.source(source)).collect(),
            inactive_threshold: FORGOTTEN,
            memory_storage: true,
            num_replicas: 1,
            ..Config::default()
        };
        Puller::make(&self.broker, cx, declared).await
    }
}

#[async_trait]
impl Tail for NatsTail {
    async fn next(&mut self, cx: &Cx, limit: usize, wait: Duration) -> Result<Heard> {
        let mut puller = match self.puller.take() {
            Some(puller) => puller,
            None => self.open(cx).await?,
        };
        // Whoever just opened hears all last events at once, as there are few sources.
        let limit = limit.max(self.sources.len());
        let mut pulled = puller.ready(&self.broker, cx, limit).await?;
        if pulled.is_empty() && self.at.is_some() && !wait.is_zero() {
            pulled = puller.one(&self.broker, cx, wait).await?;
        }
        let caught_up = pulled.last().is_none_or(|last| last.pending == 0);
        let place = self.at.or(self.opening.take());
        let sequence = pulled.iter().map(|pulled| pulled.sequence).max();
        self.at = place.map(|at| Place { sequence: at.sequence.max(sequence.unwrap_or(0)), ..at });
        self.puller = Some(puller);
        let missed = std::mem::take(&mut self.missed);
        Ok(Heard { events: pulled.into_iter().filter_map(|pulled| pulled.event).collect(), missed, caught_up })
    }
}
