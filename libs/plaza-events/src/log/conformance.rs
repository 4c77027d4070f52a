//! What every engine of the event log must do, written against the trait alone.

mod letters;
mod reading;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use plaza_core::{Cx, Position, Result, Timestamp};
use uuid::Uuid;

use super::{Consumer, EventLog};
use crate::Event;

const START: Timestamp = Timestamp(1_800_000_000_000);
/// Longer than any wait that is not in vain.
const LONG: Duration = Duration::from_secs(20);

/// Runs every check, each on a log that `fresh` makes.
///
/// # Errors
/// The first unexpected error of the log.
///
/// # Panics
/// At the first thing that the log does wrong.
pub async fn run<F>(fresh: impl Fn() -> F) -> Result<()>
where
    F: Future<Output = Arc<dyn EventLog>>,
{
    keeps_order_and_content(&*fresh().await).await?;
    skips_what_it_has(&*fresh().await).await?;
    refuses_another_event_in_the_same_place(&*fresh().await).await?;
    refuses_a_publication_that_leaves_a_hole(&*fresh().await).await?;
    passes_over_other_sources(&*fresh().await).await?;
    takes_several_publishers(&fresh().await).await?;
    reading::wakes_who_waits(&fresh().await).await?;
    reading::goes_on_where_it_was_committed(&*fresh().await).await?;
    reading::hears_from_the_end(&fresh().await).await?;
    reading::tells_what_came_since(&*fresh().await).await?;
    letters::keeps_dead_letters(&*fresh().await).await?;
    prunes_only_what_all_have_read(&*fresh().await).await
}

fn cx() -> Cx {
    Cx::background("conformance", Duration::from_secs(30))
}

/// The event at `position` of `source`, one second after the one before; always the same.
#[must_use]
pub fn sample(source: &str, position: i64) -> Event {
    let salt = source.bytes().fold(0, |salt, byte| salt * 31 + u128::from(byte));
    Event {
        source: source.to_owned(),
        position,
        id: Uuid::from_u128((salt << 64) | u128::from(position.unsigned_abs())),
        aggregate_type: "thing".to_owned(),
        aggregate_id: position % 10,
        type_: "plaza.test.v1.Changed".to_owned(),
        payload: vec![0, 255, u8::try_from(position % 256).unwrap_or_default()].into(),
        traceparent: (position % 2 == 0).then(|| "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".to_owned()),
        at: START.plus_ms(position * 1_000),
    }
}

/// The events of `source` at these positions.
#[must_use]
pub fn samples(source: &str, positions: std::ops::RangeInclusive<i64>) -> Vec<Event> {
    positions.map(|position| sample(source, position)).collect()
}

/// Everything of `sources` that the log has now, taken `limit` at a time by a consumer that nobody had before.
///
/// # Errors
/// The log's.
///
/// # Panics
/// If the log goes back, gives more than was asked for, or does not get to its end.
pub async fn read_all(log: &dyn EventLog, sources: &[&str], limit: usize) -> Result<Vec<Event>> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let name = format!("reader-{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let mut reader = log.consumer(&cx(), &name, sources).await?;
    let events = rest(&mut *reader, limit).await?;
    reader.leave(&cx()).await?;
    log.forget_consumer(&cx(), &name).await?;
    Ok(events)
}

/// What a consumer still has to get.
async fn rest(reader: &mut dyn Consumer, limit: usize) -> Result<Vec<Event>> {
    let (mut all, mut at) = (Vec::new(), 0);
    loop {
        let delivery = reader.next(&cx(), limit, Duration::ZERO).await?;
        assert!(reader.has_turn(), "nobody else wants it");
        assert!(delivery.events.len() <= limit, "no more than asked for");
        assert!(delivery.next <= delivery.end && delivery.next >= at, "{at} to {} of {}", delivery.next, delivery.end);
        at = delivery.next;
        let done = delivery.events.is_empty() && at == delivery.end;
        all.extend(delivery.events);
        if done {
            return Ok(all);
        }
    }
}

