//! Who sees what, in every place: viewer × author × visibility, as the tables of `docs/visibility.md` have it.

use plaza_core::{Cx, Error, reason};
use plaza_proto::posts::v1::{
    CreatePostRequest, GetThreadRequest, ListLikersRequest, ListPostsByHashtagRequest, ListQuotesRequest, Visibility,
};

use crate::support::{World, ids, nobody, service, service_for, user};

const AUTHOR: i64 = 1;
const OTHER: i64 = 30;
const VIEWER: i64 = 20;
const FOLLOWER: i64 = 2;
const STRANGER: i64 = 3;
const FOLLOWED: i64 = 4;
const BLOCKER: i64 = 5;
const BLOCKED: i64 = 6;
const BLOCKED_FOLLOWER: i64 = 7;

fn relate(w: &World) {
    w.graph.follow(FOLLOWER, AUTHOR);
    w.graph.follow(AUTHOR, FOLLOWED);
    w.graph.block(BLOCKER, AUTHOR);
    w.graph.block(AUTHOR, BLOCKED);
    // Such a pair should not be; if it is, the block counts.
    w.graph.follow(BLOCKED_FOLLOWER, AUTHOR);
    w.graph.block(AUTHOR, BLOCKED_FOLLOWER);
}

/// A viewer by its name in the docs: who looks, and what the post's text says; `None` for a name not known here.
fn viewer(w: &World, name: &str) -> Option<(Cx, &'static str)> {
    let (follow, followed) = (|| w.graph.follow(VIEWER, AUTHOR), || w.graph.follow(AUTHOR, VIEWER));
    let (block, blocked) = (|| w.graph.block(VIEWER, AUTHOR), || w.graph.block(AUTHOR, VIEWER));
    let mut mentions = "";
    let mut cx = user(VIEWER);
    match name {
        "the author" => cx = user(AUTHOR),
        "nobody" => cx = nobody(),
        "a service" => cx = service(),
        "a service for a follower" => (follow(), cx = service_for(VIEWER)).0,
        "a stranger" => {}
        "a follower" => follow(),
        "one whom the author follows" => followed(),
        "a mutual" => (follow(), followed()).0,
        "one whom the post mentions" => mentions = "@a20",
        "a follower whom the post mentions" => (mentions, ()) = ("@a20", follow()),
        "one who blocks the author" => block(),
        "one whom the author blocks" => blocked(),
        // Such a pair should not be; if it is, the block counts.
        "a follower whom the author blocks" => (follow(), blocked()).0,
        "one who mutes the author" => w.graph.mute(VIEWER, AUTHOR),
        "a follower who mutes the author" => (follow(), w.graph.mute(VIEWER, AUTHOR)).0,
        "one who waits for leave to follow the author" => w.graph.ask(VIEWER, AUTHOR),
        "one whom the post mentions and the author blocks" => (mentions, ()) = ("@a20", blocked()),
        _ => return None,
    }
    Some((cx, mentions))
}

/// In which places the viewer finds a post, by the letters of the docs. It quotes `quoted`.
async fn places(w: &World, cx: &Cx, post: i64, quoted: i64) -> String {
    let mut found = String::new();
    match w.get(cx, post).await {
        Ok(_) => found.push('g'),
        Err(error) => assert!(error.is(reason::POST_NOT_FOUND), "{error}"),
    }
    if ids(&w.batch(cx, &[post]).await.unwrap()) == [post] {
        found.push('b');
    }
    if w.page(cx, AUTHOR, 100, "").await.unwrap().0.contains(&post) {
        found.push('a');
    }
    let likers = ListLikersRequest { post_id: post, ..ListLikersRequest::default() };
    if w.posts.list_likers(cx, likers).await.is_ok() {
        found.push('l');
    }
    let quotes = ListQuotesRequest { post_id: quoted, ..ListQuotesRequest::default() };
    if ids(&w.posts.list_quotes(cx, quotes).await.unwrap().posts).contains(&post) {
        found.push('q');
    }
    let thread = GetThreadRequest { post_id: post, ..GetThreadRequest::default() };
    if w.posts.get_thread(cx, thread).await.is_ok_and(|thread| thread.post.unwrap().post.is_some()) {
        found.push('t');
    }
    let tagged = ListPostsByHashtagRequest { hashtag: "tag".to_owned(), ..ListPostsByHashtagRequest::default() };
    if ids(&w.posts.list_posts_by_hashtag(cx, tagged).await.unwrap().posts).contains(&post) {
        found.push('h');
    }
    found
}

const OPEN: &str = "## Posts of an account\n";
const PROTECTED: &str = "## Posts of a protected account\n";
const HIDDEN: &str = "## Posts of an account that is out of sight\n";

