//! Pulling from a consumer on the server, by requests of one answer each.
//!
//! What the server delivers it numbers. A number that is left out was lost on the way, and then nothing more is taken
//! from this consumer: what comes after the gap must not be applied before what is in it.

use std::time::Duration;

use async_nats::jetstream::Message;
use async_nats::jetstream::consumer::PullConsumer;
use async_nats::jetstream::consumer::pull::{BatchConfig, Config};
use async_nats::{StatusCode, Subject};
use futures::StreamExt as _;
use plaza_core::{Cx, Result};
use tokio::time::Instant;

use super::broker::{Broker, Streams};
use super::errors::{NatsResultExt as _, unavailable};
use super::wire;
use crate::Event;

/// An answer is this late at most before the consumer counts as stalled.
const LATE: Duration = Duration::from_secs(2);
/// One request waits so long at most for an event, so that a broker that is gone is noticed.
pub(super) const STANDING: Duration = Duration::from_secs(1);

/// A delivered event.
pub(super) struct Pulled {
    /// `None` for a message that is no event.
    pub(super) event: Option<Event>,
    /// Its number in the stream.
    pub(super) sequence: u64,
    /// Whether it was delivered before.
    pub(super) again: bool,
    /// How many more wait after it.
    pub(super) pending: u64,
    /// Where to acknowledge it.
    pub(super) reply: Subject,
}

/// Pulls from one consumer.
pub(super) struct Puller {
    consumer: PullConsumer,
    /// How many messages were delivered.
    delivered: u64,
}

impl Puller {
    /// Makes a consumer as declared. One of the same name goes: it remembers deliveries that nobody has any more.
    pub(super) async fn make(broker: &Broker, cx: &Cx, declared: Config) -> Result<Self> {
        let make = broker.on(cx, async |streams: &Streams| {
            if let Some(name) = &declared.durable_name {
                // That there is none is what is wanted.
                let _ = streams.events.delete_consumer(name).await;
            }
            streams.events.create_consumer(declared.clone()).await.nats("make consumer")
        });
        Ok(Self { consumer: make.await?, delivered: 0 })
    }

    /// What there is, up to `limit`; at once.
    pub(super) async fn ready(&mut self, broker: &Broker, cx: &Cx, limit: usize) -> Result<Vec<Pulled>> {
        let batch = BatchConfig { batch: limit, no_wait: true, ..BatchConfig::default() };
        self.pull(broker, cx, batch, Duration::ZERO).await
    }

    /// The next event, if it comes within `wait`, of which up to [`STANDING`] is used.
    pub(super) async fn one(&mut self, broker: &Broker, cx: &Cx, wait: Duration) -> Result<Vec<Pulled>> {
        let wait = wait.min(STANDING);
        let batch = BatchConfig { batch: 1, expires: Some(wait), ..BatchConfig::default() };
        self.pull(broker, cx, batch, wait).await
    }

    /// After a failure the streams are looked at anew: they may be gone with the consumer.
    async fn pull(&mut self, broker: &Broker, cx: &Cx, batch: BatchConfig, wait: Duration) -> Result<Vec<Pulled>> {
        let pulled = self.request(broker, cx, batch, wait).await;
        if pulled.is_err() {
            broker.forget_streams().await;
        }
        pulled
    }

    async fn request(&mut self, broker: &Broker, cx: &Cx, batch: BatchConfig, wait: Duration) -> Result<Vec<Pulled>> {
        let limit = batch.batch;
        let inbox = Subject::from(broker.client.new_inbox());
        let mut answers = broker.client.subscribe(inbox.clone()).await.nats("pull")?;
        self.consumer.request_batch(batch, inbox).await.nats("pull")?;
        let deadline = (Instant::now() + wait + LATE).min(cx.deadline());
        let mut pulled = Vec::new();
        while pulled.len() < limit {
            let answer = match tokio::time::timeout_at(deadline, answers.next()).await {
                Ok(Some(answer)) => answer,
                Ok(None) => return Err(unavailable("pull", "the subscription ended")),
                Err(_) => return Err(unavailable("pull", "no heartbeat: the consumer has stalled")),
            };
            match answer.status.unwrap_or(StatusCode::OK) {
                StatusCode::OK => pulled.push(self.take(broker, answer)?),
                StatusCode::IDLE_HEARTBEAT => {}
                StatusCode::NOT_FOUND | StatusCode::TIMEOUT => break,
                status => {
                    let why = answer.description.unwrap_or_default();
                    return Err(unavailable("pull", format!("{status} {why}")));
                }
            }
        }
        Ok(pulled)
    }

    fn take(&mut self, broker: &Broker, message: async_nats::Message) -> Result<Pulled> {
        let message = Message { message, context: broker.js.clone() };
        let info = message.info().nats("read a delivery")?;
        let expected = self.delivered + 1;
        if info.consumer_sequence != expected {
            let got = info.consumer_sequence;
            return Err(unavailable("pull", format!("delivery {expected} was lost on the way: this is {got}")));
        }
        let (sequence, pending, again) = (info.stream_sequence, info.pending, info.delivered > 1);
        self.delivered = expected;
        let reply = message.message.reply.clone().unwrap_or_else(|| Subject::from(String::new()));
        let message = message.message;
        let event = wire::event(wire::source(&message.subject), &message.headers.unwrap_or_default(), message.payload);
        let event = event.inspect_err(|_| tracing::error!(sequence, "a message of the event log is no event")).ok();
        Ok(Pulled { event, sequence, again, pending, reply })
    }
}
