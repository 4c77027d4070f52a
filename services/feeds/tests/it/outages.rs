//! Stores and peers that fail.

use plaza_core::{Error, reason};

use crate::support::Bench;

fn away(reason: plaza_core::Reason) -> Error {
    Error::new(reason)
}

async fn loaded() -> Bench {
    let bench = Bench::new(4);
    bench.world.follow(1, 2);
    bench.world.follow(1, 3);
    for n in 0..12 {
        bench.world.post(1 + n % 4);
    }
    bench.page(1, 10).await;
    bench.deliver().await;
    bench
}

#[tokio::test]
async fn without_the_store_pages_come_from_posts_and_say_so() {
    let bench = loaded().await;
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

#[tokio::test]
async fn a_store_that_lost_everything_is_slower_and_never_wrong() {
    let bench = loaded().await;
    for reader in 1..=4 {
        bench.make_cold(reader).await;
    }
    for reader in 1..=4 {
        assert_eq!(bench.walk(reader, 3).await, bench.world.home(reader));
    }
}

#[tokio::test]
async fn without_graph_a_feed_in_use_is_still_read() {
    let bench = loaded().await;
    bench.world.graph_faults.fail(away(reason::PEER_UNAVAILABLE));
    let page = bench.page(1, 100).await;
    assert_eq!((page.posts, page.degraded), (bench.world.home(1), vec!["graph".to_owned()]));
    // A feed that was not in use cannot be built.
    let error = bench.page_at(2, 10, "").await.unwrap_err();
    assert!(error.is(reason::PEER_UNAVAILABLE));
}

#[tokio::test]
async fn without_graph_an_account_known_to_be_unfollowed_does_not_show() {
    let bench = loaded().await;
    bench.world.block(2, 1);
    bench.deliver().await;
    bench.world.graph_faults.fail(away(reason::PEER_UNAVAILABLE));
    assert_eq!(bench.page(1, 100).await.posts, bench.world.home(1));
    // The next change reaches feeds after graph went away: whom the reader follows is not known any more.
    bench.world.unfollow(1, 3);
    assert!(bench.try_apply(&bench.world.drain()).await.is_err());
    assert!(bench.page_at(1, 100, "").await.unwrap_err().is(reason::PEER_UNAVAILABLE));
}

#[tokio::test]
async fn without_posts_the_error_is_theirs() {
    let bench = loaded().await;
    bench.world.posts_faults.fail(away(reason::STORE_UNAVAILABLE));
    assert!(bench.page_at(1, 10, "").await.unwrap_err().is(reason::STORE_UNAVAILABLE));
}

#[tokio::test]
async fn a_batch_that_failed_half_way_is_applied_again_without_harm() {
    for failing in 0..3 {
        let bench = loaded().await;
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
