//! What the log on NATS carries, for `docs/performance.md`. Run with `--ignored --nocapture`.

use std::time::Duration;

use plaza_testkit::Store;
use tokio::time::Instant;

use super::nats::{clean, open};
use super::support::cx;
use crate::log::EventLog;
use crate::log::conformance::samples;

const EVENTS: i64 = 50_000;
const BATCH: usize = 500;

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn rate(events: i64, since: Instant) -> f64 {
    events as f64 / since.elapsed().as_secs_f64()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures, and takes a while"]
async fn figures() {
    let Some(address) = Store::Nats.address() else { return };
    let prefix = Store::unique_name();
    let log = open(&address, &prefix).await;
    let events = samples("posts", 1..=EVENTS);
    let began = Instant::now();
    for batch in events.chunks(BATCH) {
        log.publish(&cx(), batch[0].position - 1, batch).await.unwrap();
    }
    println!("published in batches of {BATCH}: {:.0} a second", rate(EVENTS, began));

    let mut consumer = log.consumer(&cx(), "figures", &["posts"]).await.unwrap();
    let (began, mut got) = (Instant::now(), 0);
    while got < EVENTS {
        let delivery = consumer.next(&cx(), BATCH, Duration::from_secs(1)).await.unwrap();
        got += i64::try_from(delivery.events.len()).unwrap();
        consumer.commit(&cx(), &[("posts".to_owned(), got)]).await.unwrap();
    }
    println!("delivered and committed in batches of {BATCH}: {:.0} a second", rate(EVENTS, began));

    let began = Instant::now();
    for position in EVENTS + 1..=EVENTS + 1_000 {
        let one = samples("posts", position..=position);
        log.publish(&cx(), position - 1, &one).await.unwrap();
        let delivery = consumer.next(&cx(), BATCH, Duration::from_secs(1)).await.unwrap();
        assert_eq!(delivery.events.len(), 1);
        consumer.commit(&cx(), &[("posts".to_owned(), position)]).await.unwrap();
    }
    println!("one by one, published, delivered, committed: {:.2} ms each", 1e3 / rate(1_000, began));

    let began = Instant::now();
    for batch in events.chunks(BATCH) {
        assert_eq!(log.publish(&cx(), 0, batch).await.unwrap(), 0);
    }
    println!("replayed and skipped: {:.0} a second", rate(EVENTS, began));
    clean(&address, &prefix).await;
}
