use plaza_core::reason;
use plaza_proto::feeds::v1::{FeedsService as _, RebuildFeedRequest};

use crate::support::{Bench, Engine, user};

on_each_engine![
    rebuild_feed_makes_what_fan_out_had_made,
    rebuild_feed_answers_a_repeated_request_as_the_first_time,
    rebuild_feed_is_for_the_owner,
];

fn request(bench: &Bench, account_id: i64) -> RebuildFeedRequest {
    RebuildFeedRequest { request_id: bench.world.env.event_id().to_string(), account_id }
}

async fn rebuild_feed_makes_what_fan_out_had_made(engine: Engine) {
    let bench = Bench::new(engine, 3).await;
    bench.world.follow(1, 2);
    bench.page(1, 1).await;
    for author in [1, 2, 3, 2] {
        bench.world.post(author);
    }
    bench.deliver().await;
    let fanned_out = bench.held(1).await;
    assert_eq!(fanned_out.as_ref().map(|(posts, _)| posts), Some(&bench.world.home(1)));
    bench.make_cold(1).await;
    assert_eq!(bench.client.rebuild_feed(&user(1), request(&bench, 1)).await.unwrap().entries, 3);
    assert_eq!(bench.held(1).await, fanned_out);
}

async fn rebuild_feed_answers_a_repeated_request_as_the_first_time(engine: Engine) {
    let bench = Bench::new(engine, 2).await;
    bench.world.post(1);
    let req = request(&bench, 1);
    assert_eq!(bench.client.rebuild_feed(&user(1), req.clone()).await.unwrap().entries, 1);
    bench.world.post(1);
    assert_eq!(bench.client.rebuild_feed(&user(1), req).await.unwrap().entries, 1);
    assert_eq!(bench.client.rebuild_feed(&user(1), request(&bench, 1)).await.unwrap().entries, 2);
}

async fn rebuild_feed_is_for_the_owner(engine: Engine) {
    let bench = Bench::new(engine, 2).await;
    let error = bench.client.rebuild_feed(&user(2), request(&bench, 1)).await.unwrap_err();
    assert!(error.is(reason::PERMISSION_DENIED), "{error}");
}
