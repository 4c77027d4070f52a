//! `GetCatchUpFeed` against a scorer of its own.

use std::collections::{BTreeMap, BTreeSet};

use plaza_core::{Error, id, reason};
use plaza_feeds::Config;
use plaza_proto::feeds::v1::{
    CatchUpPost, FeedKind, FeedsService as _, GetCatchUpFeedRequest, GetCatchUpFeedResponse, SetReadPositionRequest,
};
use proptest::prelude::*;

use crate::support::{Bench, Engine, config, user};
use crate::world::{Placed, World};

on_each_engine![
    get_catch_up_feed_shows_the_best_since_the_read_position,
    get_catch_up_feed_tells_the_parts_of_each_score,
    get_catch_up_feed_shows_no_post_twice_whatever_happens_between_pages,
    get_catch_up_feed_is_bounded_and_says_so,
    get_catch_up_feed_does_without_a_read_position,
    get_catch_up_feed_takes_only_its_own_tokens,
];

const HOUR: i64 = 3_600_000;

async fn page(bench: &Bench, since_place: i64, page_size: i32, token: &str) -> GetCatchUpFeedResponse {
    let req = GetCatchUpFeedRequest { page_size, page_token: token.to_owned(), since_place };
    bench.client.get_catch_up_feed(&user(1), req).await.unwrap()
}

/// The posts of all pages, in order.
async fn walk(bench: &Bench, since_place: i64, page_size: i32) -> Vec<CatchUpPost> {
    let (mut posts, mut token) = (Vec::new(), String::new());
    loop {
        let page = page(bench, since_place, page_size, &token).await;
        assert!(page.posts.len() <= usize::try_from(page_size).unwrap());
        posts.extend(page.posts);
        token = page.next_page_token;
        if token.is_empty() {
            return posts;
        }
    }
}

fn ids(posts: &[CatchUpPost]) -> Vec<i64> {
    posts.iter().map(|post| post.post.as_ref().unwrap().post_id).collect()
}

async fn read_to(bench: &Bench, place: i64) {
    let request_id = bench.world.env.event_id().to_string();
    let req = SetReadPositionRequest { request_id, feed: FeedKind::Home.into(), place, force: true };
    bench.client.set_read_position(&user(1), req).await.unwrap();
}

async fn get_catch_up_feed_shows_the_best_since_the_read_position(engine: Engine) {
    let bench = Bench::new(engine, 6).await;
    for author in [2, 3] {
        bench.world.follow(1, author);
    }
    let before = bench.world.post(2);
    let (dull, liked) = (bench.world.post(2), bench.world.post(3));
    let own = bench.world.post(1);
    let strange = bench.world.post(4);
    bench.world.repost(3, strange).unwrap();
    [5, 6].into_iter().for_each(|account| bench.world.like(account, liked));
    [2, 3, 5].into_iter().for_each(|account| bench.world.like(account, before));
    bench.deliver().await;
    read_to(&bench, before).await;
    let first = page(&bench, 0, 2, "").await;
    assert_eq!((first.since_place, first.considered, first.complete), (before, 4, true));
    let best = walk(&bench, 0, 2).await;
    // A repost, two likes, nothing; neither what was read nor the reader's own.
    assert_eq!(ids(&best), [strange, liked, dull], "without {own}");
    assert_eq!(best[0].repost.map(|repost| (repost.post_id, repost.reposted_by)), Some((strange, 3)));
    assert_eq!(ids(&walk(&bench, before - 1, 9).await)[0], strange);
    assert!(ids(&walk(&bench, before - 1, 9).await).contains(&before), "the place that is named counts");
    assert_eq!(ids(&walk(&bench, liked, 9).await), [strange]);
}

async fn get_catch_up_feed_tells_the_parts_of_each_score(engine: Engine) {
    let bench = Bench::new(engine, 12).await;
    bench.world.follow(1, 2);
    bench.world.follow(1, 3);
    bench.world.follow(3, 1);
    let (old, new) = (bench.world.post(2), bench.world.post(3));
    (4..=12).for_each(|account| bench.world.like(account, old));
    bench.world.like(1, new);
    bench.world.reply(4, new);
    bench.deliver().await;
    bench.pass_ms(24 * HOUR);
    let posts = walk(&bench, 0, 9).await;
    let score = |post: i64| {
        let found = posts.iter().find(|found| found.post.as_ref().unwrap().post_id == post);
        let score = found.unwrap().score.unwrap();
        [score.likes, score.reposts, score.replies, score.closeness, score.decay, score.total]
            .map(|part| format!("{part:.4}"))
    };
    // ln 10, half of closeness, half for a day. Then ln 2, 1.5 ln 2, closeness of who follows back and has one like.
    assert_eq!(score(old), ["2.3026", "0.0000", "0.0000", "1.5000", "0.5000", "1.9013"]);
    assert_eq!(score(new), ["0.6931", "0.0000", "1.0397", "3.3000", "0.5000", "2.5164"]);
}

