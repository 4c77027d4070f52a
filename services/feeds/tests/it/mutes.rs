//! Whom readers of home feeds do not want to read: muted accounts, and replies to those whom they do not follow.

use crate::support::{Bench, Engine, config};
use plaza_feeds::Config;

on_each_engine![
    a_mute_keeps_posts_away_until_it_ends,
    a_mute_of_reposts_leaves_posts_and_other_reposts_of_the_same,
    a_page_is_full_however_many_are_muted,
    replies_show_to_those_who_follow_both_ends,
    rules_cost_one_call_and_another_for_what_is_replied_to,
];

async fn a_mute_keeps_posts_away_until_it_ends(engine: Engine) {
    let bench = Bench::new(engine, 4).await;
    bench.world.follow(1, 2);
    bench.world.follow(1, 3);
    bench.page(1, 1).await;
    let (muted, stays, strange) = (bench.world.post(2), bench.world.post(3), bench.world.post(4));
    let brought = bench.world.repost(3, muted).unwrap();
    let reposted = bench.world.repost(2, strange).unwrap();
    bench.deliver().await;
    assert_eq!(bench.page(1, 9).await.posts, [reposted, brought, stays]);
    bench.world.mute(1, 2, [true, false], 60_000);
    assert_eq!(bench.page(1, 9).await.posts, [reposted, stays]);
    bench.world.mute(1, 2, [true, true], 60_000);
    assert_eq!(bench.page(1, 9).await.posts, [stays]);
    // Others read on.
    bench.world.follow(4, 2);
    assert_eq!(bench.page(4, 9).await.posts, bench.world.home(4));
    bench.world.clock.advance(59_999);
    assert_eq!(bench.page(1, 9).await.posts, [stays]);
    bench.world.clock.advance(1);
    assert_eq!(bench.page(1, 9).await.posts, [reposted, brought, stays]);
}

async fn a_mute_of_reposts_leaves_posts_and_other_reposts_of_the_same(engine: Engine) {
    let bench = Bench::new(engine, 4).await;
    bench.world.follow(1, 2);
    bench.world.follow(1, 3);
    bench.page(1, 1).await;
    let (own, strange) = (bench.world.post(2), bench.world.post(4));
    let other = bench.world.repost(3, strange).unwrap();
    let last = bench.world.repost(2, strange).unwrap();
    bench.deliver().await;
    assert_eq!(bench.page(1, 9).await.posts, [last, own]);
    bench.world.mute(1, 2, [false, true], 60_000);
    assert_eq!(bench.page(1, 9).await.posts, [other, own]);
    assert_eq!(bench.walk(1, 1).await, [other, own]);
    bench.world.unmute(1, 2);
    assert_eq!(bench.walk(1, 1).await, [last, own]);
}

async fn a_page_is_full_however_many_are_muted(engine: Engine) {
    let bench = Bench::new(engine, 3).await;
    bench.world.follow(1, 2);
    bench.world.follow(1, 3);
    for n in 0..60 {
        bench.world.post(if n % 10 == 0 { 3 } else { 2 });
    }
    bench.deliver().await;
    bench.world.mute(1, 2, [true, true], 60_000);
    let home = bench.world.home(1);
    assert_eq!(home.len(), 6);
    assert_eq!(bench.page(1, 4).await.posts, home[..4]);
    assert_eq!(bench.walk(1, 4).await, home);
}

async fn replies_show_to_those_who_follow_both_ends(engine: Engine) {
    let bench = Bench::new(engine, 5).await;
    bench.world.follow(1, 2);
    bench.world.follow(1, 3);
    bench.page(1, 1).await;
    let (own, known, strange) = (bench.world.post(1), bench.world.post(3), bench.world.post(4));
    let to_own = bench.world.reply(2, own);
    let to_known = bench.world.reply(2, known);
    let to_strange = bench.world.reply(2, strange);
    let to_self = bench.world.reply(2, to_strange);
    let answer = bench.world.reply(1, strange);
    bench.deliver().await;
    assert_eq!(bench.page(1, 9).await.posts, [answer, to_self, to_known, to_own, known, own]);
    // A repost says that it is worth reading.
    let repost = bench.world.repost(3, to_strange).unwrap();
    bench.deliver().await;
    assert_eq!(bench.page(1, 9).await.posts, [repost, answer, to_self, to_known, to_own, known, own]);
    bench.world.follow(1, 4);
    bench.world.undo_repost(repost);
    bench.deliver().await;
    assert_eq!(bench.page(1, 9).await.posts, [answer, to_self, to_strange, to_known, to_own, strange, known, own]);
    // What it replied to is out of sight or gone.
    bench.world.block(4, 1);
    bench.world.delete(known);
    bench.deliver().await;
    assert_eq!(bench.page(1, 9).await.posts, [answer, to_self, to_own, own]);
}

async fn rules_cost_one_call_and_another_for_what_is_replied_to(engine: Engine) {
    let bench = Bench::with(engine, 9, &Config { cap: 500, ..config() }).await;
    for author in 2..=4 {
        bench.world.follow(1, author);
        bench.world.mute(1, author, [false, true], 60_000);
    }
    let strange: Vec<i64> = (5..=9).map(|author| bench.world.post(author)).collect();
    for (n, post) in strange.iter().enumerate() {
        bench.world.reply(2 + n as i64 % 3, *post);
        bench.world.repost(2 + n as i64 % 3, *post).unwrap();
        bench.world.post(2);
    }
    bench.deliver().await;
    bench.page(1, 5).await;
    bench.world.calls.take();
    bench.page(1, 3).await;
    let [refs, posts, relationships, lists] = bench.world.calls.take();
    // Two rounds, each with its posts and what they reply to, and the accounts of both at once.
    assert_eq!([refs, lists], [0, 0]);
    assert!(posts <= 4 && relationships <= 2, "{posts} and {relationships} calls");
}
