//! What came after a position: its place is found by halving, and what follows is read by a consumer of the moment.

use std::time::Duration;

use async_nats::jetstream::consumer::pull::Config;
use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy};
use plaza_core::{Cx, Position, Result};

use super::broker::{Broker, Streams};
use super::publish::search;
use super::pull::Puller;
use crate::Event;

/// The server forgets the consumer after this time.
const FORGOTTEN: Duration = Duration::from_secs(5);
/// How many events are asked for at once.
const BATCH: usize = 500;

/// The events of `source` after `after`, up to `limit`; `None` if there is none up to it.
pub(super) async fn since(
    broker: &Broker,
    cx: &Cx,
    source: &str,
    after: Position,
    limit: usize,
) -> Result<Option<Vec<Event>>> {
    let subject = broker.names.source(source);
    let look = broker.on(cx, async |streams: &Streams| {
        let last = streams.extent().await?.last;
        let first = search(&streams.events, &subject, last, |_| false).await?;
        if first.is_none_or(|(_, event)| event.position > after) {
            return Ok(None);
        }
        Ok(Some(search(&streams.events, &subject, last, |event| event.position <= after).await?))
    });
    match look.await? {
        None => Ok(None),
        Some(None) => Ok(Some(Vec::new())),
        Some(Some((sequence, _))) => read(broker, cx, subject, sequence, limit).await.map(Some),
    }
}

async fn read(broker: &Broker, cx: &Cx, subject: String, sequence: u64, limit: usize) -> Result<Vec<Event>> {
    let declared = Config {
        deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: sequence },
        ack_policy: AckPolicy::None,
        filter_subject: subject,
        inactive_threshold: FORGOTTEN,
        memory_storage: true,
        num_replicas: 1,
        ..Config::default()
    };
    let mut puller = Puller::make(broker, cx, declared).await?;
    let (mut events, mut read) = (Vec::new(), 0);
    while read < limit {
        let pulled = puller.ready(broker, cx, BATCH.min(limit - read)).await?;
        read += pulled.len();
        let at_end = pulled.last().is_none_or(|last| last.pending == 0);
        events.extend(pulled.into_iter().filter_map(|pulled| pulled.event));
        if at_end {
            break;
        }
    }
    Ok(events)
}
