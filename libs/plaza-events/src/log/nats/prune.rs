//! Pruning: what is old, and read by every consumer, but for the last event of each source.

use futures::TryStreamExt as _;
use plaza_core::{Cx, Result, Timestamp};

use super::broker::{Broker, Streams};
use super::errors::NatsResultExt as _;
use super::{publish, turn};

pub(super) async fn prune(broker: &Broker, cx: &Cx, before: Timestamp) -> Result<usize> {
    broker
        .on(cx, async |streams: &Streams| {
            let records = turn::all(streams).await?;
            let epoch = streams.extent().await?.epoch;
            let floors = records.iter().map(|record| if record.epoch == epoch { record.floor } else { 0 });
            let Some(floor) = floors.min() else { return Ok(0) };
            let info = streams.events.info_with_subjects(broker.names.all_events()).await.nats("look at stream")?;
            let sources: Vec<(String, usize)> = info.try_collect().await.nats("look at stream")?;
            let mut pruned = 0;
            for (subject, _) in sources {
                pruned += prune_source(streams, &subject, floor, before).await?;
            }
            Ok(usize::try_from(pruned).unwrap_or(usize::MAX))
        })
        .await
}

async fn prune_source(streams: &Streams, subject: &str, floor: u64, before: Timestamp) -> Result<u64> {
    let Some((last, _)) = publish::last(&streams.events, subject).await? else { return Ok(0) };
    let young = publish::search(&streams.events, subject, last, |event| event.at < before).await?;
    // Up to here and no further; a purge leaves out its own sequence number.
    let keep = young.map_or(last, |(sequence, _)| sequence).min(last).min(floor + 1);
    let purge = streams.events.purge().sequence(keep).filter(subject);
    Ok(purge.await.nats("prune")?.purged)
}
