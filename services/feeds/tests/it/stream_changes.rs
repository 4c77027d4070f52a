//! `StreamHomeFeed`: edits and deletions, and going on after a token.

use futures::StreamExt as _;
use plaza_core::{Cx, reason};
use plaza_events::{Event, NewEvent};
use plaza_feeds::Config;
use plaza_proto::feeds::v1::stream_home_feed_response::Update;
use plaza_proto::feeds::v1::{
    FeedRepost, FeedsService as _, Missed, Opened, Removed, StreamHomeFeedRequest, StreamHomeFeedResponse,
};
use plaza_proto::posts::v1::{PostDeleted, Visibility};

use crate::stream_home_feed::{Live, is_quiet, open, post};
use crate::support::{Bench, Engine, config, user};

on_each_engine![
    stream_home_feed_tells_edits_and_deletions_of_what_home_shows,
    stream_home_feed_tells_edits_and_deletions_of_what_was_reposted_before,
    stream_home_feed_tells_where_a_post_stands_when_a_repost_is_undone,
    stream_home_feed_tells_of_an_undone_repost_whose_post_is_gone,
    stream_home_feed_tells_a_slow_reader_edits_of_what_it_read_anew,
    stream_home_feed_tells_what_an_edit_keeps_from_the_reader,
    stream_home_feed_tells_nothing_of_posts_for_others,
    stream_home_feed_goes_on_after_a_token_on_any_replica,
    stream_home_feed_goes_on_after_a_gap_of_a_slow_reader,
    stream_home_feed_says_when_it_cannot_go_on,
    stream_home_feed_takes_only_the_readers_own_tokens,
    stream_home_feed_says_that_it_is_alive,
];

async fn told(live: &mut Live) -> StreamHomeFeedResponse {
    live.next().await.unwrap().unwrap()
}

async fn update(live: &mut Live) -> Update {
    told(live).await.update.unwrap()
}

fn removed(post_id: i64, deleted: bool) -> Update {
    Update::Removed(Removed { post_id, deleted })
}

/// Goes on after a token; returns what was said at the opening as well.
async fn resume(bench: &Bench, reader: i64, resume_token: String) -> (Live, bool) {
    let req = StreamHomeFeedRequest { resume_token };
    let mut live = bench.client.stream_home_feed(&user(reader), req).await.unwrap();
    match update(&mut live).await {
        Update::Opened(Opened { resumed }) => (live, resumed),
        other => panic!("not opened: {other:?}"),
    }
}

async fn stream_home_feed_tells_edits_and_deletions_of_what_home_shows(engine: Engine) {
    let bench = Bench::new(engine, 3).await;
    bench.world.follow(1, 2);
    let (own, followed, strange) = (bench.world.post(1), bench.world.post(2), bench.world.post(3));
    bench.deliver().await;
    let mut live = open(&bench, 1).await;
    [own, strange, followed].into_iter().for_each(|post| bench.world.revise(post));
    bench.deliver().await;
    for post in [own, followed] {
        match update(&mut live).await {
            Update::Edited(edited) => assert_eq!((edited.post_id, edited.edit_count), (post, 1)),
            other => panic!("not an edit: {other:?}"),
        }
    }
    [followed, strange, own].into_iter().for_each(|post| bench.world.delete(post));
    bench.deliver().await;
    assert_eq!(update(&mut live).await, removed(followed, true));
    assert_eq!(update(&mut live).await, removed(own, true));
    bench.world.restore(strange);
    bench.world.restore(followed);
    bench.deliver().await;
    assert_eq!(post(&mut live).await, followed, "it is back");
    assert!(is_quiet(&mut live));
}

