//! The projection: fan-out, backfill, purge, audit, repair.

use std::sync::atomic::Ordering;
use std::time::Duration;

use plaza_core::{AccountId, Cx, PostId};
use plaza_events::projection::{AuditOptions, RebuildOptions, rebuild, repair};
use plaza_feeds::Config;
use plaza_feeds::domain::Entry;
use plaza_feeds::store::memory::FEED_WEIGHT;

use crate::support::{Bench, CAP, Engine, config};

on_each_engine![
    a_follow_backfills_and_an_unfollow_purges_what_is_held,
    a_backfill_of_more_than_a_window_holds_leaves_no_hole,
    a_restored_post_comes_back_whatever_the_order_of_events,
    a_deleted_post_leaves_the_feeds_it_was_pushed_to_whatever_the_order_of_events,
    what_was_deleted_while_not_followed_does_not_come_back_with_the_next_follow,
    an_account_that_is_gone_leaves_nothing_behind,
    a_reader_who_was_away_for_long_is_skipped_and_built_anew,
    an_audit_finds_what_drifted_and_a_repair_mends_it,
    a_rebuild_walks_the_feeds_that_are_held,
    a_scan_passes_over_cold_feeds_many_at_once,
    an_event_that_cannot_be_read_is_a_permanent_error,
];

fn cx() -> Cx {
    Cx::background("test", Duration::from_secs(5))
}

async fn a_follow_backfills_and_an_unfollow_purges_what_is_held(engine: Engine) {
    let bench = Bench::new(engine, 3).await;
    bench.world.post(1);
    bench.world.post(2);
    bench.page(1, 1).await;
    bench.world.follow(1, 2);
    bench.deliver().await;
    assert_eq!(bench.held(1).await, Some((bench.world.home(1), 0)));
    bench.world.block(2, 1);
    bench.deliver().await;
    assert_eq!(bench.held(1).await, Some((bench.world.home(1), 0)));
    assert_eq!(bench.world.home(1).len(), 1);
}

async fn a_backfill_of_more_than_a_window_holds_leaves_no_hole(engine: Engine) {
    let bench = Bench::new(engine, 3).await;
    bench.world.post(1);
    for _ in 0..2 * CAP {
        bench.world.post(2);
    }
    bench.page(1, 1).await;
    bench.world.follow(1, 2);
    bench.deliver().await;
    let (posts, floor) = bench.held(1).await.unwrap();
    assert_eq!(posts, bench.world.home(1)[..CAP]);
    assert!(floor > 0);
    assert_eq!(bench.walk(1, 5).await, bench.world.home(1));
}

async fn a_deleted_post_leaves_the_feeds_it_was_pushed_to_whatever_the_order_of_events(engine: Engine) {
    let bench = Bench::new(engine, 3).await;
    bench.world.follow(1, 2);
    bench.page(1, 1).await;
    bench.deliver().await;
    let post = bench.world.post(2);
    let created = bench.world.drain();
    bench.apply(&created).await;
    assert_eq!(bench.held(1).await.unwrap().0, [post]);
    bench.world.delete(post);
    let deleted = bench.world.drain();
    bench.apply(&deleted).await;
    assert_eq!(bench.held(1).await.unwrap().0, [0; 0]);
    bench.apply(&created).await;
    assert_eq!(bench.held(1).await.unwrap().0, [0; 0]);
}

async fn a_restored_post_comes_back_whatever_the_order_of_events(engine: Engine) {
    let bench = Bench::new(engine, 3).await;
    bench.world.follow(1, 2);
    let (older, post) = (bench.world.post(2), bench.world.post(2));
    bench.page(1, 1).await;
    bench.deliver().await;
    bench.world.delete(post);
    let deleted = bench.world.drain();
    bench.apply(&deleted).await;
    assert_eq!(bench.held(1).await.unwrap().0, [older]);
    bench.world.restore(post);
    let restored = bench.world.drain();
    bench.apply(&restored).await;
    assert_eq!(bench.held(1).await.unwrap().0, [post, older]);
    bench.apply(&[deleted.clone(), restored].concat()).await;
    bench.apply(&deleted).await;
    assert_eq!(bench.held(1).await.unwrap().0, [post, older]);
    assert_eq!(bench.walk(1, 1).await, bench.world.home(1));
}

async fn what_was_deleted_while_not_followed_does_not_come_back_with_the_next_follow(engine: Engine) {
    let bench = Bench::new(engine, 2).await;
    bench.world.follow(1, 2);
    let (gone, _stays) = (bench.world.post(2), bench.world.post(2));
    bench.page(1, 1).await;
    bench.deliver().await;
    bench.world.unfollow(1, 2);
    let late = bench.world.drain();
    bench.world.delete(gone);
    bench.deliver().await;
    bench.world.follow(1, 2);
    bench.deliver().await;
    bench.apply(&late).await;
    assert_eq!(bench.held(1).await.unwrap().0, bench.world.home(1));
}

