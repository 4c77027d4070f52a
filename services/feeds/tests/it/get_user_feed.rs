use std::time::Duration;

use plaza_core::{Caller, Cx, Error, reason};
use plaza_proto::feeds::v1::{FeedsService as _, GetUserFeedRequest};

use crate::support::{Bench, Engine, placed, user};

#[tokio::test]
async fn get_user_feed_pages_through_what_the_caller_may_see() {
    let bench = Bench::new(Engine::Memory, 3).await;
    let posts: Vec<i64> = (0..5).map(|n| bench.world.post_for(1, n == 2)).collect();
    bench.world.follow(2, 1);
    let mut seen = Vec::new();
    let mut req = GetUserFeedRequest { account_id: 1, page_size: 2, page_token: String::new() };
    loop {
        let page = bench.client.get_user_feed(&user(2), req.clone()).await.unwrap();
        seen.extend(page.posts.iter().map(|p| p.post_id));
        req.page_token = page.next_page_token;
        if req.page_token.is_empty() {
            break;
        }
    }
    assert_eq!(seen, posts.iter().rev().copied().collect::<Vec<_>>());

    let nobody = Cx::new(Caller::default(), tokio::time::Instant::now() + Duration::from_secs(5));
    let all = GetUserFeedRequest { account_id: 1, page_size: 100, page_token: String::new() };
    let page = bench.client.get_user_feed(&nobody, all.clone()).await.unwrap();
    assert_eq!(page.posts.len(), 4);
    bench.world.block(1, 3);
    assert!(bench.client.get_user_feed(&user(3), all).await.unwrap().posts.is_empty());
}

#[tokio::test]
async fn get_user_feed_shows_reposts_to_those_who_may_see_what_the_account_posts() {
    let bench = Bench::new(Engine::Memory, 5).await;
    let world = &bench.world;
    let (others, own) = (world.post(2), world.post(1));
    let repost = world.repost(1, others).unwrap();
    let again = world.repost(1, own).unwrap();
    world.follow(4, 1);
    world.block(1, 5);
    world.mute(3, 1, [true, true], 1_000);
    let shown = async |cx: &Cx| {
        let all = GetUserFeedRequest { account_id: 1, page_size: 100, page_token: String::new() };
        let page = bench.client.get_user_feed(cx, all).await.unwrap();
        placed(&page.posts, &page.reposts).iter().map(|entry| (entry.place, entry.by)).collect::<Vec<_>>()
    };
    let nobody = || Cx::new(Caller::default(), tokio::time::Instant::now() + Duration::from_secs(5));
    // Each post once, and whoever mutes an account sees it where they look it up.
    let all = vec![(again, 1), (repost, 1)];
    for reader in [1, 3, 4] {
        assert_eq!(shown(&user(reader)).await, all, "of {reader}");
    }
    assert_eq!(shown(&nobody()).await, all);
    assert_eq!(shown(&user(5)).await, []);
    world.state.lock().protected.insert(1);
    world.undo_repost(again);
    assert_eq!(shown(&nobody()).await, [(own, 1)]);
    assert_eq!(shown(&user(3)).await, [(own, 1)]);
    assert_eq!(shown(&user(4)).await, [(repost, 1), (own, 1)]);
    // What the reader may not see nobody brings.
    world.block(4, 2);
    assert_eq!(shown(&user(4)).await, [(own, 1)]);
    // Without graph it is not known who may see reposts.
    world.graph_faults.fail(Error::new(reason::PEER_UNAVAILABLE));
    let cx = user(3);
    assert_eq!(shown(&cx).await, [(own, 1)]);
    assert_eq!(cx.take_outcome().degraded, ["graph"]);
}

#[tokio::test]
async fn get_user_feed_refuses_what_is_no_account() {
    let bench = Bench::new(Engine::Memory, 1).await;
    let req = GetUserFeedRequest { account_id: 0, page_size: 2, page_token: String::new() };
    let error = bench.client.get_user_feed(&user(1), req).await.unwrap_err();
    assert!(error.is(reason::INVALID_FIELDS));
    assert_eq!(error.violations()[0].field, "account_id");
}