fn positions(events: &[Event]) -> Vec<Position> {
    events.iter().map(|event| event.position).collect()
}

async fn keeps_order_and_content(log: &dyn EventLog) -> Result<()> {
    assert_eq!((log.last_offset(&cx()).await?, log.last_position(&cx(), "posts").await?), (0, 0));
    assert!(read_all(log, &["posts"], 10).await?.is_empty());
    assert_eq!(log.publish(&cx(), 0, &[]).await?, 0);
    assert_eq!(log.publish(&cx(), 0, &samples("posts", 1..=25)).await?, 25);
    for limit in [1, 7, 25, 100] {
        assert_eq!(read_all(log, &["posts"], limit).await?, samples("posts", 1..=25));
    }
    let end = log.last_offset(&cx()).await?;
    assert!(end >= 25);
    log.publish(&cx(), 25, &samples("posts", 26..=26)).await?;
    assert!(log.last_offset(&cx()).await? > end);
    assert_eq!(log.last_position(&cx(), "posts").await?, 26);
    Ok(())
}

async fn skips_what_it_has(log: &dyn EventLog) -> Result<()> {
    assert_eq!(log.publish(&cx(), 0, &samples("posts", 1..=10)).await?, 10);
    assert_eq!(log.publish(&cx(), 0, &samples("posts", 1..=10)).await?, 0);
    assert_eq!(log.publish(&cx(), 5, &samples("posts", 6..=15)).await?, 5);
    let twice = [sample("posts", 16), sample("posts", 16)];
    assert_eq!(log.publish(&cx(), 15, &twice).await?, 1);
    assert_eq!(log.last_position(&cx(), "posts").await?, 16);
    assert_eq!(log.publish(&cx(), 0, &samples("graph", 1..=3)).await?, 3, "positions belong to their source");
    assert_eq!(log.last_position(&cx(), "graph").await?, 3);
    assert_eq!(log.publish(&cx(), 0, &samples("posts", 1..=16)).await?, 0);
    assert_eq!(read_all(log, &["posts"], 4).await?, samples("posts", 1..=16));
    // Rows that were rolled back leave gaps.
    log.publish(&cx(), 16, &[sample("posts", 20), sample("posts", 30)]).await?;
    assert_eq!(log.publish(&cx(), 16, &[sample("posts", 20), sample("posts", 30), sample("posts", 31)]).await?, 1);
    assert_eq!(positions(&read_all(log, &["posts"], 100).await?[16..]), [20, 30, 31]);
    let mixed = [sample("posts", 32), sample("graph", 4)];
    assert!(log.publish(&cx(), 0, &mixed).await.is_err(), "one source at a time");
    Ok(())
}

async fn refuses_another_event_in_the_same_place(log: &dyn EventLog) -> Result<()> {
    log.publish(&cx(), 0, &samples("posts", 1..=5)).await?;
    let impostor = |position| Event { id: Uuid::from_u128(99), ..sample("posts", position) };
    let moved = Event { position: 9, ..sample("posts", 3) };
    for bad in [impostor(3), impostor(5), moved] {
        let refused = log.publish(&cx(), 0, &[sample("posts", 6), bad]).await;
        assert!(refused.is_err_and(|error| !error.is_transient()), "a replaced source must be noticed");
    }
    assert_eq!(read_all(log, &["posts"], 10).await?, samples("posts", 1..=5), "all or nothing");
    Ok(())
}

async fn refuses_a_publication_that_leaves_a_hole(log: &dyn EventLog) -> Result<()> {
    let hole = log.publish(&cx(), 3, &samples("posts", 4..=5)).await;
    assert!(hole.is_err_and(|error| error.is_transient()), "an empty log has lost what came before");
    log.publish(&cx(), 0, &samples("posts", 1..=5)).await?;
    log.publish(&cx(), 0, &samples("graph", 1..=9)).await?;
    let hole = log.publish(&cx(), 7, &samples("posts", 8..=9)).await;
    assert!(hole.is_err_and(|error| error.is_transient()));
    assert_eq!(log.last_position(&cx(), "posts").await?, 5);
    assert_eq!(log.publish(&cx(), 4, &samples("posts", 5..=9)).await?, 4);
    assert_eq!(read_all(log, &["posts"], 10).await?, samples("posts", 1..=9));
    Ok(())
}