/// The rows of the docs' table under a heading: a viewer, and the places by visibility.
fn table(heading: &str) -> Vec<(&'static str, Vec<&'static str>)> {
    let docs = include_str!("../../../../docs/visibility.md");
    let (_, part) = docs.split_once(heading).unwrap();
    let part = part.split("\n## ").next().unwrap();
    let rows = part.lines().filter(|line| line.starts_with("| ")).skip(1);
    let cells = |line: &'static str| line.trim_matches('|').split('|').map(str::trim).collect::<Vec<_>>();
    rows.map(|line| (cells(line)[0], cells(line)[1..].to_vec())).collect()
}

#[tokio::test]
async fn the_matrix_holds_for_every_read() {
    let visibilities = [Visibility::Public, Visibility::Unlisted, Visibility::Followers, Visibility::Mentioned];
    for heading in [OPEN, PROTECTED, HIDDEN] {
        let rows = table(heading);
        assert_eq!(rows.len(), 17, "{heading}");
        for (name, expected) in rows {
            let w = World::new().await;
            let quoted = w.post(OTHER, w.text("quoted")).await;
            if heading == PROTECTED {
                w.accounts.protect(AUTHOR);
            }
            let (cx, mentions) = viewer(&w, name).unwrap();
            for (visibility, expected) in visibilities.into_iter().zip(expected) {
                let request = w.seen_by(visibility, &format!("look #tag {mentions}"));
                let post = w.post(AUTHOR, CreatePostRequest { quote_of_id: quoted, ..request }).await;
                if heading == HIDDEN {
                    w.accounts.delete(AUTHOR);
                }
                let found = places(&w, &cx, post, quoted).await;
                w.accounts.restore(AUTHOR);
                // The places of feeds are no business of this service.
                let expected: String = expected.chars().filter(|letter| "gbalqth".contains(*letter)).collect();
                assert_eq!(found, expected, "{heading}: {name} looks for a post {visibility:?}");
            }
        }
    }
}

#[tokio::test]
async fn only_what_is_in_sight_can_be_liked_or_replied_to() {
    let w = World::new().await;
    relate(&w);
    let public = w.post(AUTHOR, w.text("public")).await;
    let followers = w.post(AUTHOR, w.followers("followers")).await;
    for (viewer, post, sees) in [
        (AUTHOR, followers, true),
        (FOLLOWER, followers, true),
        (STRANGER, followers, false),
        (STRANGER, public, true),
        (FOLLOWED, followers, false),
        (BLOCKER, public, false),
        (BLOCKED, public, false),
        (BLOCKED_FOLLOWER, followers, false),
    ] {
        let refused = |error: Error, expected| !sees && error.is(expected);
        let liked = w.like(viewer, post).await;
        assert!(liked.map_or_else(|e| refused(e, reason::POST_NOT_FOUND), |_| sees), "{viewer} likes {post}");
        let unliked = w.unlike(viewer, post).await;
        assert!(unliked.map_or_else(|e| refused(e, reason::POST_NOT_FOUND), |_| sees), "{viewer} unlikes {post}");
        let replied = w.create(viewer, w.reply("r", post)).await;
        assert!(replied.map_or_else(|e| refused(e, reason::REPLY_TARGET_NOT_FOUND), |_| sees), "{viewer} at {post}");
    }
}

#[tokio::test]
async fn without_graph_nothing_of_others_is_shown() {
    let w = World::new().await;
    let own = w.post(1, w.followers("own")).await;
    let others = w.post(2, w.text("others")).await;
    w.graph.faults.fail(Error::new(reason::PEER_UNAVAILABLE));
    let away = |error: Error| error.is(reason::PEER_UNAVAILABLE);
    assert!(away(w.get(&user(1), others).await.unwrap_err()));
    assert!(away(w.batch(&user(1), &[own, others]).await.unwrap_err()));
    assert!(away(w.page(&user(1), 2, 0, "").await.unwrap_err()));
    assert!(away(w.like(1, others).await.unwrap_err()));
    assert!(away(w.create(1, w.reply("r", others)).await.unwrap_err()));
    // What needs no judgement goes on.
    assert_eq!(ids(&w.batch(&user(1), &[own]).await.unwrap()), [own]);
    assert_eq!(w.page(&user(1), 1, 0, "").await.unwrap().0, [own]);
    assert_eq!(ids(&w.batch(&nobody(), &[own, others]).await.unwrap()), [others]);
    assert!(w.create(1, w.text("more")).await.is_ok());
    w.graph.faults.clear();
    assert!(w.get(&user(1), others).await.is_ok());
}
