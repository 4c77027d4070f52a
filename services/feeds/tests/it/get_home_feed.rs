use std::time::Duration;

use plaza_core::{Caller, Cx, Error, reason};
use plaza_proto::feeds::v1::HomeFilter;

use crate::support::{Bench, CAP, Engine, THRESHOLD, config, user, user_with};
use plaza_feeds::Config;

on_each_engine![
    get_home_feed_shows_own_and_followed_posts_newest_first,
    get_home_feed_goes_on_below_the_window_without_a_hole,
    get_home_feed_builds_a_cold_feed_and_a_push_does_not_make_it_look_whole,
    get_home_feed_is_right_at_once_after_unfollow_block_and_delete,
    get_home_feed_merges_pulled_authors_in_order,
    get_home_feed_shows_what_a_pulled_author_posted_since_the_last_page,
    get_home_feed_of_many_pulled_authors_takes_a_bounded_number_of_calls,
    get_home_feed_of_an_author_who_became_a_celebrity_has_each_post_once,
    get_home_feed_refuses_a_negative_size_and_a_token_of_another,
    get_home_feed_of_mutuals_shows_those_who_follow_back,
    get_home_feed_costs_one_call_for_rules_and_one_for_posts,
    get_home_feed_serves_a_short_page_with_a_token_when_almost_all_is_hidden,
];

async fn get_home_feed_shows_own_and_followed_posts_newest_first(engine: Engine) {
    let bench = Bench::new(engine, 4).await;
    bench.world.follow(1, 2);
    bench.world.follow(1, 3);
    bench.page(1, 1).await;
    for author in [1, 2, 3, 4, 2, 1] {
        bench.world.post(author);
    }
    bench.deliver().await;
    let home = bench.world.home(1);
    assert_eq!(home.len(), 5);
    let first = bench.page(1, 3).await;
    assert_eq!(first.posts, home[..3]);
    let second = bench.page_at(1, 3, &first.next).await.unwrap();
    assert_eq!(second.told(), (home[3..].to_vec(), String::new(), vec![]));
}

async fn get_home_feed_goes_on_below_the_window_without_a_hole(engine: Engine) {
    let bench = Bench::new(engine, 3).await;
    bench.world.follow(1, 2);
    for n in 0..3 * CAP as i64 {
        bench.world.post(1 + n % 2);
    }
    bench.deliver().await;
    for size in [1, 3, CAP as i32, 100] {
        assert_eq!(bench.walk(1, size).await, bench.world.home(1), "pages of {size}");
    }
    assert_eq!(bench.held(1).await.unwrap().0, bench.world.home(1)[..CAP]);
}

async fn get_home_feed_builds_a_cold_feed_and_a_push_does_not_make_it_look_whole(engine: Engine) {
    let bench = Bench::new(engine, 2).await;
    bench.world.follow(1, 2);
    bench.world.post(2);
    bench.page(1, 10).await;
    bench.make_cold(1).await;
    bench.world.post(2);
    bench.deliver().await;
    assert_eq!(bench.held(1).await, None);
    assert_eq!(bench.page(1, 10).await.posts, bench.world.home(1));
    assert_eq!(bench.held(1).await, Some((bench.world.home(1), 0)));
}

async fn get_home_feed_is_right_at_once_after_unfollow_block_and_delete(engine: Engine) {
    let bench = Bench::new(engine, 5).await;
    for author in 2..=5 {
        bench.world.follow(1, author);
        bench.world.post(author);
        bench.world.post(author);
    }
    bench.deliver().await;
    assert_eq!(bench.page(1, 10).await.posts.len(), 8);
    // None of the events is delivered.
    bench.world.unfollow(1, 2);
    assert_eq!(bench.page(1, 10).await.posts, bench.world.home(1));
    bench.world.block(1, 3);
    assert_eq!(bench.page(1, 10).await.posts, bench.world.home(1));
    bench.world.block(4, 1);
    assert_eq!(bench.page(1, 10).await.posts, bench.world.home(1));
    let newest = bench.world.home(1)[0];
    bench.world.delete(newest);
    assert_eq!(bench.page(1, 10).await.posts, bench.world.home(1));
    assert_eq!(bench.world.home(1).len(), 1);
    assert_eq!(bench.walk(1, 1).await, bench.world.home(1));
}

