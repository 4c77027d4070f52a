//! Who sees what, through every read: viewer × author × visibility, written out by hand.

use plaza_core::{Cx, Error, reason};

use crate::support::{World, ids, nobody, service, service_for, user};

const AUTHOR: i64 = 1;
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

#[tokio::test]
async fn the_matrix_holds_for_every_read() {
    let w = World::new().await;
    relate(&w);
    let public = w.post(AUTHOR, w.text("public")).await;
    let followers = w.post(AUTHOR, w.followers("followers")).await;
    // who looks, sees the public post, sees the followers' post
    let matrix: [(&str, Cx, bool, bool); 11] = [
        ("the author", user(AUTHOR), true, true),
        ("a follower", user(FOLLOWER), true, true),
        ("a stranger", user(STRANGER), true, false),
        ("one whom the author follows", user(FOLLOWED), true, false),
        ("one who blocks the author", user(BLOCKER), false, false),
        ("one whom the author blocks", user(BLOCKED), false, false),
        ("a follower whom the author blocks", user(BLOCKED_FOLLOWER), false, false),
        ("nobody", nobody(), true, false),
        ("a service", service(), true, false),
        ("a service for a follower", service_for(FOLLOWER), true, true),
        ("a service for a stranger", service_for(STRANGER), true, false),
    ];
    for (who, cx, sees_public, sees_followers) in &matrix {
        for (post, sees) in [(public, *sees_public), (followers, *sees_followers)] {
            match w.get(cx, post).await {
                Ok(found) => assert!(sees && found.post_id == post, "{who} gets {post}"),
                Err(error) => assert!(!sees && error.is(reason::POST_NOT_FOUND), "{who} does not get {post}: {error}"),
            }
        }
        let expected = |newest_first: bool| {
            let pair = if newest_first { [followers, public] } else { [public, followers] };
            let sees = |id: &i64| if *id == public { *sees_public } else { *sees_followers };
            pair.into_iter().filter(sees).collect::<Vec<_>>()
        };
        assert_eq!(ids(&w.batch(cx, &[public, followers]).await.unwrap()), expected(false), "{who}");
        assert_eq!(w.page(cx, AUTHOR, 0, "").await.unwrap(), (expected(true), String::new()), "{who}");
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