async fn stream_home_feed_tells_edits_and_deletions_of_what_was_reposted_before(engine: Engine) {
    let bench = Bench::new(engine, 4).await;
    bench.world.follow(1, 2);
    let (before, since) = (bench.world.post(3), bench.world.post(4));
    let first = bench.world.repost(2, before).unwrap();
    bench.deliver().await;
    let mut live = open(&bench, 1).await;
    let second = bench.world.repost(2, since).unwrap();
    bench.world.revise(before);
    bench.world.revise(since);
    bench.deliver().await;
    assert_eq!(post(&mut live).await, since);
    for (post_id, repost_id) in [(before, first), (since, second)] {
        let told = told(&mut live).await;
        assert!(matches!(told.update, Some(Update::Edited(post)) if post.post_id == post_id));
        assert_eq!(told.repost, Some(FeedRepost { post_id, reposted_by: 2, repost_id }));
    }
    bench.world.delete(since);
    bench.world.delete(before);
    bench.deliver().await;
    assert_eq!(update(&mut live).await, removed(since, true));
    assert_eq!(update(&mut live).await, removed(before, true));
    assert!(is_quiet(&mut live));
}

async fn stream_home_feed_tells_of_an_undone_repost_whose_post_is_gone(engine: Engine) {
    let bench = Bench::new(engine, 3).await;
    bench.world.follow(1, 2);
    let (own, strange) = (bench.world.post(1), bench.world.post(3));
    let answer = bench.world.reply(2, own);
    bench.deliver().await;
    let mut live = open(&bench, 1).await;
    let reposts = [answer, strange].map(|shared| bench.world.repost(2, shared).unwrap());
    bench.deliver().await;
    assert_eq!([post(&mut live).await, post(&mut live).await], [answer, strange]);
    reposts.into_iter().for_each(|repost| bench.world.undo_repost(repost));
    bench.world.delete(strange);
    bench.world.delete(own);
    bench.deliver().await;
    // The answer is to nothing by now, and so stands nowhere.
    assert_eq!(update(&mut live).await, removed(answer, false));
    assert_eq!(update(&mut live).await, removed(strange, false));
    assert_eq!(update(&mut live).await, removed(strange, true));
    assert_eq!(update(&mut live).await, removed(own, true));
    assert!(is_quiet(&mut live));
}

async fn stream_home_feed_tells_a_slow_reader_edits_of_what_it_read_anew(engine: Engine) {
    let bench = Bench::with(engine, 3, &Config { live_queue: 1, ..config() }).await;
    bench.world.follow(1, 2);
    let strange = bench.world.post(3);
    bench.deliver().await;
    let mut live = open(&bench, 1).await;
    let first = bench.world.post(2);
    bench.world.repost(2, strange).unwrap();
    bench.deliver().await;
    assert_eq!(post(&mut live).await, first);
    assert!(matches!(update(&mut live).await, Update::Missed(Missed { count: 1, .. })));
    bench.world.revise(strange);
    bench.deliver().await;
    assert!(matches!(update(&mut live).await, Update::Edited(edited) if edited.post_id == strange));
}

async fn stream_home_feed_tells_where_a_post_stands_when_a_repost_is_undone(engine: Engine) {
    let bench = Bench::new(engine, 5).await;
    for author in [2, 3, 4] {
        bench.world.follow(1, author);
    }
    let (followed, strange) = (bench.world.post(2), bench.world.post(5));
    let reposts = [3, 4].map(|by| [followed, strange].map(|post| bench.world.repost(by, post).unwrap()));
    bench.deliver().await;
    let mut live = open(&bench, 1).await;
    for (n, [of_followed, of_strange]) in reposts.into_iter().enumerate().rev() {
        bench.world.undo_repost(of_followed);
        bench.world.undo_repost(of_strange);
        bench.deliver().await;
        let before = told(&mut live).await;
        assert!(matches!(before.update, Some(Update::Post(post)) if post.post_id == followed));
        let earlier = (n == 1).then(|| FeedRepost { post_id: followed, reposted_by: 3, repost_id: reposts[0][0] });
        assert_eq!(before.repost, earlier, "where it was reposted first, and then at its own place");
        match (n, update(&mut live).await) {
            (1, Update::Post(post)) => assert_eq!(post.post_id, strange),
            (_, other) => assert_eq!(other, removed(strange, false)),
        }
    }
    assert!(is_quiet(&mut live));
}

