use futures::StreamExt as _;
use plaza_core::{Error, reason};
use plaza_proto::feeds::v1::stream_home_feed_response::Update;
use plaza_proto::feeds::v1::{FeedRepost, FeedsService as _, Missed, StreamHomeFeedRequest, StreamHomeFeedResponse};
use plaza_rpc::Stream;

use crate::support::{Bench, Engine, config, user};
use plaza_feeds::Config;

on_each_engine![
    stream_home_feed_sends_what_home_would_show_in_order,
    stream_home_feed_tells_who_reposted,
    stream_home_feed_shows_nothing_that_was_deleted_or_unfollowed_by_then,
    stream_home_feed_tells_a_slow_reader_how_many_it_missed,
    stream_home_feed_sends_nothing_twice_and_nothing_old,
    stream_home_feed_counts_posts_that_could_not_be_read_as_missed,
    stream_home_feed_is_bounded_and_ends_when_the_service_closes,
];

pub(crate) type Live = Stream<StreamHomeFeedResponse>;

pub(crate) async fn open(bench: &Bench, reader: i64) -> Live {
    let mut live = bench.client.stream_home_feed(&user(reader), StreamHomeFeedRequest::default()).await.unwrap();
    assert!(matches!(next(&mut live).await, Update::Opened(_)));
    live
}

pub(crate) async fn next(live: &mut Live) -> Update {
    live.next().await.unwrap().unwrap().update.unwrap()
}

pub(crate) async fn post(live: &mut Live) -> i64 {
    match next(live).await {
        Update::Post(post) => post.post_id,
        other => panic!("not a post: {other:?}"),
    }
}

pub(crate) fn is_quiet(live: &mut Live) -> bool {
    use futures::FutureExt as _;
    live.next().now_or_never().is_none()
}

async fn stream_home_feed_sends_what_home_would_show_in_order(engine: Engine) {
    let bench = Bench::new(engine, 9).await;
    bench.world.follow(1, 2);
    // One whom many follow.
    for reader in [1, 6, 7, 8, 9] {
        bench.world.follow(reader, 3);
    }
    let (mut live, mut other) = (open(&bench, 1).await, open(&bench, 5).await);
    bench.world.post(4);
    // Published in an order that is not the one of their authors' ids; one of them pulled, one for followers only.
    let published = [bench.world.post(3), bench.world.post_for(2, true), bench.world.post(1), bench.world.post(2)];
    bench.deliver().await;
    for expected in published {
        assert_eq!(post(&mut live).await, expected);
    }
    assert!(is_quiet(&mut live));
    assert!(is_quiet(&mut other));
}

async fn stream_home_feed_tells_who_reposted(engine: Engine) {
    let bench = Bench::new(engine, 5).await;
    bench.world.follow(1, 2);
    bench.world.follow(1, 3);
    bench.world.mute(1, 3, [false, true], 1_000_000);
    let mut live = open(&bench, 1).await;
    let (strange, hidden) = (bench.world.post(4), bench.world.post(5));
    bench.world.block(5, 1);
    bench.world.repost(2, hidden).unwrap();
    bench.world.repost(3, strange).unwrap();
    let repost_id = bench.world.repost(2, strange).unwrap();
    bench.deliver().await;
    let told = live.next().await.unwrap().unwrap();
    assert_eq!(told.repost, Some(FeedRepost { post_id: strange, reposted_by: 2, repost_id }));
    assert!(matches!(told.update, Some(Update::Post(post)) if post.post_id == strange));
    assert!(is_quiet(&mut live));
}

async fn stream_home_feed_shows_nothing_that_was_deleted_or_unfollowed_by_then(engine: Engine) {
    let bench = Bench::new(engine, 4).await;
    for author in 2..=4 {
        bench.world.follow(1, author);
    }
    let mut live = open(&bench, 1).await;
    let deleted = bench.world.post(2);
    bench.world.post(3);
    let stays = bench.world.post(4);
    bench.deliver().await;
    bench.world.delete(deleted);
    bench.world.unfollow(1, 3);
    assert_eq!(post(&mut live).await, stays);
    assert!(is_quiet(&mut live));
}

async fn stream_home_feed_tells_a_slow_reader_how_many_it_missed(engine: Engine) {
    let bench = Bench::new(engine, 2).await;
    let mut live = open(&bench, 1).await;
    let posts: Vec<i64> = (0..7).map(|_| bench.world.post(1)).collect();
    bench.deliver().await;
    for expected in &posts[..4] {
        assert_eq!(post(&mut live).await, *expected);
    }
    let told = live.next().await.unwrap().unwrap();
    assert_eq!(told.update, Some(Update::Missed(Missed { count: 3, down_to: posts[3] })));
    let later = bench.world.post(1);
    bench.deliver().await;
    assert_eq!(post(&mut live).await, later);
}

async fn stream_home_feed_sends_nothing_twice_and_nothing_old(engine: Engine) {
    let bench = Bench::new(engine, 2).await;
    bench.world.post(1);
    let old = bench.world.drain();
    bench.world.clock.advance(600_000);
    let mut live = open(&bench, 1).await;
    let fresh = bench.world.post(1);
    let events = bench.world.drain();
    bench.apply(&old).await;
    bench.apply(&events).await;
    bench.apply(&events).await;
    assert_eq!(post(&mut live).await, fresh);
    assert!(is_quiet(&mut live));
}

async fn stream_home_feed_counts_posts_that_could_not_be_read_as_missed(engine: Engine) {
    let bench = Bench::new(engine, 2).await;
    let mut live = open(&bench, 1).await;
    bench.world.post(1);
    bench.deliver().await;
    bench.world.posts_faults.fail_next(1, Error::new(reason::STORE_UNAVAILABLE));
    assert!(matches!(next(&mut live).await, Update::Missed(missed) if missed.count == 1));
    let fine = bench.world.post(1);
    bench.deliver().await;
    assert_eq!(post(&mut live).await, fine);
}

async fn stream_home_feed_is_bounded_and_ends_when_the_service_closes(engine: Engine) {
    let bench = Bench::with(engine, 3, &Config { live_readers: 2, live_readers_per_account: 1, ..config() }).await;
    let mut live = open(&bench, 1).await;
    let refused = |reader| {
        let client = bench.client.clone();
        async move { client.stream_home_feed(&user(reader), StreamHomeFeedRequest::default()).await.err().unwrap() }
    };
    assert!(refused(1).await.is(reason::OVERLOADED));
    let second = open(&bench, 2).await;
    assert!(refused(3).await.is(reason::OVERLOADED));
    drop(second);
    drop(open(&bench, 3).await);
    bench.app.close().await;
    assert!(live.next().await.unwrap().unwrap_err().is(reason::SHUTTING_DOWN));
    assert!(live.next().await.is_none());
    assert!(refused(2).await.is(reason::SHUTTING_DOWN));
}