async fn an_account_that_is_gone_leaves_nothing_behind(engine: Engine) {
    let bench = Bench::new(engine, 3).await;
    bench.world.follow(1, 2);
    bench.world.follow(2, 1);
    bench.world.post(1);
    bench.world.post(2);
    bench.page(1, 1).await;
    bench.page(2, 1).await;
    bench.deliver().await;
    bench.world.delete_account(2);
    bench.deliver().await;
    assert_eq!((bench.held(1).await.unwrap().0, bench.held(2).await), (bench.world.home(1), None));
}

/// Only an engine in this process knows that nobody reads.
#[tokio::test]
async fn nothing_is_read_for_events_while_nobody_reads() {
    let bench = Bench::new(Engine::Memory, 5).await;
    for n in 0..50 {
        bench.world.post(1 + n % 5);
        bench.world.follow(1 + n % 4, 5);
    }
    bench.deliver().await;
    assert_eq!(bench.world.calls.take(), [0; 4]);
}

async fn a_reader_who_was_away_for_long_is_skipped_and_built_anew(engine: Engine) {
    let bench = Bench::with(engine, 2, &Config { active_days: 1, ..config() }).await;
    bench.world.follow(1, 2);
    bench.page(1, 1).await;
    bench.deliver().await;
    bench.pass_ms(2 * 86_400_000);
    bench.world.post(2);
    bench.deliver().await;
    assert_eq!(bench.held(1).await, None);
    bench.world.post(2);
    assert_eq!(bench.page(1, 10).await.posts, bench.world.home(1));
}

/// A server has bounds of its own.
#[tokio::test]
async fn feeds_go_cold_rather_than_over_the_bound() {
    let bench = Bench::with(Engine::Memory, 6, &Config { max_entries: 20 + 2 * FEED_WEIGHT, ..config() }).await;
    for n in 0..60 {
        bench.world.post(1 + n % 6);
    }
    for reader in 1..=6 {
        bench.world.clock.advance(1);
        assert_eq!(bench.walk(reader, 3).await, bench.world.home(reader));
    }
    let mut entries = 0;
    for reader in 1..=6 {
        entries += bench.held(reader).await.map_or(0, |(posts, _)| posts.len());
    }
    assert!(entries <= 20 && entries > 8, "{entries}");
}

async fn an_audit_finds_what_drifted_and_a_repair_mends_it(engine: Engine) {
    let bench = Bench::new(engine, 7).await;
    for reader in 1..=6 {
        bench.world.follow(reader, reader + 1);
        bench.world.post(reader);
        bench.page(reader, 1).await;
    }
    bench.deliver().await;
    assert_eq!(bench.drifted().await, [0; 0]);
    // Lost in one feed, strange in another; cold is no drift.
    let lost = bench.held(2).await.unwrap().0[0];
    bench.store.remove(&cx(), &[AccountId(2)], &[PostId(lost)]).await.unwrap();
    let strange = Entry::post(PostId(bench.world.env.next_id()), AccountId(7));
    bench.store.push(&cx(), &[AccountId(4)], &[strange]).await.unwrap();
    bench.make_cold(5).await;
    assert_eq!(bench.drifted().await, [2, 4]);
    repair(&*bench.projection, &[2, 4, 5], &AuditOptions::default()).await.unwrap();
    assert_eq!(bench.drifted().await, [0; 0]);
    assert_eq!((bench.held(2).await.unwrap().0, bench.held(5).await), (bench.world.home(2), None));
}

async fn a_rebuild_walks_the_feeds_that_are_held(engine: Engine) {
    let bench = Bench::new(engine, 7).await;
    for reader in [2, 5, 6] {
        bench.world.post(reader);
        bench.page(reader, 1).await;
        let strange = Entry::post(PostId(bench.world.env.next_id()), AccountId(1));
        bench.store.push(&cx(), &[AccountId(reader)], &[strange]).await.unwrap();
    }
    let options = RebuildOptions { page: 2, ..RebuildOptions::default() };
    let progress = rebuild(&*bench.projection, &bench.world.env, &options, 0, |_| {}).await.unwrap();
    assert_eq!((progress.keys, progress.last_key), (3, 6));
    assert_eq!(bench.drifted().await, [0; 0]);
}

async fn a_scan_passes_over_cold_feeds_many_at_once(engine: Engine) {
    let bench = Bench::new(engine, 3_000).await;
    for reader in [2_500, 2_900] {
        bench.world.post(reader);
        bench.page(reader, 1).await;
    }
    bench.world.calls.accounts.store(0, Ordering::SeqCst);
    for (after, found) in [(0, 2_500), (2_500, 2_900)] {
        let page = bench.projection.scan_truth(&cx(), after, 1).await.unwrap();
        assert_eq!(page.iter().map(|(key, _)| *key).collect::<Vec<_>>(), [found]);
    }
    assert!(bench.projection.scan_truth(&cx(), 2_900, 1).await.unwrap().is_empty());
    assert!(bench.world.calls.accounts.load(Ordering::SeqCst) <= 6);
}

async fn an_event_that_cannot_be_read_is_a_permanent_error(engine: Engine) {
    let bench = Bench::new(engine, 2).await;
    bench.world.post(1);
    let mut events = bench.world.drain();
    events[0].payload = vec![0xff].into();
    assert!(!bench.try_apply(&events).await.unwrap_err().is_transient());
}