async fn get_catch_up_feed_shows_no_post_twice_whatever_happens_between_pages(engine: Engine) {
    let bench = Bench::new(engine, 6).await;
    bench.world.follow(1, 2);
    let posts: Vec<i64> = (0..7).map(|_| bench.world.post(2)).collect();
    bench.deliver().await;
    bench.pass_ms(1_000);
    let first = page(&bench, 0, 3, "").await;
    let mut seen = ids(&first.posts);
    assert_eq!(seen, [posts[6], posts[5], posts[4]], "as good as one another: the newest first");
    // What was shown gets worse than the rest, something better comes, one of the rest goes.
    for (post, account) in posts[..3].iter().flat_map(|post| [3, 4, 5].map(|account| (*post, account))) {
        bench.world.like(account, post);
    }
    bench.pass_ms(1_000);
    let late = bench.world.post(2);
    bench.world.repost(2, posts[6]).unwrap();
    bench.world.delete(posts[3]);
    bench.deliver().await;
    let mut token = first.next_page_token;
    while !token.is_empty() {
        let next = page(&bench, 0, 1, &token).await;
        seen.extend(ids(&next.posts));
        token = next.next_page_token;
    }
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), seen.len(), "{seen:?}");
    assert_eq!(seen[3..], [posts[2], posts[1], posts[0]], "without {late}, which came later");
}

async fn get_catch_up_feed_is_bounded_and_says_so(engine: Engine) {
    let config = Config { catch_up_candidates: 4, catch_up_posts: 3, catch_up_days: 1, ..config() };
    let bench = Bench::with(engine, 2, &config).await;
    bench.world.follow(1, 2);
    let posts: Vec<i64> = (0..6).map(|_| bench.world.post(2)).collect();
    bench.deliver().await;
    read_to(&bench, posts[0]).await;
    let first = page(&bench, 0, 9, "").await;
    assert_eq!((first.considered, first.complete), (4, false), "five are new");
    assert_eq!((ids(&first.posts), first.next_page_token.as_str()), (vec![posts[5], posts[4], posts[3]], ""));
    assert_eq!(ids(&walk(&bench, 0, 2).await), ids(&first.posts), "on all pages together");
    let few = page(&bench, posts[1], 9, "").await;
    assert_eq!((few.considered, few.complete), (4, true));
    bench.pass_ms(25 * HOUR);
    let fresh = bench.world.post(2);
    bench.deliver().await;
    let aged = page(&bench, posts[1], 9, "").await;
    assert_eq!((ids(&aged.posts), aged.complete), (vec![fresh], false), "what is older is not looked at");
    assert_eq!(aged.since_place, id::first_at(bench.world.env.now().plus_ms(-24 * HOUR)));
}

async fn get_catch_up_feed_does_without_a_read_position(engine: Engine) {
    let bench = Bench::new(engine, 2).await;
    bench.world.follow(1, 2);
    let post = bench.world.post(2);
    bench.deliver().await;
    let page = page(&bench, 0, 9, "").await;
    assert_eq!((ids(&page.posts), page.complete), (vec![post], false));
    // Nor while positions cannot be read: then the answer says so.
    bench.positions.close().await;
    let cx = user(1);
    let degraded = bench.client.get_catch_up_feed(&cx, GetCatchUpFeedRequest::default()).await.unwrap();
    assert_eq!(ids(&degraded.posts), [post]);
    assert_eq!(cx.take_outcome().degraded, ["feeds-positions"]);
    bench.world.posts_faults.fail_next(1, Error::new(reason::STORE_UNAVAILABLE));
    let error = bench.client.get_catch_up_feed(&user(1), GetCatchUpFeedRequest::default()).await.unwrap_err();
    assert!(error.is(reason::STORE_UNAVAILABLE), "{error}");
}

async fn get_catch_up_feed_takes_only_its_own_tokens(engine: Engine) {
    let bench = Bench::new(engine, 2).await;
    bench.world.follow(1, 2);
    let posts: Vec<i64> = (0..2).map(|_| bench.world.post(2)).collect();
    bench.deliver().await;
    let token = page(&bench, 0, 1, "").await.next_page_token;
    assert_eq!(ids(&page(&bench, 0, 1, &token).await.posts), posts[..1]);
    for (reader, since_place, page_token) in [(2, 0, token.clone()), (1, 5, token.clone()), (1, 0, format!("{token}A"))]
    {
        let req = GetCatchUpFeedRequest { page_size: 1, page_token, since_place };
        let error = bench.client.get_catch_up_feed(&user(reader), req).await.unwrap_err();
        assert!(error.is(reason::PAGE_TOKEN_INVALID), "{error}");
    }
}

