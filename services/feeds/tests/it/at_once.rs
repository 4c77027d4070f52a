//! All that can happen, at once.

use std::sync::Arc;

use plaza_feeds::Config;
use plaza_feeds::store::memory::FEED_WEIGHT;

use crate::engine::Evicted;
use crate::support::{Bench, CAP, Engine, config};

on_each_engine! { #[tokio::test(flavor = "multi_thread", worker_threads = 4)]: everything_at_once_ends_right }

/// Threads that post, follow, delete, apply events, read, rebuild and evict at once; when all is quiet, all is right.
async fn everything_at_once_ends_right(engine: Engine) {
    const ACCOUNTS: i64 = 8;
    let crammed = Config { max_entries: 5 * (CAP + FEED_WEIGHT), ..config() };
    let bench = Arc::new(Bench::with(engine, ACCOUNTS, &crammed).await);
    let mut tasks = Vec::new();
    for seed in 0..3_i64 {
        let bench = bench.clone();
        tasks.push(tokio::spawn(async move {
            for n in 0..400_i64 {
                let (a, b) = (1 + (n * 7 + seed * 3) % ACCOUNTS, 1 + (n * 5 + seed) % ACCOUNTS);
                match (n + seed) % 7 {
                    0 => bench.world.follow(a, b),
                    1 if n % 3 == 0 => bench.world.unfollow(a, b),
                    2 if n % 5 == 0 => bench.world.delete(bench.world.home(a).first().copied().unwrap_or(0)),
                    3 if n % 11 == 0 => bench.world.block(a, b),
                    _ => drop(bench.world.post(a)),
                }
                tokio::task::yield_now().await;
            }
        }));
    }
    for reader in 1..=ACCOUNTS {
        let bench = bench.clone();
        tasks.push(tokio::spawn(async move {
            for n in 0..60 {
                let page = bench.page(reader, 5).await;
                assert!(page.posts.windows(2).all(|pair| pair[0] > pair[1]));
                match n % 10 {
                    3 => bench.make_cold(reader).await,
                    5 => bench.evict(reader, Evicted::ALL[usize::try_from(n / 10).unwrap() % 3]).await,
                    // May be told that the feed changes too fast.
                    7 => drop(bench.projection.project(&crate::support::user(reader), &[reader]).await),
                    _ => bench.deliver().await,
                }
            }
        }));
    }
    for task in tasks {
        task.await.unwrap();
    }
    bench.deliver().await;
    for reader in 1..=ACCOUNTS {
        assert_eq!(bench.walk(reader, 3).await, bench.world.home(reader));
    }
}
