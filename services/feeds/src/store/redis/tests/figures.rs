//! Figures for `README.md`, by hand: `cargo test -p plaza-feeds --lib redis::tests::figures -- --ignored --nocapture`.

use tokio::time::Instant;

use plaza_core::id::first_at;

use super::*;

const READERS: i64 = 500;
const POSTS: i64 = 2_000;

#[tokio::test]
#[ignore = "measures, and takes a while"]
async fn deliveries_and_memory() {
    let Some(keys) = RedisKeys::on(Store::RedisCache) else { return };
    let options = RedisFeedsOptions { cap: 800, ..OPTIONS };
    let feeds = replica(&keys.address(), options, 1).await;
    let owners: Vec<AccountId> =
        (1..=READERS).map(|n| AccountId(first_at(Timestamp(1_790_000_000_000 + n)) + n)).collect();
    for warm in [false, true] {
        for owner in owners.iter().filter(|_| warm) {
            build(&feeds, *owner, &[], 0).await;
        }
        let began = Instant::now();
        for n in 0..POSTS {
            let post = PostId(first_at(Timestamp(1_800_000_000_000 + n * 977)) + n);
            feeds.push(&cx(), &owners, &[Entry::post(post, owners[0])]).await.unwrap();
        }
        let (took, deliveries) = (began.elapsed(), POSTS * READERS);
        println!("warm {warm}: {deliveries} deliveries in {took:?}, {:.0}/s", deliveries as f64 / took.as_secs_f64());
    }
    let usage: i64 = command(&keys.address(), &["MEMORY", "USAGE", &feeds.feed(owners[0])])[1..].parse().unwrap();
    let entries = command(&keys.address(), &["ZCARD", &feeds.feed(owners[0])])[1..].parse::<i64>().unwrap() - 1;
    println!("a feed of {entries} takes {usage} bytes, {} an entry", usage / entries);
    for limit in [10, 100] {
        let began = Instant::now();
        for n in 0..2_000 {
            feeds.page(&cx(), owners[n % owners.len()], None, limit).await.unwrap().unwrap();
        }
        println!("a page of {limit}: {:?} one by one", began.elapsed() / 2_000);
    }
}
