//! What every engine of the event log must do, written against the trait alone.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use plaza_core::{Code, Cx, Result, Timestamp, reason};
use uuid::Uuid;

use super::{Cursor, DeadLetter, EventLog, Offset};
use crate::Event;

const START: Timestamp = Timestamp(1_800_000_000_000);

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
    passes_over_other_sources(&*fresh().await).await?;
    takes_several_publishers(&fresh().await).await?;
    wakes_who_waits(&fresh().await).await?;
    keeps_cursors_within_the_log(&*fresh().await).await?;
    keeps_dead_letters(&*fresh().await).await?;
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

fn samples(source: &str, positions: std::ops::RangeInclusive<i64>) -> Vec<Event> {
    positions.map(|position| sample(source, position)).collect()
}

/// Everything of `sources` after `after`, fetched `limit` at a time, with its offsets.
async fn read(log: &dyn EventLog, after: Offset, sources: &[&str], limit: usize) -> Result<Vec<(Offset, Event)>> {
    let (mut all, mut at) = (Vec::new(), after);
    loop {
        let fetched = log.fetch(&cx(), at, sources, limit).await?;
        assert!(fetched.events.len() <= limit, "no more than asked for");
        assert!(fetched.next <= fetched.end && fetched.next >= at, "{at} to {} of {}", fetched.next, fetched.end);
        all.extend(fetched.events.into_iter().map(|logged| (logged.offset, logged.event)));
        if fetched.next == at {
            assert_eq!(fetched.next, fetched.end, "a fetch that does not get on is at the end");
            assert!(all.windows(2).all(|pair| pair[0].0 < pair[1].0), "offsets rise");
            return Ok(all);
        }
        at = fetched.next;
    }
}

fn events(read: Vec<(Offset, Event)>) -> Vec<Event> {
    read.into_iter().map(|(_, event)| event).collect()
}

async fn keeps_order_and_content(log: &dyn EventLog) -> Result<()> {
    assert_eq!((log.last_offset(&cx()).await?, log.last_position(&cx(), "posts").await?), (0, 0));
    assert!(read(log, 0, &["posts"], 10).await?.is_empty());
    assert_eq!(log.publish(&cx(), &[]).await?, 0);
    assert_eq!(log.publish(&cx(), &samples("posts", 1..=25)).await?, 25);
    for limit in [1, 7, 25, 100] {
        assert_eq!(events(read(log, 0, &["posts"], limit).await?), samples("posts", 1..=25));
    }
    let all = read(log, 0, &["posts"], 10).await?;
    assert_eq!(log.last_offset(&cx()).await?, all[24].0);
    assert_eq!(events(read(log, all[9].0, &["posts"], 4).await?), samples("posts", 11..=25));
    Ok(())
}

async fn skips_what_it_has(log: &dyn EventLog) -> Result<()> {
    assert_eq!(log.publish(&cx(), &samples("posts", 1..=10)).await?, 10);
    assert_eq!(log.publish(&cx(), &samples("posts", 1..=10)).await?, 0);
    assert_eq!(log.publish(&cx(), &samples("posts", 6..=15)).await?, 5);
    let twice = [sample("posts", 16), sample("posts", 16)];
    assert_eq!(log.publish(&cx(), &twice).await?, 1);
    assert_eq!(log.last_position(&cx(), "posts").await?, 16);
    assert_eq!(log.publish(&cx(), &samples("graph", 1..=3)).await?, 3, "positions belong to their source");
    assert_eq!(log.last_position(&cx(), "graph").await?, 3);
    assert_eq!(events(read(log, 0, &["posts"], 4).await?), samples("posts", 1..=16));
    Ok(())
}

async fn refuses_another_event_in_the_same_place(log: &dyn EventLog) -> Result<()> {
    log.publish(&cx(), &samples("posts", 1..=5)).await?;
    let impostor = Event { id: Uuid::from_u128(99), ..sample("posts", 3) };
    let moved = Event { position: 9, ..sample("posts", 3) };
    for bad in [impostor, moved] {
        let refused = log.publish(&cx(), &[sample("posts", 6), bad]).await;
        assert!(refused.is_err_and(|error| !error.is_transient()), "a replaced source must be noticed");
    }
    assert_eq!(events(read(log, 0, &["posts"], 10).await?), samples("posts", 1..=5), "all or nothing");
    Ok(())
}

async fn passes_over_other_sources(log: &dyn EventLog) -> Result<()> {
    for block in 0..10 {
        log.publish(&cx(), &samples("posts", block * 100 + 1..=block * 100 + 100)).await?;
        log.publish(&cx(), &samples("graph", block + 1..=block + 1)).await?;
    }
    for limit in [1, 3, 500] {
        assert_eq!(events(read(log, 0, &["graph"], limit).await?), samples("graph", 1..=10));
    }
    assert_eq!(read(log, 0, &["graph", "posts"], 64).await?.len(), 1_010);
    assert!(read(log, 0, &["accounts"], 5).await?.is_empty());
    assert!(read(log, 0, &[], 5).await?.is_empty());
    Ok(())
}

