//! `Follow`, `Unfollow`, `Block`, `Unblock`.

use plaza_core::{AccountId, Code, reason};
use plaza_proto::graph::v1::{BlockRequest, FollowRequest, Followed, Relationship};

use crate::support::{World, stranger, user};

#[tokio::test]
async fn follow_answers_the_relationship_and_a_token() {
    let w = World::new().await;
    let (relationship, token) = w.follow(1, 2).await.unwrap();
    assert_eq!(relationship, Relationship { following: true, ..stranger(2) });
    assert_eq!(token.to_string(), "graph=1");
    let (again, token) = w.follow(1, 2).await.unwrap();
    assert_eq!((again, token.to_string().as_str()), (relationship, "graph=1"));
    let (back, token) = w.follow(2, 1).await.unwrap();
    assert_eq!(back, Relationship { following: true, followed_by: true, ..stranger(1) });
    assert_eq!(token.to_string(), "graph=2");
    assert_eq!(w.told().await, ["Followed 1", "Followed 2"]);
    let event = &w.app.outbox().read_after(&user(1), 0, 1).await.unwrap()[0];
    assert_eq!(event.decode::<Followed>().unwrap().unwrap(), Followed { follower_id: 1, followee_id: 2 });
    assert_eq!((event.source.as_str(), event.traceparent.is_some()), ("graph", true));
}

#[tokio::test]
async fn follow_of_an_unknown_or_deleted_account_or_oneself_is_refused() {
    let w = World::new().await;
    w.accounts.delete(3);
    for unknown in [3, 999] {
        assert!(w.follow(1, unknown).await.unwrap_err().is(reason::ACCOUNT_NOT_FOUND));
        assert!(w.block(1, unknown).await.unwrap_err().is(reason::ACCOUNT_NOT_FOUND));
    }
    for error in [w.follow(1, 1).await.unwrap_err(), w.block(1, 1).await.unwrap_err()] {
        assert!(error.is(reason::SELF_RELATION), "{error}");
        assert_eq!(error.violations()[0].field, "account_id");
    }
    assert!(w.told().await.is_empty());
}

#[tokio::test]
async fn unfollow_ends_the_follow_and_needs_no_account() {
    let w = World::new().await;
    w.follow(1, 2).await.unwrap();
    w.follow(2, 1).await.unwrap();
    w.accounts.delete(2);
    let (relationship, token) = w.unfollow(1, 2).await.unwrap();
    assert_eq!(relationship, Relationship { followed_by: true, ..stranger(2) });
    assert_eq!(token.to_string(), "graph=3");
    // Nobody, an unknown one, oneself: nothing to end, no error.
    for other in [2, 999, 1] {
        let (relationship, token) = w.unfollow(1, other).await.unwrap();
        assert!(!relationship.following);
        assert_eq!(token.to_string(), "graph=3");
    }
    assert_eq!(w.told().await, ["Followed 1", "Followed 2", "Unfollowed 1"]);
}

#[tokio::test]
async fn block_ends_follows_both_ways_and_refuses_new_ones() {
    let w = World::new().await;
    w.follow(1, 2).await.unwrap();
    w.follow(2, 1).await.unwrap();
    let (relationship, token) = w.block(1, 2).await.unwrap();
    assert_eq!(relationship, Relationship { blocking: true, ..stranger(2) });
    assert_eq!(token.to_string(), "graph=5");
    assert_eq!((w.counts(1).await, w.counts(2).await), ((0, 0), (0, 0)));
    for (a, b) in [(1, 2), (2, 1)] {
        let error = w.follow(a, b).await.unwrap_err();
        assert_eq!((error.code(), error.reason()), (Code::PermissionDenied, "BLOCKED"));
    }
    w.block(1, 2).await.unwrap();
    let told = ["Followed 1", "Followed 2", "Unfollowed 1", "Unfollowed 2", "Blocked 1"];
    assert_eq!(w.told().await, told);
}

#[tokio::test]
async fn unblock_lets_follow_again_and_brings_none_back() {
    let w = World::new().await;
    w.follow(2, 1).await.unwrap();
    w.block(1, 2).await.unwrap();
    for _ in 0..2 {
        let (relationship, token) = w.unblock(1, 2).await.unwrap();
        assert_eq!((relationship, token.to_string().as_str()), (stranger(2), "graph=4"));
    }
    assert_eq!(w.counts(1).await, (0, 0));
    w.follow(2, 1).await.unwrap();
    assert_eq!(w.counts(1).await, (1, 0));
    assert_eq!(w.told().await, ["Followed 2", "Unfollowed 2", "Blocked 1", "Unblocked 1", "Followed 2"]);
}

#[tokio::test]
async fn a_retry_gets_the_first_answer_and_its_token() {
    let w = World::new().await;
    let request = FollowRequest { request_id: w.request_id(), account_id: 2 };
    let first = w.graph.follow(&user(1), request.clone()).await.unwrap();
    w.unfollow(1, 2).await.unwrap();
    w.accounts.delete(2);
    let cx = user(1);
    assert_eq!(w.graph.follow(&cx, request.clone()).await.unwrap(), first);
    assert_eq!(cx.take_outcome().token.to_string(), "graph=1");
    // The id belongs to that request of that caller.
    let other = FollowRequest { account_id: 3, ..request.clone() };
    assert!(w.graph.follow(&user(1), other).await.unwrap_err().is(reason::REQUEST_ID_REUSED));
    let block = BlockRequest { request_id: request.request_id.clone(), account_id: 3 };
    assert!(w.graph.block(&user(1), block).await.unwrap_err().is(reason::REQUEST_ID_REUSED));
    w.graph.follow(&user(4), FollowRequest { account_id: 5, ..request.clone() }).await.unwrap();
    // A day later the answer is forgotten.
    w.clock.advance(24 * 60 * 60 * 1_000 + 10);
    assert_eq!(w.app.maintain(&user(1)).await.unwrap(), 3);
    assert!(w.graph.follow(&user(1), request).await.unwrap_err().is(reason::ACCOUNT_NOT_FOUND));
}

#[tokio::test]
async fn without_the_accounts_service_nothing_new_is_written() {
    let w = World::new().await;
    w.follow(1, 2).await.unwrap();
    w.accounts.faults.fail(plaza_core::Error::new(reason::PEER_UNAVAILABLE));
    assert!(w.follow(1, 3).await.unwrap_err().is(reason::PEER_UNAVAILABLE));
    assert!(w.block(1, 3).await.unwrap_err().is(reason::PEER_UNAVAILABLE));
    w.unfollow(1, 2).await.unwrap();
    assert_eq!(w.relationships(&user(1), &[2, 3]).await, [stranger(2), stranger(3)]);
    assert_eq!(w.told().await, ["Followed 1", "Unfollowed 1"]);
}

#[tokio::test]
async fn a_held_accounts_service_runs_into_the_deadline() {
    let w = World::new().await;
    w.accounts.faults.hold();
    let deadline = tokio::time::Instant::now() + std::time::Duration::from_millis(40);
    let cx = plaza_core::Cx::new(plaza_core::Caller::user(AccountId(1)), deadline);
    let request = FollowRequest { request_id: w.request_id(), account_id: 2 };
    let error = w.graph.follow(&cx, request).await.unwrap_err();
    assert_eq!(error.code(), Code::DeadlineExceeded);
    w.accounts.faults.clear();
    assert!(w.told().await.is_empty());
}
