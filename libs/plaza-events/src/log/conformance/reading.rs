//! Consumers and tails.

use std::sync::Arc;
use std::time::Duration;

use plaza_core::{Error, Result};

use super::{LONG, cx, positions, rest, sample, samples};
use crate::Event;
use crate::log::{EventLog, Heard, Tail};

pub(super) async fn wakes_who_waits(log: &Arc<dyn EventLog>) -> Result<()> {
    log.publish(&cx(), 0, &samples("posts", 1..=2)).await?;
    let mut consumer = log.consumer(&cx(), "home", &["posts"]).await?;
    assert_eq!(rest(&mut *consumer, 10).await?.len(), 2);
    let empty = consumer.next(&cx(), 10, Duration::from_millis(50)).await?;
    assert!(empty.events.is_empty() && empty.next == empty.end);
    let waiting = tokio::spawn(async move {
        loop {
            let delivery = consumer.next(&cx(), 10, LONG).await?;
            if !delivery.events.is_empty() {
                return Ok::<_, Error>(delivery.events);
            }
        }
    });
    tokio::task::yield_now().await;
    log.publish(&cx(), 2, &samples("posts", 3..=3)).await?;
    let woken = cx().within(async { waiting.await.map_err(Error::internal)? }).await?;
    assert_eq!(woken, samples("posts", 3..=3));
    Ok(())
}

pub(super) async fn goes_on_where_it_was_committed(log: &dyn EventLog) -> Result<()> {
    log.publish(&cx(), 0, &samples("posts", 1..=10)).await?;
    let mut first = log.consumer(&cx(), "home", &["posts", "graph"]).await?;
    let delivery = first.next(&cx(), 6, Duration::ZERO).await?;
    assert!(delivery.took_over && delivery.applied.is_empty() && first.has_turn(), "{delivery:?}");
    assert_eq!(positions(&delivery.events), [1, 2, 3, 4, 5, 6]);
    let marks = [("graph".to_owned(), 4), ("posts".to_owned(), 6)];
    first.announce(&marks, &[]).await;
    first.commit(&cx(), &marks).await?;
    let more = first.next(&cx(), 3, Duration::ZERO).await?;
    assert_eq!(positions(&more.events), [7, 8, 9]);
    assert!(!more.took_over && more.next > delivery.next);
    first.leave(&cx()).await?;

    let mut second = log.consumer(&cx(), "home", &["posts", "graph"]).await?;
    let delivery = second.next(&cx(), 100, Duration::ZERO).await?;
    assert!(delivery.took_over);
    assert_eq!(delivery.applied, marks, "for tokens after a restart");
    let mut again = delivery.events;
    again.extend(rest(&mut *second, 100).await?);
    assert_eq!(positions(&again), [7, 8, 9, 10], "what was not committed comes again");
    second.commit(&cx(), &marks).await?;
    second.leave(&cx()).await?;

    let mut other = log.consumer(&cx(), "search", &["posts"]).await?;
    assert_eq!(rest(&mut *other, 100).await?.len(), 10, "a cursor belongs to its consumer");
    log.forget_consumer(&cx(), "home").await?;
    let mut anew = log.consumer(&cx(), "home", &["posts"]).await?;
    assert!(anew.next(&cx(), 1, Duration::ZERO).await?.applied.is_empty());
    assert_eq!(rest(&mut *anew, 100).await?.len(), 9, "a forgotten consumer starts over");
    Ok(())
}

/// What a tail hears until it has heard `count` events.
async fn hear(tail: &mut dyn Tail, count: usize) -> Result<Vec<Event>> {
    let mut events = Vec::new();
    while events.len() < count {
        let Heard { events: some, missed, .. } = cx().within(tail.next(&cx(), 7, LONG)).await?;
        assert!(!missed);
        events.extend(some);
    }
    Ok(events)
}

pub(super) async fn hears_from_the_end(log: &Arc<dyn EventLog>) -> Result<()> {
    log.publish(&cx(), 0, &samples("posts", 1..=30)).await?;
    log.publish(&cx(), 0, &samples("graph", 1..=4)).await?;
    log.publish(&cx(), 0, &samples("accounts", 1..=3)).await?;
    let mut one = log.tail(&cx(), &["posts", "graph"]).await?;
    let mut last = hear(&mut *one, 2).await?;
    last.sort_by_key(|event| event.position);
    assert_eq!(last, [sample("graph", 4), sample("posts", 30)], "the last of each source comes first");
    let quiet = one.next(&cx(), 7, Duration::from_millis(20)).await?;
    assert_eq!(quiet, Heard { events: Vec::new(), missed: false, caught_up: true });

    let mut other = log.tail(&cx(), &["posts"]).await?;
    assert_eq!(hear(&mut *other, 1).await?, [sample("posts", 30)]);
    let publishing = tokio::spawn({
        let log = log.clone();
        async move {
            for position in 31..=60 {
                log.publish(&cx(), position - 1, &[sample("posts", position)]).await?;
                log.publish(&cx(), position - 27, &[sample("graph", position - 26)]).await?;
                log.publish(&cx(), 0, &[sample("accounts", position)]).await?;
            }
            Ok::<_, Error>(())
        }
    });
    let heard = hear(&mut *one, 60).await?;
    let of = |source: &str| positions(&heard.iter().filter(|e| e.source == source).cloned().collect::<Vec<_>>());
    assert_eq!(of("posts"), (31..=60).collect::<Vec<_>>());
    assert_eq!(of("graph"), (5..=34).collect::<Vec<_>>());
    assert_eq!(positions(&hear(&mut *other, 30).await?), (31..=60).collect::<Vec<_>>(), "each tail hears all");
    publishing.await.map_err(Error::internal)?
}

pub(super) async fn tells_what_came_since(log: &dyn EventLog) -> Result<()> {
    let since = async |source: &str, after, limit| {
        let events = log.since(&cx(), source, after, limit).await?;
        Ok::<_, Error>(events.map(|events| positions(&events)))
    };
    assert_eq!(since("posts", 0, 5).await?, None, "there is nothing");
    for position in 1..=20 {
        // With gaps, and others between.
        log.publish(&cx(), 0, &samples("posts", position * 10..=position * 10)).await?;
        log.publish(&cx(), 0, &samples("graph", position..=position)).await?;
    }
    let whole = log.since(&cx(), "posts", 190, 5).await?;
    assert_eq!(whole, Some(vec![sample("posts", 200)]), "as it was published");
    assert_eq!(since("posts", 10, 100).await?, Some((2..=20).map(|n| n * 10).collect()));
    assert_eq!(since("posts", 95, 3).await?, Some(vec![100, 110, 120]));
    assert_eq!(since("posts", 200, 3).await?, Some(vec![]));
    assert_eq!(since("graph", 18, 100).await?, Some(vec![19, 20]));
    assert_eq!(since("posts", 9, 5).await?, None, "whether anything was before the first is not known");
    assert_eq!(since("search", 9, 5).await?, None);

    let mut reader = log.consumer(&cx(), "reader", &["posts", "graph"]).await?;
    rest(&mut *reader, 100).await?;
    reader.commit(&cx(), &[]).await?;
    log.prune(&cx(), sample("posts", 100).at).await?;
    assert_eq!(since("posts", 10, 5).await?, None, "what followed was pruned");
    assert_eq!(since("posts", 190, 5).await?, Some(vec![200]));
    Ok(())
}