async fn get_home_feed_merges_pulled_authors_in_order(engine: Engine) {
    let bench = Bench::new(engine, 9).await;
    for reader in [1, 6, 7, 8, 9] {
        bench.world.follow(reader, 2);
    }
    bench.world.follow(1, 3);
    bench.page(1, 1).await;
    for n in 0..3 * CAP as i64 {
        bench.world.post(1 + n % 3);
    }
    bench.deliver().await;
    assert!(bench.world.state.lock().follows.iter().filter(|(_, a)| *a == 2).count() > THRESHOLD);
    let held = bench.held(1).await.unwrap().0;
    assert!(held.iter().all(|post| bench.world.state.lock().posts[post].author != 2));
    for size in [1, 4, 7, 100] {
        assert_eq!(bench.walk(1, size).await, bench.world.home(1), "pages of {size}");
    }
    // Its own feed is pushed to.
    assert_eq!(bench.walk(2, 3).await, bench.world.home(2));
}

async fn get_home_feed_shows_what_a_pulled_author_posted_since_the_last_page(engine: Engine) {
    let bench = Bench::new(engine, 9).await;
    for reader in [1, 6, 7, 8, 9] {
        bench.world.follow(reader, 2);
    }
    bench.page(1, 1).await;
    for _ in 0..3 {
        bench.world.post(2);
        bench.deliver().await;
        assert_eq!(bench.page(1, 10).await.posts, bench.world.home(1));
    }
}

async fn get_home_feed_of_many_pulled_authors_takes_a_bounded_number_of_calls(engine: Engine) {
    let bench = Bench::with(engine, 101, &Config { celebrity_threshold: 0, ..config() }).await;
    for author in 2..=101 {
        bench.world.follow(1, author);
    }
    bench.page(1, 1).await;
    for author in (2..=101).chain(2..=101) {
        bench.world.post(author);
    }
    bench.deliver().await;
    bench.world.calls.take();
    assert_eq!(bench.page(1, 20).await.posts, bench.world.home(1)[..20]);
    let [refs, ..] = bench.world.calls.take();
    assert!(refs <= 20, "{refs} calls for one page");
    assert_eq!(bench.walk(1, 30).await, bench.world.home(1));
}

async fn get_home_feed_of_an_author_who_became_a_celebrity_has_each_post_once(engine: Engine) {
    let bench = Bench::new(engine, 9).await;
    bench.world.follow(1, 2);
    bench.page(1, 1).await;
    bench.world.post(2);
    bench.deliver().await;
    for reader in 6..=9 {
        bench.world.follow(reader, 2);
    }
    bench.world.post(2);
    bench.deliver().await;
    assert_eq!(bench.held(1).await.unwrap().0.len(), 1);
    assert_eq!(bench.walk(1, 1).await, bench.world.home(1));
    assert_eq!(bench.world.home(1).len(), 2);
    assert_eq!(bench.drifted().await, [0; 0]);
}

/// Time stands still here, which no connection to a server survives, and no wait for another thread.
#[tokio::test(start_paused = true)]
async fn get_home_feed_waits_for_what_its_token_names_or_says_that_it_did_not() {
    let bench = Bench::new(Engine::Memory, 2).await;
    bench.page(1, 1).await;
    let post = bench.world.post(1);
    let behind = bench.page_with(&user_with(1, "posts=1"), 10, "").await.unwrap();
    assert_eq!(behind.told(), (vec![], String::new(), vec!["feeds-behind".to_owned()]));

    // Nobody streams, so the log need not have it; its thread knows nothing of a time that stands still.
    let (cx, events) = (user_with(1, "posts=1"), bench.world.drain());
    let (page, ()) = tokio::join!(bench.page_with(&cx, 10, ""), bench.apply(&events));
    assert_eq!(page.unwrap().told(), (vec![post], String::new(), vec![]));
}