/// Two relays of one source, each in order but in batches of its own, and one of another source.
async fn takes_several_publishers(log: &Arc<dyn EventLog>) -> Result<()> {
    let publisher = |source: &'static str, batch: usize| {
        let log = log.clone();
        tokio::spawn(async move {
            let mut new = 0;
            for events in samples(source, 1..=200).chunks(batch) {
                new += log.publish(&cx(), events).await?;
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
        assert_eq!(events(read(&**log, 0, &[source], 50).await?), samples(source, 1..=200), "each once and in order");
    }
    Ok(())
}

async fn wakes_who_waits(log: &Arc<dyn EventLog>) -> Result<()> {
    log.publish(&cx(), &samples("posts", 1..=2)).await?;
    log.wait_for_new(0).await;
    let end = log.last_offset(&cx()).await?;
    let waiting = tokio::spawn({
        let log = log.clone();
        async move {
            while log.fetch(&cx(), end, &["posts"], 1).await?.events.is_empty() {
                log.wait_for_new(end).await;
            }
            Ok::<_, plaza_core::Error>(())
        }
    });
    tokio::task::yield_now().await;
    log.publish(&cx(), &samples("posts", 3..=3)).await?;
    cx().within(async { waiting.await.map_err(plaza_core::Error::internal)? }).await
}

async fn keeps_cursors_within_the_log(log: &dyn EventLog) -> Result<()> {
    assert_eq!(log.load_cursor(&cx(), "home").await?, Cursor::default());
    log.publish(&cx(), &samples("posts", 1..=10)).await?;
    let end = log.last_offset(&cx()).await?;
    let cursor = Cursor { offset: end, positions: vec![("graph".to_owned(), 4), ("posts".to_owned(), 10)] };
    log.store_cursor(&cx(), "home", &cursor).await?;
    assert_eq!(log.load_cursor(&cx(), "home").await?, cursor);
    assert_eq!(log.load_cursor(&cx(), "search").await?, Cursor::default());
    let ahead = Cursor { offset: end + 1, positions: Vec::new() };
    assert!(log.store_cursor(&cx(), "home", &ahead).await.is_err(), "a cursor is never ahead of the log");
    assert_eq!(log.load_cursor(&cx(), "home").await?, cursor);
    log.forget_consumer(&cx(), "home").await?;
    assert_eq!(log.load_cursor(&cx(), "home").await?, Cursor::default());
    Ok(())
}

async fn keeps_dead_letters(log: &dyn EventLog) -> Result<()> {
    let letter = |consumer: &str, position, reason: &str, tries| DeadLetter {
        id: 0,
        consumer: consumer.to_owned(),
        event: sample("posts", position),
        reason: reason.to_owned(),
        tries,
        at: START,
    };
    let mut ids = Vec::new();
    for position in 1..=5 {
        ids.push(log.put_dead_letter(&cx(), &letter("home", position, "no such thing", 5)).await?);
    }
    let other = log.put_dead_letter(&cx(), &letter("search", 1, "other", 5)).await?;
    assert_eq!(log.put_dead_letter(&cx(), &letter("home", 2, "still not", 6)).await?, ids[1], "kept once");
    assert_eq!(log.dead_letter(&cx(), ids[1]).await?, DeadLetter { id: ids[1], ..letter("home", 2, "still not", 6) });
    let first = log.dead_letters(&cx(), Some("home"), 0, 3).await?;
    let rest = log.dead_letters(&cx(), Some("home"), first[2].id, 3).await?;
    let listed: Vec<i64> = first.iter().chain(&rest).map(|letter| letter.id).collect();
    assert_eq!(listed, ids);
    assert_eq!(log.dead_letters(&cx(), None, 0, 100).await?.len(), 6);
    assert!(log.remove_dead_letter(&cx(), other).await?);
    assert!(!log.remove_dead_letter(&cx(), other).await?);
    let gone = log.dead_letter(&cx(), other).await;
    assert!(gone.is_err_and(|error| error.is(reason::DEAD_LETTER_NOT_FOUND) && error.code() == Code::NotFound));
    Ok(())
}

async fn prunes_only_what_all_have_read(log: &dyn EventLog) -> Result<()> {
    log.publish(&cx(), &samples("graph", 1..=2)).await?;
    log.publish(&cx(), &samples("posts", 1..=20)).await?;
    let late = START.plus_ms(1_000_000);
    assert_eq!(log.prune(&cx(), late).await?, 0, "nobody has read anything");
    let offsets: Vec<Offset> = read(log, 0, &["graph", "posts"], 9).await?.iter().map(|(offset, _)| *offset).collect();
    let cursor = |offset| Cursor { offset, positions: Vec::new() };
    log.store_cursor(&cx(), "home", &cursor(offsets[21])).await?;
    log.store_cursor(&cx(), "search", &cursor(offsets[11])).await?;
    assert_eq!(log.prune(&cx(), START.plus_ms(5_000)).await?, 5, "by age: graph 1, posts 1 to 4");
    assert_eq!(log.prune(&cx(), late).await?, 6, "up to the slowest cursor: posts 5 to 10; not the last of graph");
    assert_eq!(events(read(log, 0, &["posts"], 4).await?), samples("posts", 11..=20));
    assert_eq!(events(read(log, offsets[14], &["posts"], 4).await?), samples("posts", 14..=20));
    log.store_cursor(&cx(), "search", &cursor(offsets[21])).await?;
    log.prune(&cx(), late).await?;
    assert_eq!((log.last_position(&cx(), "graph").await?, log.last_position(&cx(), "posts").await?), (2, 20));
    log.publish(&cx(), &samples("posts", 20..=21)).await?;
    assert_eq!(events(read(log, offsets[21], &["posts"], 4).await?), samples("posts", 21..=21));
    Ok(())
}
