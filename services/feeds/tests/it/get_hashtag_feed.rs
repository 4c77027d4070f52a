//! Feeds of hashtags.

use plaza_core::{Cx, Error, Result, reason};
use plaza_feeds::Config;
use plaza_proto::feeds::v1::{FeedsService as _, GetHashtagFeedRequest};

use crate::support::{Bench, Engine, config, guest, tags, user};

on_each_engine![
    get_hashtag_feed_takes_any_all_and_none,
    get_hashtag_feed_spares_its_reader_what_home_does,
    get_hashtag_feed_pages_however_much_is_hidden,
    get_hashtag_feed_refuses_what_are_no_hashtags,
    get_hashtag_feed_fails_with_posts,
];

async fn page(bench: &Bench, cx: &Cx, req: GetHashtagFeedRequest) -> Result<(Vec<i64>, String)> {
    let page = bench.client.get_hashtag_feed(cx, req).await?;
    Ok((page.posts.iter().map(|post| post.post_id).collect(), page.next_page_token))
}

fn any(any_of: &[&str]) -> GetHashtagFeedRequest {
    GetHashtagFeedRequest { any_of: tags(any_of), ..GetHashtagFeedRequest::default() }
}

async fn get_hashtag_feed_takes_any_all_and_none(engine: Engine) {
    let bench = Bench::new(engine, 3).await;
    let texts = ["#rust", "#zig", "#rust #code", "#zig #code #jobs", "rust"];
    let posts = texts.map(|text| bench.world.say(2, text, ""));
    bench.world.post_for(2, true);
    let [all_of, none_of] = [["#code"], ["Jobs"]].map(|said| tags(&said));
    for (req, expected) in [
        (any(&["rust"]), vec![posts[2], posts[0]]),
        (any(&["#Rust", "ZIG", "＃zig"]), vec![posts[3], posts[2], posts[1], posts[0]]),
        (GetHashtagFeedRequest { all_of: all_of.clone(), ..any(&["zig", "rust"]) }, vec![posts[3], posts[2]]),
        (GetHashtagFeedRequest { all_of: all_of.clone(), ..any(&[]) }, vec![posts[3], posts[2]]),
        (GetHashtagFeedRequest { none_of: none_of.clone(), all_of, ..any(&[]) }, vec![posts[2]]),
        (GetHashtagFeedRequest { none_of, ..any(&["zig"]) }, vec![posts[1]]),
        (any(&["nobody"]), vec![]),
    ] {
        for cx in [user(1), guest()] {
            assert_eq!(page(&bench, &cx, req.clone()).await.unwrap(), (expected.clone(), String::new()), "{req:?}");
        }
    }
}

async fn get_hashtag_feed_spares_its_reader_what_home_does(engine: Engine) {
    let bench = Bench::new(engine, 6).await;
    let world = &bench.world;
    let blocked = world.say(2, "#rust", "");
    let muted = world.say(3, "#rust", "");
    let reposts_muted = world.say(4, "#rust", "");
    let worded = world.say(5, "#rust cake", "");
    let (foreign, own) = (world.say(5, "#rust", "de"), world.say(1, "#rust cake", "de"));
    world.block(2, 1);
    world.mute(1, 3, [true, false], 60_000);
    world.mute(1, 4, [false, true], 60_000);
    world.mute_word(1, "cake", 60_000);
    world.read_in(1, &["en"]);
    assert_eq!(page(&bench, &user(1), any(&["rust"])).await.unwrap().0, [own, reposts_muted]);
    let all = [own, foreign, worded, reposts_muted, muted, blocked];
    assert_eq!(page(&bench, &guest(), any(&["rust"])).await.unwrap().0, all);
    world.mute_word(1, "cake", 0);
    world.unmute(1, 3);
    bench.deliver().await;
    assert_eq!(page(&bench, &user(1), any(&["rust"])).await.unwrap().0, [own, worded, reposts_muted, muted]);
}

async fn get_hashtag_feed_pages_however_much_is_hidden(engine: Engine) {
    let bench = Bench::new(engine, 4).await;
    for n in 0..40 {
        bench.world.say(2 + n % 2, if n % 8 < 4 { "#rust cake" } else { "#rust" }, "");
    }
    bench.world.mute_word(1, "cake", 60_000);
    let of = [tags(&["rust"]), vec![], vec![]];
    let expected = bench.world.state.lock().hashtags(Some(1), &of, bench.world.env.now());
    assert_eq!(expected.len(), 20);
    let (mut seen, mut req) = (Vec::new(), GetHashtagFeedRequest { page_size: 6, ..any(&["rust"]) });
    loop {
        let (posts, next) = page(&bench, &user(1), req.clone()).await.unwrap();
        assert!(posts.len() == 6 || next.is_empty(), "a short page");
        seen.extend(posts);
        req.page_token = next;
        if req.page_token.is_empty() {
            break;
        }
    }
    assert_eq!(seen, expected);
    // One call for each page of posts, and one for who wrote them.
    bench.world.calls.take();
    let req = GetHashtagFeedRequest { page_size: 4, ..any(&["rust"]) };
    page(&bench, &user(1), req).await.unwrap();
    assert_eq!(bench.world.calls.take(), [0, 1, 1, 0]);
}

async fn get_hashtag_feed_refuses_what_are_no_hashtags(engine: Engine) {
    let bench = Bench::with(engine, 2, &Config { max_hashtags: 2, ..config() }).await;
    for (req, field) in [
        (any(&[]), "any_of"),
        (GetHashtagFeedRequest { none_of: tags(&["a"]), ..any(&[]) }, "any_of"),
        (any(&["a", "two words"]), "any_of[1]"),
        (any(&["##a"]), "any_of[0]"),
        (any(&["a", "b", "c"]), "any_of"),
        (any(&["a"; 11]), "any_of"),
        (GetHashtagFeedRequest { all_of: tags(&[""]), ..any(&["a"]) }, "all_of[0]"),
        (GetHashtagFeedRequest { none_of: tags(&["1"]), ..any(&["a"]) }, "none_of[0]"),
        (GetHashtagFeedRequest { none_of: tags(&["a", "b", "c"]), ..any(&["a"]) }, "none_of"),
        (GetHashtagFeedRequest { page_size: -1, ..any(&["a"]) }, "page_size"),
    ] {
        let refused = page(&bench, &user(1), req).await.unwrap_err();
        assert_eq!(refused.violations()[0].field, field, "{refused}");
    }
    assert!(page(&bench, &user(1), any(&["a", "b"])).await.is_ok());
}

async fn get_hashtag_feed_fails_with_posts(engine: Engine) {
    let bench = Bench::new(engine, 2).await;
    bench.world.posts_faults.fail(Error::new(reason::STORE_UNAVAILABLE));
    assert!(page(&bench, &user(1), any(&["rust"])).await.unwrap_err().is(reason::STORE_UNAVAILABLE));
    bench.world.posts_faults.clear();
    bench.world.say(2, "#rust", "");
    bench.world.graph_faults.fail(Error::new(reason::PEER_UNAVAILABLE));
    assert!(page(&bench, &user(1), any(&["rust"])).await.unwrap_err().is(reason::PEER_UNAVAILABLE));
    assert_eq!(page(&bench, &guest(), any(&["rust"])).await.unwrap().0.len(), 1);
}
