//! Stores and peers that fail.

use plaza_core::{Error, reason};
use plaza_testkit::redis::command;
use plaza_testkit::{Server, Store, wait};

use crate::support::{Bench, Engine};

on_each_engine![
    without_the_store_pages_come_from_posts_and_say_so,
    a_store_that_lost_everything_is_slower_and_never_wrong,
    without_graph_a_feed_in_use_is_still_read,
    without_graph_an_account_known_to_be_unfollowed_does_not_show,
    without_posts_the_error_is_theirs,
    a_batch_that_failed_half_way_is_applied_again_without_harm,
];

fn away(reason: plaza_core::Reason) -> Error {
    Error::new(reason)
}

async fn loaded(engine: Engine) -> Bench {
    let bench = Bench::new(engine, 4).await;
    bench.world.follow(1, 2);
    bench.world.follow(1, 3);
    for n in 0..12 {
        bench.world.post(1 + n % 4);
    }
    bench.page(1, 10).await;
    bench.deliver().await;
    bench
}

async fn without_the_store_pages_come_from_posts_and_say_so(engine: Engine) {
    let bench = loaded(engine).await;
    let first = bench.page(1, 4).await;
    bench.faults.fail(away(reason::STORE_UNAVAILABLE));
    // Followed meanwhile: the event cannot be applied.
    bench.world.follow(1, 4);
    assert!(bench.try_apply(&bench.world.drain()).await.unwrap_err().is_transient());
    let page = bench.page(1, 100).await;
    assert_eq!(page.posts, bench.world.home(1));
    assert_eq!((page.degraded, page.next.as_str()), (vec!["feeds-store".to_owned()], ""));
    // A walk goes on where it was.
    bench.world.unfollow(1, 4);
    let rest = bench.page_at(1, 100, &first.next).await.unwrap();
    assert_eq!([first.posts, rest.posts].concat(), bench.world.home(1));
    bench.faults.clear();
    assert_eq!(bench.page(1, 4).await.degraded, [""; 0]);
}

async fn a_store_that_lost_everything_is_slower_and_never_wrong(engine: Engine) {
    let bench = loaded(engine).await;
    for reader in 1..=4 {
        bench.make_cold(reader).await;
    }
    for reader in 1..=4 {
        assert_eq!(bench.walk(reader, 3).await, bench.world.home(reader));
    }
}

async fn without_graph_a_feed_in_use_is_still_read(engine: Engine) {
    let bench = loaded(engine).await;
    bench.world.graph_faults.fail(away(reason::PEER_UNAVAILABLE));
    let page = bench.page(1, 100).await;
    assert_eq!((page.posts, page.degraded), (bench.world.home(1), vec!["graph".to_owned()]));
    // A feed that was not in use cannot be built.
    let error = bench.page_at(2, 10, "").await.unwrap_err();
    assert!(error.is(reason::PEER_UNAVAILABLE));
}

async fn without_graph_an_account_known_to_be_unfollowed_does_not_show(engine: Engine) {
    let bench = loaded(engine).await;
    bench.world.block(2, 1);
    bench.deliver().await;
    bench.world.graph_faults.fail(away(reason::PEER_UNAVAILABLE));
    assert_eq!(bench.page(1, 100).await.posts, bench.world.home(1));
    // The next change reaches feeds after graph went away: whom the reader follows is not known any more.
    bench.world.unfollow(1, 3);
    assert!(bench.try_apply(&bench.world.drain()).await.is_err());
    assert!(bench.page_at(1, 100, "").await.unwrap_err().is(reason::PEER_UNAVAILABLE));
}

async fn without_posts_the_error_is_theirs(engine: Engine) {
    let bench = loaded(engine).await;
    bench.world.posts_faults.fail(away(reason::STORE_UNAVAILABLE));
    assert!(bench.page_at(1, 10, "").await.unwrap_err().is(reason::STORE_UNAVAILABLE));
}

async fn a_batch_that_failed_half_way_is_applied_again_without_harm(engine: Engine) {
    for failing in 0..3 {
        let bench = loaded(engine).await;
        bench.world.post(2);
        bench.world.follow(1, 4);
        let gone = bench.world.post(3);
        bench.world.delete(gone);
        bench.world.post(4);
        let events = bench.world.drain();
        let faults = [&bench.faults, &bench.world.graph_faults, &bench.world.posts_faults][failing];
        faults.fail_next(1, away(reason::STORE_UNAVAILABLE));
        assert!(bench.try_apply(&events).await.unwrap_err().is_transient());
        bench.apply(&events).await;
        let held = bench.held(1).await.unwrap().0;
        assert!(held.len() > 5 && held == bench.world.home(1)[..held.len()]);
        assert_eq!(bench.drifted().await, [0; 0]);
        assert_eq!(bench.walk(1, 3).await, bench.world.home(1));
    }
}

/// What a server does, not what a switchboard does: away, back with all it had on its disk, emptied, silent.
#[tokio::test]
async fn while_redis_comes_and_goes_pages_are_right() {
    let Some(mut server) = Server::start(Store::RedisCache).await else { return };
    let bench = Bench::on(&server, 9).await;
    // One whom too many follow to be pushed: what is held back from feeds must not be missed when the marks are gone.
    for reader in [1, 6, 7, 8, 9] {
        bench.world.follow(reader, 2);
    }
    bench.world.follow(1, 3);
    let post = || {
        bench.world.post(2);
        bench.world.post(3);
    };
    let undegraded = || async {
        let page = bench.page(1, 100).await;
        assert_eq!(page.posts, bench.world.home(1));
        page.degraded.is_empty().then_some(())
    };
    bench.page(1, 1).await;
    post();
    bench.deliver().await;
    assert_eq!(undegraded().await, Some(()));

    server.kill().await;
    post();
    let late = bench.world.drain();
    assert!(bench.try_apply(&late).await.unwrap_err().is_transient());
    let page = bench.page(1, 100).await;
    assert_eq!((page.posts, page.degraded), (bench.world.home(1), vec!["feeds-store".to_owned()]));
    server.restart().await;
    wait::until("a page from the store", undegraded).await;
    bench.apply(&late).await;
    assert_eq!(undegraded().await, Some(()));

    assert_eq!(command(&server.address(), &["FLUSHALL"]), "+OK");
    post();
    assert_eq!(undegraded().await, Some(()));
    bench.deliver().await;
    assert_eq!(undegraded().await, Some(()));

    server.pause();
    assert_eq!(bench.page(1, 100).await.posts, bench.world.home(1));
    server.resume();
    wait::until("a page from the store", undegraded).await;
    assert_eq!(bench.drifted().await, [0; 0]);
}