async fn stream_home_feed_tells_what_an_edit_keeps_from_the_reader(engine: Engine) {
    let bench = Bench::new(engine, 3).await;
    bench.world.follow(1, 2);
    bench.world.mute_word(1, "rain", 1_000_000);
    let (followed, strange) = (bench.world.say(2, "sun", ""), bench.world.say(3, "sun", ""));
    bench.deliver().await;
    let mut live = open(&bench, 1).await;
    for text in ["rain", "sun"] {
        bench.world.edit(strange, text);
        bench.world.edit(followed, text);
        bench.deliver().await;
        match (text, update(&mut live).await) {
            ("rain", told) => assert_eq!(told, removed(followed, false)),
            (_, Update::Edited(post)) => assert_eq!((post.post_id, post.text.as_str()), (followed, "sun")),
            (_, other) => panic!("not an edit: {other:?}"),
        }
    }
    assert!(is_quiet(&mut live));
}

async fn stream_home_feed_tells_nothing_of_posts_for_others(engine: Engine) {
    let bench = Bench::new(engine, 6).await;
    for author in [2, 4, 5] {
        bench.world.follow(1, author);
    }
    let (strange, blocked) = (bench.world.post_for(3, true), bench.world.post(4));
    let hidden = bench.world.post(5);
    bench.deliver().await;
    let mut live = open(&bench, 1).await;
    bench.world.block(4, 1);
    bench.world.mute(1, 5, [true, true], 1_000_000);
    for post in [strange, blocked, hidden] {
        bench.world.revise(post);
        bench.world.delete(post);
    }
    // One for those whom it mentioned: of its followers nobody knows who they were.
    let visibility = Visibility::Mentioned.into();
    let secret = PostDeleted { post_id: 77, author_id: 2, visibility, ..PostDeleted::default() };
    let mut events = bench.world.drain();
    let position = events.iter().filter(|event| event.source == "posts").map(|event| event.position).max().unwrap();
    events.push(NewEvent::new(&bench.world.env, None, "post", 77, &secret).placed("posts", position + 1));
    bench.apply(&events).await;
    assert!(is_quiet(&mut live));
}

async fn stream_home_feed_goes_on_after_a_token_on_any_replica(engine: Engine) {
    let bench = Bench::new(engine, 4).await;
    bench.world.follow(1, 2);
    let (edited, deleted) = (bench.world.post(2), bench.world.post(2));
    bench.deliver().await;
    let mut live = open(&bench, 1).await;
    let shown = bench.world.post(2);
    bench.deliver().await;
    let last = told(&mut live).await;
    assert!(matches!(last.update, Some(Update::Post(post)) if post.post_id == shown));
    drop(live);
    bench.world.revise(edited);
    bench.world.delete(deleted);
    bench.world.post(3);
    let missed = bench.world.post(2);
    bench.deliver().await;
    // One that has applied nothing yet, as after a restart; and the same once more.
    let beside = bench.beside(&config());
    for replica in [&beside, &bench] {
        let (mut live, resumed) = resume(replica, 1, last.resume_token.clone()).await;
        assert!(resumed);
        assert!(matches!(update(&mut live).await, Update::Edited(post) if post.post_id == edited));
        let deletion = told(&mut live).await;
        assert_eq!(deletion.update, Some(removed(deleted, true)));
        assert_eq!(post(&mut live).await, missed);
        assert!(is_quiet(&mut live));
        let (mut rest, _) = resume(replica, 1, deletion.resume_token).await;
        assert_eq!(post(&mut rest).await, missed, "after each update its own token goes on");
    }
    // What comes while a stream is being resumed comes once.
    let (mut live, _) = resume(&beside, 1, last.resume_token).await;
    let again = bench.world.post(2);
    let events = bench.world.drain();
    bench.world.log(&events).await;
    beside.try_apply(&events).await.unwrap();
    for _ in 0..2 {
        update(&mut live).await;
    }
    assert_eq!((post(&mut live).await, post(&mut live).await), (missed, again));
    assert!(is_quiet(&mut live));
}