/// Here too.
#[tokio::test(start_paused = true)]
async fn get_home_feed_does_not_wait_past_its_setting_or_its_deadline() {
    let bench = Bench::with(Engine::Memory, 2, &Config { consistency_wait_ms: 300, ..config() }).await;
    let start = tokio::time::Instant::now();
    let page = bench.page_with(&user_with(1, "graph=9"), 10, "").await.unwrap();
    assert_eq!((page.degraded, start.elapsed().as_millis() / 10), (vec!["feeds-behind".to_owned()], 30));

    let deadline = tokio::time::Instant::now() + Duration::from_millis(100);
    let cx = Cx::new(Caller::user(plaza_core::AccountId(1)), deadline)
        .with_token(plaza_core::Token::parse("graph=9").unwrap());
    assert_eq!(bench.page_with(&cx, 10, "").await.unwrap().degraded, ["feeds-behind"]);
    assert!(tokio::time::Instant::now() < deadline);
}

async fn get_home_feed_refuses_a_negative_size_and_a_token_of_another(engine: Engine) {
    let bench = Bench::new(engine, 2).await;
    for _ in 0..4 {
        bench.world.post(1);
    }
    let error = bench.page_at(1, -1, "").await.unwrap_err();
    assert_eq!(error.violations()[0].field, "page_size");
    let next = bench.page(1, 2).await.next;
    let error = bench.page_at(2, 2, &next).await.unwrap_err();
    assert!(error.is(reason::PAGE_TOKEN_INVALID));
    assert!(bench.page_at(1, 2, "forged").await.unwrap_err().is(reason::PAGE_TOKEN_INVALID));
    let nobody = Cx::new(Caller::default(), tokio::time::Instant::now() + Duration::from_secs(5));
    assert!(bench.page_with(&nobody, 2, "").await.unwrap_err().is(reason::CREDENTIALS_MISSING));
}

async fn get_home_feed_of_mutuals_shows_those_who_follow_back(engine: Engine) {
    let bench = Bench::new(engine, 4).await;
    bench.world.follow(1, 2);
    bench.world.follow(1, 3);
    bench.world.follow(2, 1);
    bench.world.follow(4, 1);
    let (own, mutual, followed) = (bench.world.post(1), bench.world.post(2), bench.world.post(3));
    let brought = bench.world.repost(2, followed).unwrap();
    // Of two who reposted it the other did last, and is no mutual.
    bench.world.repost(3, mutual).unwrap();
    bench.world.post(4);
    bench.deliver().await;
    assert_eq!(bench.walk_of(1, HomeFilter::Mutuals, 2).await, [brought, mutual, own]);
    let first = bench.page_of(&user(1), HomeFilter::Mutuals, 2, "").await.unwrap();
    let other = bench.page_at(1, 2, &first.next).await.unwrap_err();
    assert_eq!(other.violations()[0].field, "page_token");
    // Follows back from now on, without an event.
    bench.world.follow(3, 1);
    assert_eq!(bench.walk_of(1, HomeFilter::Mutuals, 2).await, bench.world.home(1));
    // Who follows the reader is not held here.
    bench.world.graph_faults.fail(Error::new(reason::PEER_UNAVAILABLE));
    let away = bench.page_of(&user(1), HomeFilter::Mutuals, 2, "").await.unwrap_err();
    assert!(away.is(reason::PEER_UNAVAILABLE));
    assert_eq!(bench.page(1, 2).await.degraded, ["graph"]);
}

async fn get_home_feed_costs_one_call_for_rules_and_one_for_posts(engine: Engine) {
    let bench = Bench::with(engine, 4, &Config { cap: 100, ..config() }).await;
    for author in 2..=4 {
        bench.world.follow(1, author);
    }
    for n in 0..30 {
        bench.world.post(1 + n % 4);
    }
    bench.page(1, 10).await;
    bench.world.calls.take();
    assert_eq!(bench.page(1, 10).await.posts.len(), 10);
    assert_eq!(bench.world.calls.take(), [0, 1, 1, 0]);
}

async fn get_home_feed_serves_a_short_page_with_a_token_when_almost_all_is_hidden(engine: Engine) {
    let bench = Bench::with(engine, 2, &Config { cap: 500, ..config() }).await;
    bench.world.follow(1, 2);
    let oldest = bench.world.post(1);
    for _ in 0..400 {
        bench.world.post(2);
    }
    bench.page(1, 1).await;
    bench.world.unfollow(1, 2);
    let page = bench.page(1, 10).await;
    assert!(page.posts.is_empty() && !page.next.is_empty());
    assert_eq!(bench.walk(1, 10).await, [oldest]);
}
