//! Builds that run while the world goes on.

use std::sync::Arc;

use plaza_core::{Error, reason};
use plaza_testkit::wait;

use crate::support::{Bench, Engine};

on_each_engine![
    a_post_made_while_a_feed_is_built_is_in_it,
    a_post_deleted_while_a_feed_is_built_is_not_in_it,
    a_follow_or_unfollow_while_a_feed_is_built_makes_it_start_again,
    readers_of_a_cold_feed_share_one_build,
    a_build_that_fails_leaves_the_feed_cold_and_the_next_reader_builds,
    a_reader_who_gives_up_does_not_stop_the_build,
];

/// Lets tasks that can go on do so, as far as that can be had without knowing what they wait for.
async fn settle(bench: &Bench) {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    bench.held(1).await;
}

/// Waits until so many calls to the posts service are held up.
async fn held_up(bench: &Bench, calls: usize) {
    let waiting = || async { (bench.world.posts_faults.waiting() >= calls).then_some(()) };
    wait::until("calls to be held up", waiting).await;
}

/// Starts a first page of reader 1 and stops it where its build has read the truth.
async fn paused_build(bench: &Arc<Bench>) -> tokio::task::JoinHandle<Vec<i64>> {
    bench.world.posts_faults.hold();
    let reading = tokio::spawn({
        let bench = bench.clone();
        async move { bench.page(1, 100).await.posts }
    });
    held_up(bench, 1).await;
    reading
}

/// Applies the world's events while the posts service holds everything up, and lets it go.
async fn apply_and_release(bench: &Arc<Bench>) {
    let applying = tokio::spawn({
        let bench = bench.clone();
        async move { bench.deliver().await }
    });
    let faults = &bench.world.posts_faults;
    // Done, or held up beside the build.
    let at_rest = || async { (applying.is_finished() || faults.waiting() >= 2).then_some(()) };
    wait::until("the events to be applied", at_rest).await;
    faults.release();
    applying.await.unwrap();
}

async fn a_post_made_while_a_feed_is_built_is_in_it(engine: Engine) {
    let bench = Arc::new(Bench::new(engine, 3).await);
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

async fn a_post_deleted_while_a_feed_is_built_is_not_in_it(engine: Engine) {
    let bench = Arc::new(Bench::new(engine, 3).await);
    bench.world.follow(1, 2);
    let (gone, _) = (bench.world.post(2), bench.world.post(2));
    bench.world.drain();
    let reading = paused_build(&bench).await;
    bench.world.delete(gone);
    apply_and_release(&bench).await;
    assert_eq!(reading.await.unwrap(), bench.world.home(1));
    assert_eq!(bench.held(1).await, Some((bench.world.home(1), 0)));
}

async fn a_follow_or_unfollow_while_a_feed_is_built_makes_it_start_again(engine: Engine) {
    for follow in [true, false] {
        let bench = Arc::new(Bench::new(engine, 3).await);
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

async fn readers_of_a_cold_feed_share_one_build(engine: Engine) {
    let bench = Arc::new(Bench::new(engine, 3).await);
    bench.world.post(1);
    bench.world.calls.take();
    let first = paused_build(&bench).await;
    let more: Vec<_> = (0..20)
        .map(|_| {
            let bench = bench.clone();
            tokio::spawn(async move { bench.page(1, 100).await.posts })
        })
        .collect();
    settle(&bench).await;
    bench.world.posts_faults.release();
    for reading in more.into_iter().chain([first]) {
        assert_eq!(reading.await.unwrap(), bench.world.home(1));
    }
    assert_eq!(bench.world.calls.take()[0], 1);
}

async fn a_build_that_fails_leaves_the_feed_cold_and_the_next_reader_builds(engine: Engine) {
    let bench = Bench::new(engine, 2).await;
    bench.world.post(1);
    bench.world.posts_faults.fail_next(2, Error::new(reason::STORE_UNAVAILABLE));
    assert!(bench.page_at(1, 10, "").await.is_err());
    assert_eq!(bench.held(1).await, None);
    assert_eq!(bench.page(1, 10).await.posts, bench.world.home(1));
}

async fn a_reader_who_gives_up_does_not_stop_the_build(engine: Engine) {
    let bench = Arc::new(Bench::new(engine, 2).await);
    bench.world.post(1);
    let reading = paused_build(&bench).await;
    reading.abort();
    assert!(reading.await.unwrap_err().is_cancelled());
    bench.world.posts_faults.release();
    let built = wait::until("the build to end", || async { bench.held(1).await }).await;
    assert_eq!(built, (bench.world.home(1), 0));
}