async fn stream_home_feed_goes_on_after_a_gap_of_a_slow_reader(engine: Engine) {
    let bench = Bench::new(engine, 1).await;
    let mut live = open(&bench, 1).await;
    let posts: Vec<i64> = (0..7).map(|_| bench.world.post(1)).collect();
    bench.deliver().await;
    for expected in &posts[..4] {
        assert_eq!(post(&mut live).await, *expected);
    }
    let gap = told(&mut live).await;
    assert_eq!(gap.update, Some(Update::Missed(Missed { count: 3, down_to: posts[3] })));
    let (mut live, resumed) = resume(&bench, 1, gap.resume_token).await;
    assert!(resumed);
    for expected in &posts[4..] {
        assert_eq!(post(&mut live).await, *expected);
    }
    assert!(is_quiet(&mut live));
}

async fn stream_home_feed_says_when_it_cannot_go_on(engine: Engine) {
    let bench = Bench::with(engine, 1, &Config { live_resume_events: 3, ..config() }).await;
    let mut live = open(&bench, 1).await;
    let first = bench.world.post(1);
    bench.deliver().await;
    let told = told(&mut live).await;
    let missed = Update::Missed(Missed { count: 1, down_to: first });
    for _ in 0..3 {
        bench.world.post(1);
    }
    bench.deliver().await;
    assert!(resume(&bench, 1, told.resume_token.clone()).await.1, "three are not too many");
    let newest = bench.world.post(1);
    bench.deliver().await;
    let (mut live, resumed) = resume(&bench, 1, told.resume_token.clone()).await;
    assert!(!resumed);
    let gap = update(&mut live).await;
    assert!(matches!(gap, Update::Missed(Missed { count: 1, .. })), "{gap:?}, not {missed:?}");
    assert!(bench.page(1, 9).await.posts.contains(&newest));
    let next = bench.world.post(1);
    bench.deliver().await;
    assert_eq!(post(&mut live).await, next, "and goes on from here");

    // A log that was lost holds nothing up to the token.
    let other = Bench::new(engine, 1).await;
    let (_, resumed) = resume(&other, 1, told.resume_token).await;
    assert!(!resumed);
}

async fn stream_home_feed_takes_only_the_readers_own_tokens(engine: Engine) {
    let bench = Bench::new(engine, 2).await;
    let mut live = open(&bench, 1).await;
    bench.world.post(1);
    bench.deliver().await;
    let token = told(&mut live).await.resume_token;
    let page_token = bench.client.get_home_feed(&user(1), Default::default()).await.unwrap().next_page_token;
    assert_eq!(page_token, "");
    for (reader, resume_token) in [(2, token.clone()), (1, format!("{token}A")), (1, "AAAA".to_owned())] {
        let req = StreamHomeFeedRequest { resume_token };
        let error = bench.client.stream_home_feed(&user(reader), req).await.err().unwrap();
        assert!(error.is(reason::PAGE_TOKEN_INVALID), "{error}");
        assert_eq!(error.violations()[0].field, "resume_token");
    }
}

async fn stream_home_feed_says_that_it_is_alive(engine: Engine) {
    let bench = Bench::with(engine, 2, &Config { live_heartbeat_ms: 100, ..config() }).await;
    let mut live = open(&bench, 1).await;
    bench.world.post(2);
    bench.deliver().await;
    let alive = told(&mut live).await;
    assert!(matches!(alive.update, Some(Update::Alive(_))));
    // Its token is past what did not concern the reader.
    let cx = Cx::background("test", std::time::Duration::from_secs(5));
    let end = bench.world.log.last_position(&cx, "posts").await.unwrap();
    let none: Vec<Event> = bench.world.log.since(&cx, "posts", end, 9).await.unwrap().unwrap();
    assert_eq!((end, none), (1, Vec::new()));
    bench.world.follow(1, 2);
    bench.deliver().await;
    let (mut live, resumed) = resume(&bench, 1, alive.resume_token).await;
    assert!(resumed && is_quiet(&mut live), "the post that was passed over does not come");
}