async fn passes_over_other_sources(log: &dyn EventLog) -> Result<()> {
    for block in 0..10 {
        log.publish(&cx(), 0, &samples("posts", block * 100 + 1..=block * 100 + 100)).await?;
        log.publish(&cx(), 0, &samples("graph", block + 1..=block + 1)).await?;
    }
    for limit in [1, 3, 500] {
        assert_eq!(read_all(log, &["graph"], limit).await?, samples("graph", 1..=10));
    }
    assert_eq!(read_all(log, &["graph", "posts"], 64).await?.len(), 1_010);
    assert!(read_all(log, &["accounts"], 5).await?.is_empty());
    Ok(())
}

/// Two relays of one source, each in order but in batches of its own, and one of another source.
async fn takes_several_publishers(log: &Arc<dyn EventLog>) -> Result<()> {
    let publisher = |source: &'static str, batch: usize| {
        let log = log.clone();
        tokio::spawn(async move {
            let mut new = 0;
            for events in samples(source, 1..=200).chunks(batch) {
                new += log.publish(&cx(), events[0].position - 1, events).await?;
            }
            Ok::<_, plaza_core::Error>(new)
        })
    };
    let publishers = [publisher("posts", 7), publisher("posts", 11), publisher("graph", 5)];
    let mut new = 0;
    for publisher in publishers {
        new += publisher.await.map_err(plaza_core::Error::internal)??;
    }
    assert_eq!(new, 400);
    for source in ["posts", "graph"] {
        assert_eq!(read_all(&**log, &[source], 50).await?, samples(source, 1..=200), "each once and in order");
    }
    Ok(())
}

async fn prunes_only_what_all_have_read(log: &dyn EventLog) -> Result<()> {
    log.publish(&cx(), 0, &samples("graph", 1..=2)).await?;
    log.publish(&cx(), 0, &samples("posts", 1..=20)).await?;
    let late = START.plus_ms(1_000_000);
    assert_eq!(log.prune(&cx(), late).await?, 0, "nobody has read anything");
    let both = ["graph", "posts"];
    let (mut home, mut search) =
        (log.consumer(&cx(), "home", &both).await?, log.consumer(&cx(), "search", &both).await?);
    assert_eq!(rest(&mut *home, 9).await?.len(), 22);
    home.commit(&cx(), &[]).await?;
    assert_eq!(search.next(&cx(), 12, Duration::ZERO).await?.events.len(), 12);
    search.commit(&cx(), &[]).await?;
    assert_eq!(log.prune(&cx(), START.plus_ms(5_000)).await?, 5, "by age: graph 1, posts 1 to 4");
    assert_eq!(log.prune(&cx(), late).await?, 6, "up to the slowest cursor: posts 5 to 10; not the last of graph");
    assert_eq!(read_all(log, &["posts"], 4).await?, samples("posts", 11..=20));
    assert_eq!(positions(&rest(&mut *search, 4).await?), (11..=20).collect::<Vec<_>>());
    search.commit(&cx(), &[]).await?;
    log.prune(&cx(), late).await?;
    assert_eq!((log.last_position(&cx(), "graph").await?, log.last_position(&cx(), "posts").await?), (2, 20));
    log.publish(&cx(), 19, &samples("posts", 20..=21)).await?;
    assert_eq!(positions(&rest(&mut *home, 4).await?), [21]);
    log.forget_consumer(&cx(), "search").await?;
    home.commit(&cx(), &[]).await?;
    assert_eq!(log.prune(&cx(), late).await?, 1, "who is forgotten holds nothing up");
    Ok(())
}
