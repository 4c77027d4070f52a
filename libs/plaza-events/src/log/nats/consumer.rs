//! A part in a durable consumer.

use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::AckKind;
use async_nats::jetstream::consumer::pull::Config;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy};
use async_nats::{Subject, Subscriber};
use async_trait::async_trait;
use futures::StreamExt as _;
use parking_lot::Mutex;
use plaza_core::{Cx, Position, Result};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::broker::{Broker, Extent, Streams};
use super::errors::NatsResultExt as _;
use super::pull::{Pulled, Puller};
use super::turn::{Look, Record, Turn, Watcher};
use super::{advisory, keeper};
use crate::log::{Consumer, Delivery, Offset, Positions};

/// Events that may be delivered and not acknowledged: more than are applied between two commits.
const UNACKNOWLEDGED: i64 = 20_000;
/// How often the record of a consumer that others apply is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// In a cluster what one server has is everywhere after this time.
const SETTLED: Duration = Duration::from_secs(5);
/// The time that telling the others may take.
const TELL: Duration = Duration::from_millis(100);

/// What the process that has the turn tells the others.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Marks {
    applied: Positions,
    given_up: Positions,
}

/// A part in a consumer.
pub(super) struct NatsConsumer {
    broker: Arc<Broker>,
    name: String,
    sources: Vec<String>,
    watcher: Watcher,
    /// What others tell, while this process stands by.
    told: Option<Subscriber>,
    /// What was told last of the record.
    known: Record,
    having: Option<Having>,
}

/// What there is to having the turn.
struct Having {
    turn: Arc<Turn>,
    /// Of which stream of events the numbers tell.
    epoch: i64,
    /// Delivered and not acknowledged.
    hand: Arc<Mutex<Vec<(u64, Subject)>>>,
    puller: Option<Puller>,
    /// Everything up to here was delivered.
    delivered: u64,
    /// Where the log ended when it was looked at, and when that was, with nothing delivered since.
    idle_at: Option<(u64, Instant)>,
    /// Whether its numbers tell nothing any more.
    void: bool,
    /// What the server gave up.
    advisories: Subscriber,
    _keeper: AbortOnDropHandle<()>,
}

impl NatsConsumer {
    pub(super) fn new(broker: Arc<Broker>, name: &str, sources: &[&str]) -> Self {
        let me = broker.env.event_id().simple().to_string();
        let (name, sources) = (name.to_owned(), sources.iter().map(|source| (*source).to_owned()).collect());
        let watcher = Watcher::new(&name, &me);
        Self { broker, name, sources, watcher, told: None, known: Record::default(), having: None }
    }

