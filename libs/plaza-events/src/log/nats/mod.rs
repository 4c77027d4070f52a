//! The event log on NATS JetStream.
//!
//! One stream holds all events, a subject for each source. Publications are atomic batches that name the last event they
//! follow ([`publish`]). A consumer's events go to the process that has its turn ([`turn`]), through a durable pull
//! consumer with explicit acknowledgements that is made anew for each turn, where the record says; so the record alone
//! decides what comes next, and nothing that the server remembers of an earlier process can be in the way. A tail has a
//! consumer of its own that remembers nothing.
//!
//! Streams that are gone are made again by whoever notices. The relays fill them from the outboxes; consumers see by the
//! stream's time of birth that their place in it is gone, and start over.

mod advisory;
mod broker;
mod consumer;
mod errors;
mod keeper;
mod letters;
mod names;
mod prune;
mod publish;
mod pull;
mod since;
mod tail;
mod turn;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use plaza_core::{Cx, Env, Error, Position, Result, Timestamp};
use plaza_stores::{Gauge, ServerAddress};

use super::{Consumer, DeadLetter, EventLog, Offset, Tail};
use crate::Event;

use broker::{Broker, Streams};
use consumer::NatsConsumer;
use tail::NatsTail;

/// The time that letting go of the connection may take.
const CLOSE: Duration = Duration::from_secs(2);

/// How a log uses its broker.
#[derive(Clone, Debug)]
pub struct NatsOptions {
    /// What streams and subjects begin with, in lower case: logs with different ones share a broker.
    pub prefix: String,
    /// How many servers of a cluster hold each stream.
    pub replicas: usize,
    /// After this time an event that nobody works on or acknowledges is delivered again.
    pub ack_wait: Duration,
    /// How often an event is delivered before the server gives it up.
    pub max_deliver: i64,
}

impl Default for NatsOptions {
    fn default() -> Self {
        Self { prefix: "plaza".to_owned(), replicas: 1, ack_wait: Duration::from_secs(30), max_deliver: 20 }
    }
}

impl NatsOptions {
    /// Whether the name of a stream can begin with `prefix`: lower-case letters, digits, `-` and `_`.
    #[must_use]
    pub fn is_prefix(prefix: &str) -> bool {
        let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
        !prefix.is_empty() && prefix.bytes().all(fits)
    }
}

/// The event log on NATS JetStream. Clones share it.
#[derive(Clone)]
pub struct NatsLog {
    broker: Arc<Broker>,
}

impl std::fmt::Debug for NatsLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NatsLog").field("options", &self.broker.options).finish_non_exhaustive()
    }
}

impl NatsLog {
    /// The log at `address`. The server need not be there yet: calls fail with `STORE_UNAVAILABLE` until it is.
    ///
    /// # Errors
    /// Internal, inside, if the prefix is none.
    pub async fn connect(address: &ServerAddress, options: NatsOptions, env: Env) -> Result<Self> {
        if !NatsOptions::is_prefix(&options.prefix) {
            return Err(Error::internal(format!("`{}` does not fit into the name of a stream", options.prefix)));
        }
        Ok(Self { broker: Arc::new(Broker::connect(address, options, env).await?) })
    }
}

#[async_trait]
impl EventLog for NatsLog {
    async fn publish(&self, cx: &Cx, after: Position, events: &[Event]) -> Result<usize> {
        publish::publish(&self.broker, cx, after, events).await
    }

    async fn last_position(&self, cx: &Cx, source: &str) -> Result<Position> {
        let subject = self.broker.names.source(source);
        let last = self.broker.on(cx, async |streams: &Streams| publish::last(&streams.events, &subject).await).await?;
        Ok(last.map_or(0, |(_, event)| event.position))
    }

    async fn last_offset(&self, cx: &Cx) -> Result<Offset> {
        let look = self.broker.on(cx, async |streams: &Streams| streams.extent().await);
        Ok(consumer::offset(look.await?.last))
    }

    async fn consumer(&self, _: &Cx, name: &str, sources: &[&str]) -> Result<Box<dyn Consumer>> {
        Ok(Box::new(NatsConsumer::new(self.broker.clone(), name, sources)))
    }

    async fn forget_consumer(&self, cx: &Cx, consumer: &str) -> Result<()> {
        let forget = self.broker.on(cx, async |streams: &Streams| {
            // That there is none is what is wanted.
            let _ = streams.events.delete_consumer(consumer).await;
            turn::forget(streams, consumer).await
        });
        forget.await
    }

    async fn tail(&self, _: &Cx, sources: &[&str]) -> Result<Box<dyn Tail>> {
        Ok(Box::new(NatsTail::new(self.broker.clone(), sources)))
    }

    async fn since(&self, cx: &Cx, source: &str, after: Position, limit: usize) -> Result<Option<Vec<Event>>> {
        since::since(&self.broker, cx, source, after, limit).await
    }

    async fn put_dead_letter(&self, cx: &Cx, letter: &DeadLetter) -> Result<i64> {
        letters::put(&self.broker, cx, letter).await
    }

    async fn dead_letters(&self, cx: &Cx, consumer: Option<&str>, after: i64, limit: usize) -> Result<Vec<DeadLetter>> {
        letters::list(&self.broker, cx, consumer, after, limit).await
    }

    async fn dead_letter(&self, cx: &Cx, id: i64) -> Result<DeadLetter> {
        letters::one(&self.broker, cx, id).await
    }

    async fn remove_dead_letter(&self, cx: &Cx, id: i64) -> Result<bool> {
        letters::remove(&self.broker, cx, id).await
    }

    async fn prune(&self, cx: &Cx, before: Timestamp) -> Result<usize> {
        prune::prune(&self.broker, cx, before).await
    }

    fn observe(&self) -> Vec<Gauge> {
        let connected = if self.broker.is_connected() { 1.0 } else { 0.0 };
        vec![Gauge::new("event_log_connected", "engine", "nats", connected)]
    }

    async fn close(&self) {
        // What was acknowledged is on its way when this returns.
        let _ = tokio::time::timeout(CLOSE, self.broker.client.flush()).await;
    }
}