/// What the feed should show, worked out from the truth alone.
fn expected(world: &World, since: i64) -> Vec<i64> {
    let (state, now) = (world.state.lock(), world.env.now());
    let wanted = |entry: &Placed| entry.place > since && entry.by != 1 && state.posts[&entry.post].author != 1;
    // Each post where others brought it last.
    let mut seen = BTreeSet::new();
    let placed = state.placed(false).into_iter().filter(|entry| wanted(entry) && state.shows(1, *entry, now));
    let home: Vec<Placed> = placed.filter(|entry| seen.insert(entry.post)).collect();
    let mut liked: BTreeMap<i64, u32> = BTreeMap::new();
    for entry in home.iter().filter(|entry| state.likes.contains(&(1, entry.post))) {
        *liked.entry(state.posts[&entry.post].author).or_default() += 1;
    }
    let mut scored: Vec<(f64, i64, i64)> = Vec::new();
    for entry in home {
        let count = |all: usize| f64::from(u32::try_from(all).unwrap() + 1).ln();
        let likes = count(state.likes.iter().filter(|(_, post)| *post == entry.post).count());
        let reposts = count(state.reposts.values().filter(|repost| repost.post == entry.post).count());
        let replies = count(state.posts.values().filter(|post| post.reply_to == entry.post).count());
        let of_author = liked.get(&state.posts[&entry.post].author).copied().unwrap_or_default().min(5);
        let closeness = if state.follows(entry.by, 1) { 1.0 } else { 0.5 } + f64::from(of_author) / 10.0;
        let hours = f64::from(i32::try_from(now.0 - id::time_of(entry.place).0).unwrap()) / 3_600_000.0;
        let sum = likes + 2.0 * reposts + 1.5 * replies + 3.0 * closeness;
        scored.push((sum * 0.5_f64.powf(hours / 24.0), entry.place, entry.post));
    }
    // Two ways to work a number out differ in its last digits.
    let rounded = |score: f64| (score * 1e9).round();
    scored.sort_by(|a, b| rounded(b.0).total_cmp(&rounded(a.0)).then(b.1.cmp(&a.1)));
    scored.into_iter().map(|(.., post)| post).take(100).collect()
}

#[derive(Clone, Debug)]
enum Op {
    Post(i64),
    Reply(i64, prop::sample::Index),
    Repost(i64, prop::sample::Index),
    Like(i64, prop::sample::Index),
    Delete(prop::sample::Index),
    Follow(i64, i64),
    Mute(i64),
    Wait(i64),
}

fn op() -> impl Strategy<Value = Op> {
    let (account, nth) = (|| 1..=5_i64, any::<prop::sample::Index>);
    prop_oneof![
        4 => account().prop_map(Op::Post),
        3 => (account(), nth()).prop_map(|(author, to)| Op::Reply(author, to)),
        4 => (account(), nth()).prop_map(|(by, post)| Op::Repost(by, post)),
        8 => (account(), nth()).prop_map(|(by, post)| Op::Like(by, post)),
        1 => nth().prop_map(Op::Delete),
        2 => (account(), account()).prop_map(|(a, b)| Op::Follow(a, b)),
        1 => account().prop_map(Op::Mute),
        3 => (1..20 * HOUR).prop_map(Op::Wait),
    ]
}

fn run(bench: &Bench, op: &Op) {
    let world = &bench.world;
    let posts: Vec<i64> = world.state.lock().posts.keys().copied().collect();
    let nth = |of: &prop::sample::Index| (!posts.is_empty()).then(|| posts[of.index(posts.len())]);
    match op {
        Op::Post(author) => {
            world.post(*author);
        }
        Op::Reply(author, to) => {
            nth(to).map(|to| world.reply(*author, to));
        }
        Op::Repost(by, of) => {
            nth(of).and_then(|post| world.repost(*by, post));
        }
        Op::Like(by, of) => nth(of).into_iter().for_each(|post| world.like(*by, post)),
        Op::Delete(of) => nth(of).into_iter().for_each(|post| world.delete(post)),
        Op::Follow(a, b) => world.follow(*a, *b),
        Op::Mute(other) => world.mute(1, *other, [true, false], 10 * HOUR),
        Op::Wait(ms) => bench.pass_ms(*ms),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn the_catch_up_feed_is_what_a_brute_force_scorer_says(
        ops in prop::collection::vec(op(), 1..80),
        position in any::<prop::sample::Index>(),
        size in 1..9_i32,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let bench = Bench::with(Engine::Memory, 5, &Config { catch_up_days: 365, ..config() }).await;
            for (a, b) in [(1, 2), (1, 3), (3, 1)] {
                bench.world.follow(a, b);
            }
            ops.iter().for_each(|op| run(&bench, op));
            bench.deliver().await;
            bench.pass_ms(1);
            let places: Vec<i64> = bench.world.state.lock().placed(false).iter().map(|entry| entry.place).collect();
            let since = if places.is_empty() { 1 } else { places[position.index(places.len())] };
            let shown = ids(&walk(&bench, since, size).await);
            assert_eq!(shown, expected(&bench.world, since), "since {since}");
        });
    }
}