    /// The consumer on the server: made anew for each turn, and whenever it ends or stalls.
    fn declared(&self, start_sequence: u64) -> Config {
        let options = &self.broker.options;
        let wait = options.ack_wait;
        Config {
            durable_name: Some(self.name.clone()),
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence },
            ack_policy: AckPolicy::Explicit,
            ack_wait: wait,
            backoff: vec![wait, wait * 2, wait * 4],
            max_deliver: options.max_deliver,
            max_ack_pending: UNACKNOWLEDGED,
            filter_subjects: self.sources.iter().map(|source| self.broker.names.source(source)).collect(),
            num_replicas: options.replicas,
            ..Config::default()
        }
    }

    /// Takes the turn if it is free; else waits for something to tell of whoever has it.
    async fn stand_by(&mut self, cx: &Cx, wait: Duration) -> Result<Option<Delivery>> {
        let until = Instant::now() + wait;
        if self.told.is_none() {
            let subject = self.broker.names.marks(&self.name);
            self.told = Some(self.broker.client.subscribe(subject).await.nats("subscribe")?);
        }
        loop {
            let since = Instant::now();
            match self.watcher.look(&self.broker, cx).await? {
                Look::Mine(seen) => {
                    let record = seen.record.clone();
                    let turn = Turn::new(self.broker.clone(), &self.name, seen, since);
                    self.having = Some(self.begin(turn, &record).await?);
                    (self.told, self.known) = (None, record);
                    return Ok(None);
                }
                Look::Theirs(record) if record != self.known => {
                    self.known = record;
                    return Ok(Some(self.heard(Marks::default())));
                }
                Look::Theirs(_) => {}
            }
            let Some(told) = &mut self.told else { continue };
            match tokio::time::timeout_at(until.min(since + LOOK), told.next()).await {
                Ok(Some(message)) => {
                    return Ok(Some(self.heard(serde_json::from_slice(&message.payload).unwrap_or_default())));
                }
                Ok(None) => self.told = None,
                Err(_) if Instant::now() >= until => return Ok(Some(self.heard(Marks::default()))),
                Err(_) => {}
            }
        }
    }

    /// What another process has applied.
    fn heard(&self, marks: Marks) -> Delivery {
        let (next, mut applied) = (offset(self.known.floor), self.known.positions.clone());
        applied.extend(marks.applied);
        Delivery { next, end: next, applied, given_up: marks.given_up, ..Delivery::default() }
    }

    async fn begin(&self, turn: Turn, record: &Record) -> Result<Having> {
        let (turn, hand) = (Arc::new(turn), Arc::default());
        let advisories =
            self.broker.client.subscribe(self.broker.names.given_up(&self.name)).await.nats("subscribe")?;
        let keeper = tokio::spawn(keeper::keep(self.broker.clone(), Arc::clone(&turn), Arc::clone(&hand)));
        let Record { floor, epoch, .. } = *record;
        tracing::info!(consumer = self.name, floor, "has the turn");
        let keeper = AbortOnDropHandle::new(keeper);
        Ok(Having {
            turn,
            epoch,
            hand,
            puller: None,
            delivered: floor,
            idle_at: None,
            void: false,
            advisories,
            _keeper: keeper,
        })
    }

    /// The next events, with the turn.
    async fn pull(&mut self, cx: &Cx, limit: usize, wait: Duration) -> Result<Delivery> {
        let declared = self.having.as_ref().map(|having| self.declared(having.delivered + 1));
        let (Some(having), Some(declared)) = (&mut self.having, declared) else { return Ok(Delivery::default()) };
        advisory::bury(&self.broker, cx, &self.name, &mut having.advisories).await?;
        let mut puller = match having.puller.take() {
            Some(puller) => puller,
            None if having.end(&self.broker, cx).await?.is_none() => return Ok(having.deliver(Vec::new())),
            None => Puller::make(&self.broker, cx, declared).await?,
        };
        // Without an answer there is no puller, and the next call makes one.
        let mut pulled = puller.ready(&self.broker, cx, limit).await?;
        if pulled.is_empty() {
            having.pass_over(&self.broker, cx).await?;
            if !wait.is_zero() && having.is_mine() {
                pulled = puller.one(&self.broker, cx, wait).await?;
            }
        }
        having.puller = Some(puller);
        Ok(having.deliver(pulled))
    }
}

impl Having {
    fn is_mine(&self) -> bool {
        self.turn.is_mine() && !self.void
    }

    /// With nothing to deliver, what the log had at the last look concerns other consumers: it counts as delivered. In a
    /// cluster the server that delivers may be behind the one that was looked at.
    async fn pass_over(&mut self, broker: &Broker, cx: &Cx) -> Result<()> {
        let settled = if broker.options.replicas > 1 { SETTLED } else { Duration::ZERO };
        let looked = self.idle_at.filter(|(_, at)| at.elapsed() >= settled);
        if let Some((end, _)) = looked {
            self.delivered = self.delivered.max(end);
        }
        let end = self.end(broker, cx).await?;
        if looked.is_some() || self.idle_at.is_none() {
            self.idle_at = end.map(|end| (end, Instant::now()));
        }
        Ok(())
    }

