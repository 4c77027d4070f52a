//! Builds that run while the world goes on.

use std::sync::Arc;

use plaza_core::{Error, reason};

use crate::support::{Bench, CAP, config};
use plaza_feeds::Config;
use plaza_feeds::store::memory::FEED_WEIGHT;

/// Lets tasks that can go on do so.
async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

/// Starts a first page of reader 1 and stops it where its build has read the truth.
async fn paused_build(bench: &Arc<Bench>) -> tokio::task::JoinHandle<Vec<i64>> {
    bench.world.posts_faults.hold();
    let reading = tokio::spawn({
        let bench = bench.clone();
        async move { bench.page(1, 100).await.posts }
    });
    settle().await;
    reading
}

/// Applies the world's events while the posts service holds everything up, and lets it go.
async fn apply_and_release(bench: &Arc<Bench>) {
    let applying = tokio::spawn({
        let bench = bench.clone();
        async move { bench.deliver().await }
    });
    settle().await;
    bench.world.posts_faults.release();
    applying.await.unwrap();
}

#[tokio::test]
async fn a_post_made_while_a_feed_is_built_is_in_it() {
    let bench = Arc::new(Bench::new(3));
    bench.world.follow(1, 2);
    bench.world.post(2);
    bench.world.drain();
    let reading = paused_build(&bench).await;
    bench.world.post(2);
    apply_and_release(&bench).await;
    reading.await.unwrap();
    assert_eq!(bench.held(1).await, Some((bench.world.home(1), 0)));
    assert_eq!(bench.page(1, 10).await.posts, bench.world.home(1));
}

#[tokio::test]
async fn a_post_deleted_while_a_feed_is_built_is_not_in_it() {
    let bench = Arc::new(Bench::new(3));
    bench.world.follow(1, 2);
    let (gone, _) = (bench.world.post(2), bench.world.post(2));
    bench.world.drain();
    let reading = paused_build(&bench).await;
    bench.world.delete(gone);
    apply_and_release(&bench).await;
    assert_eq!(reading.await.unwrap(), bench.world.home(1));
    assert_eq!(bench.held(1).await, Some((bench.world.home(1), 0)));
}

#[tokio::test]
async fn a_follow_or_unfollow_while_a_feed_is_built_makes_it_start_again() {
    for follow in [true, false] {
        let bench = Arc::new(Bench::new(3));
        bench.world.follow(1, 2);
        bench.world.post(2);
        bench.world.post(3);
        bench.world.drain();
        let reading = paused_build(&bench).await;
        if follow {
            bench.world.follow(1, 3);
        } else {
            bench.world.unfollow(1, 2);
        }
        apply_and_release(&bench).await;
        reading.await.unwrap();
        assert_eq!(bench.page(1, 10).await.posts, bench.world.home(1));
        assert_eq!(bench.held(1).await, Some((bench.world.home(1), 0)));
    }
}

#[tokio::test]
async fn readers_of_a_cold_feed_share_one_build() {
    let bench = Arc::new(Bench::new(3));
    bench.world.post(1);
    bench.world.calls.take();
    let first = paused_build(&bench).await;
    let more: Vec<_> = (0..20)
        .map(|_| {
            let bench = bench.clone();
            tokio::spawn(async move { bench.page(1, 100).await.posts })
        })
        .collect();
    settle().await;
    bench.world.posts_faults.release();
    for reading in more.into_iter().chain([first]) {
        assert_eq!(reading.await.unwrap(), bench.world.home(1));
    }
    assert_eq!(bench.world.calls.take()[0], 1);
}

#[tokio::test]
async fn a_build_that_fails_leaves_the_feed_cold_and_the_next_reader_builds() {
    let bench = Bench::new(2);
    bench.world.post(1);
    bench.world.posts_faults.fail_next(2, Error::new(reason::STORE_UNAVAILABLE));
    assert!(bench.page_at(1, 10, "").await.is_err());
    assert_eq!(bench.held(1).await, None);
    assert_eq!(bench.page(1, 10).await.posts, bench.world.home(1));
}

#[tokio::test(start_paused = true)]
async fn a_reader_who_gives_up_does_not_stop_the_build() {
    let bench = Arc::new(Bench::new(2));
    bench.world.post(1);
    let reading = paused_build(&bench).await;
    reading.abort();
    assert!(reading.await.unwrap_err().is_cancelled());
    bench.world.posts_faults.release();
    settle().await;
    assert_eq!(bench.held(1).await, Some((bench.world.home(1), 0)));
}

/// Threads that post, follow, delete, apply events, read, rebuild and evict at once; when all is quiet, all is right.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn everything_at_once_ends_right() {
    const ACCOUNTS: i64 = 8;
    let bench = Arc::new(Bench::with(ACCOUNTS, &Config { max_entries: 5 * (CAP + FEED_WEIGHT), ..config() }));
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
