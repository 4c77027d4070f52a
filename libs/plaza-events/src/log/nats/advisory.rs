//! Events that the server gave up delivering: the last resort, after many deliveries that nobody acknowledged.

use async_nats::Subscriber;
use futures::{FutureExt as _, StreamExt as _};
use plaza_core::{Cx, Result};
use serde::Deserialize;

use super::broker::{Broker, Streams};
use super::errors::unavailable;
use super::{letters, wire};
use crate::log::DeadLetter;

/// What the server says of it.
#[derive(Deserialize)]
struct Advisory {
    stream_seq: u64,
    deliveries: u32,
}

/// Puts what the server gave up since the last call into the dead letters.
pub(super) async fn bury(broker: &Broker, cx: &Cx, consumer: &str, advisories: &mut Subscriber) -> Result<()> {
    while let Some(Some(message)) = advisories.next().now_or_never() {
        let Ok(advisory) = serde_json::from_slice::<Advisory>(&message.payload) else { continue };
        let stored = broker.on(cx, async |streams: &Streams| {
            let message = streams.events.direct_get(advisory.stream_seq).await;
            wire::stored(message.map_err(|error| unavailable("read an event", error))?)
        });
        let (_, event) = stored.await?;
        tracing::error!(consumer, event = %event.id, deliveries = advisory.deliveries, "event given up by the server");
        let letter = DeadLetter {
            id: 0,
            consumer: consumer.to_owned(),
            event,
            reason: "delivered again and again and never acknowledged".to_owned(),
            tries: advisory.deliveries,
            at: broker.env.now(),
        };
        letters::put(broker, cx, &letter).await?;
    }
    Ok(())
}
