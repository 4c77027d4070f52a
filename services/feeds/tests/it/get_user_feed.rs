use std::time::Duration;

use plaza_core::{Caller, Cx, reason};
use plaza_proto::feeds::v1::{FeedsService as _, GetUserFeedRequest};

use crate::support::{Bench, Engine, user};

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
async fn get_user_feed_refuses_what_is_no_account() {
    let bench = Bench::new(Engine::Memory, 1).await;
    let req = GetUserFeedRequest { account_id: 0, page_size: 2, page_token: String::new() };
    let error = bench.client.get_user_feed(&user(1), req).await.unwrap_err();
    assert!(error.is(reason::INVALID_FIELDS));
    assert_eq!(error.violations()[0].field, "account_id");
}