    /// Where the log ends; `None` if it is not the one that it was, or lost what it delivered.
    async fn end(&mut self, broker: &Broker, cx: &Cx) -> Result<Option<u64>> {
        let Extent { epoch, last, .. } = broker.on(cx, async |streams: &Streams| streams.extent().await).await?;
        if epoch == self.epoch && last >= self.delivered {
            return Ok(Some(last));
        }
        tracing::warn!(delivered = self.delivered, last, "the log has lost what it delivered: starting over");
        self.void = true;
        Ok(None)
    }

    fn deliver(&mut self, pulled: Vec<Pulled>) -> Delivery {
        let mut events = Vec::with_capacity(pulled.len());
        let mut pending = 0;
        let mut hand = self.hand.lock();
        for Pulled { event, sequence, again, pending: more, reply } in pulled {
            self.idle_at = None;
            pending = more;
            hand.push((sequence, reply));
            if sequence > self.delivered {
                self.delivered = sequence;
                events.extend(event);
            } else if !again {
                tracing::error!(
                    sequence,
                    delivered = self.delivered,
                    "the log delivers what it had passed: starting over"
                );
                self.void = true;
            }
        }
        let next = offset(self.delivered);
        Delivery { events, next, end: next.saturating_add(offset(pending)), ..Delivery::default() }
    }
}

#[async_trait]
impl Consumer for NatsConsumer {
    async fn next(&mut self, cx: &Cx, limit: usize, wait: Duration) -> Result<Delivery> {
        if !self.has_turn() {
            if let Some(having) = self.having.as_ref().filter(|having| having.void) {
                having.turn.write(cx, |record| record.floor = 0).await?;
                having.turn.lapse();
            }
            if self.having.take().is_some() {
                tracing::warn!(consumer = self.name, "the turn is over");
            }
            if let Some(delivery) = self.stand_by(cx, wait).await? {
                return Ok(delivery);
            }
            let applied = self.known.positions.clone();
            let delivery = self.pull(cx, limit, Duration::ZERO).await?;
            return Ok(Delivery { applied, took_over: true, ..delivery });
        }
        self.pull(cx, limit, wait).await
    }

    fn has_turn(&self) -> bool {
        self.having.as_ref().is_some_and(Having::is_mine)
    }

    async fn announce(&mut self, applied: &[(String, Position)], given_up: &[(String, Position)]) {
        if let Some(having) = &self.having {
            having.turn.raise(applied);
        }
        let marks = Marks { applied: applied.to_vec(), given_up: given_up.to_vec() };
        let Ok(payload) = serde_json::to_vec(&marks) else { return };
        let tell = self.broker.client.publish(self.broker.names.marks(&self.name), payload.into());
        // Whoever does not hear it learns of it from the record.
        let _ = tokio::time::timeout(TELL, tell).await;
    }

    async fn commit(&mut self, cx: &Cx, positions: &[(String, Position)]) -> Result<()> {
        let Some(having) = self.having.as_mut().filter(|having| having.is_mine()) else { return Ok(()) };
        let floor = having.delivered;
        let wrote = having.turn.write(cx, |record| {
            record.floor = floor;
            record.positions = positions.to_vec();
        });
        if !wrote.await? {
            return Ok(());
        }
        let acknowledged = std::mem::take(&mut *having.hand.lock());
        for (_, reply) in acknowledged {
            // One that is lost makes the event come again, and then it is acknowledged again.
            self.broker.client.publish(reply, AckKind::Ack.into()).await.nats("acknowledge")?;
        }
        Ok(())
    }

    async fn leave(&mut self, cx: &Cx) -> Result<()> {
        let Some(having) = self.having.take() else { return Ok(()) };
        having.turn.write(cx, |record| record.holder.clear()).await?;
        having.turn.lapse();
        self.announce(&[], &[]).await;
        self.broker.client.flush().await.nats("flush")
    }
}

pub(super) fn offset(sequence: u64) -> Offset {
    Offset::try_from(sequence).unwrap_or(Offset::MAX)
}
