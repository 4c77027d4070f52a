//! What every RPC refuses before anything is read or written.

use plaza_core::{Caller, Code, Cx, Error, reason};
use plaza_proto::graph::v1::*;

use crate::support::{World, nobody, service, user};

/// The code, and the first field to blame.
fn said<T>(result: Result<T, Error>) -> (Code, String) {
    let error = result.err().unwrap();
    (error.code(), error.violations().first().map(|v| v.field.clone()).unwrap_or_default())
}

fn invalid(field: &str) -> (Code, String) {
    (Code::InvalidArgument, field.to_owned())
}

#[tokio::test]
async fn mutations_check_their_fields() {
    let w = World::new().await;
    for account_id in [0, -1, i64::MIN] {
        let request_id = w.request_id();
        let cx = user(1);
        let request = FollowRequest { request_id: request_id.clone(), account_id };
        assert_eq!(said(w.graph.follow(&cx, request).await), invalid("account_id"));
        let request = UnfollowRequest { request_id: request_id.clone(), account_id };
        assert_eq!(said(w.graph.unfollow(&cx, request).await), invalid("account_id"));
        let request = BlockRequest { request_id: request_id.clone(), account_id };
        assert_eq!(said(w.graph.block(&cx, request).await), invalid("account_id"));
        let request = UnblockRequest { request_id, account_id };
        assert_eq!(said(w.graph.unblock(&cx, request).await), invalid("account_id"));
    }
    for request_id in ["", "7", "not-a-uuid-at-all-but-36-characters!"] {
        let request = FollowRequest { request_id: request_id.to_owned(), account_id: 2 };
        assert_eq!(said(w.graph.follow(&user(1), request).await), invalid("request_id"));
    }
    assert!(w.told().await.is_empty());
}

#[tokio::test]
async fn reads_check_their_fields() {
    let w = World::new().await;
    let followers = async |account_id, page_size, page_token: &str| {
        let request = ListFollowersRequest { account_id, page_size, page_token: page_token.to_owned() };
        said(w.graph.list_followers(&nobody(), request).await)
    };
    assert_eq!(followers(0, 0, "").await, invalid("account_id"));
    assert_eq!(followers(1, -1, "").await, invalid("page_size"));
    assert_eq!(followers(1, 0, &"x".repeat(257)).await, invalid("page_token"));
    assert_eq!(followers(1, 0, "AAAA").await, invalid("page_token"));
    let request = ListFollowingRequest { account_id: 1, page_size: -7, ..Default::default() };
    assert_eq!(said(w.graph.list_following(&nobody(), request).await), invalid("page_size"));

    let ids = |account_id, after_id, page_size| ListFollowerIdsRequest { account_id, after_id, page_size };
    assert_eq!(said(w.graph.list_follower_ids(&service(), ids(0, 0, 0)).await), invalid("account_id"));
    assert_eq!(said(w.graph.list_follower_ids(&service(), ids(1, -1, 0)).await), invalid("after_id"));
    assert_eq!(said(w.graph.list_follower_ids(&service(), ids(1, 0, -1)).await), invalid("page_size"));
    let request = ListFollowingIdsRequest { account_id: 1, after_id: 0, page_size: -1 };
    assert_eq!(said(w.graph.list_following_ids(&service(), request).await), invalid("page_size"));

    for (account_ids, field) in [
        (vec![], "account_ids"),
        (vec![1; 101], "account_ids"),
        (vec![1; 10_000], "account_ids"),
        (vec![1, 0], "account_ids[1]"),
    ] {
        let request = BatchGetCountsRequest { account_ids: account_ids.clone() };
        assert_eq!(said(w.graph.batch_get_counts(&nobody(), request).await), invalid(field));
        let request = BatchGetRelationshipsRequest { account_ids };
        assert_eq!(said(w.graph.batch_get_relationships(&user(1), request).await), invalid(field));
    }
}

#[tokio::test]
async fn callers_without_the_right_are_refused() {
    let w = World::new().await;
    let missing = (Code::Unauthenticated, String::new());
    let id = || w.request_id();
    for cx in [nobody(), service()] {
        let request = FollowRequest { request_id: id(), account_id: 2 };
        assert_eq!(said(w.graph.follow(&cx, request).await), missing);
        let request = UnfollowRequest { request_id: id(), account_id: 2 };
        assert_eq!(said(w.graph.unfollow(&cx, request).await), missing);
        let request = BlockRequest { request_id: id(), account_id: 2 };
        assert_eq!(said(w.graph.block(&cx, request).await), missing);
        let request = UnblockRequest { request_id: id(), account_id: 2 };
        assert_eq!(said(w.graph.unblock(&cx, request).await), missing);
        let request = BatchGetRelationshipsRequest { account_ids: vec![2] };
        assert_eq!(said(w.graph.batch_get_relationships(&cx, request).await), missing);
    }
    for (cx, code) in [(nobody(), Code::Unauthenticated), (user(1), Code::PermissionDenied)] {
        let request = ListFollowerIdsRequest { account_id: 1, ..Default::default() };
        assert_eq!(said(w.graph.list_follower_ids(&cx, request).await).0, code);
        let request = ListFollowingIdsRequest { account_id: 1, ..Default::default() };
        assert_eq!(said(w.graph.list_following_ids(&cx, request).await).0, code);
    }
}

#[tokio::test]
async fn a_deadline_that_is_past_stops_everything() {
    let w = World::new().await;
    let past = || Cx::new(Caller::user(plaza_core::AccountId(1)), tokio::time::Instant::now());
    let request = FollowRequest { request_id: w.request_id(), account_id: 2 };
    assert!(w.graph.follow(&past(), request).await.unwrap_err().is(reason::DEADLINE_EXCEEDED));
    let request = BatchGetRelationshipsRequest { account_ids: vec![2] };
    assert!(w.graph.batch_get_relationships(&past(), request).await.unwrap_err().is(reason::DEADLINE_EXCEEDED));
    assert!(w.told().await.is_empty());
}

#[tokio::test]
async fn a_closed_store_is_unavailable() {
    let w = World::new().await;
    w.app.close().await;
    assert!(w.follow(1, 2).await.unwrap_err().is(reason::STORE_UNAVAILABLE));
    let request = BatchGetCountsRequest { account_ids: vec![2] };
    assert!(w.graph.batch_get_counts(&nobody(), request).await.unwrap_err().is(reason::STORE_UNAVAILABLE));
}
