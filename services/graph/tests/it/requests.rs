//! `Follow` of protected accounts; `ListFollowRequests`, `AcceptFollowRequest`, `RejectFollowRequest`,
//! `CancelFollowRequest`.

use plaza_core::{Code, Result, reason};
use plaza_graph::Config;
use plaza_proto::graph::v1::*;
use plaza_stores::StoreAddress;

use crate::support::{World, nobody, service, stranger, user};

async fn accept(w: &World, a: i64, b: i64) -> Result<Relationship> {
    let request = AcceptFollowRequestRequest { request_id: w.request_id(), account_id: b };
    w.graph.accept_follow_request(&user(a), request).await.map(|answer| answer.relationship.unwrap())
}

async fn reject(w: &World, a: i64, b: i64) -> Relationship {
    let request = RejectFollowRequestRequest { request_id: w.request_id(), account_id: b };
    w.graph.reject_follow_request(&user(a), request).await.unwrap().relationship.unwrap()
}

async fn cancel(w: &World, a: i64, b: i64) -> Relationship {
    let request = CancelFollowRequestRequest { request_id: w.request_id(), account_id: b };
    w.graph.cancel_follow_request(&user(a), request).await.unwrap().relationship.unwrap()
}

async fn waiting(w: &World, account: i64, page_size: i32) -> Vec<i64> {
    let (mut all, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListFollowRequestsRequest { page_size, page_token };
        let page = w.graph.list_follow_requests(&user(account), request).await.unwrap();
        assert!(page.requests.iter().all(|edge| edge.request_time.is_some()));
        all.extend(page.requests.iter().map(|edge| edge.account_id));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return all;
        }
    }
}

#[tokio::test]
async fn follow_of_a_protected_account_asks_and_accept_follow_request_lets() {
    let w = World::new().await;
    w.accounts.protect(2, true);
    for _ in 0..2 {
        let (asked, token) = w.follow(1, 2).await.unwrap();
        assert_eq!(asked, Relationship { requested: true, ..stranger(2) });
        assert_eq!(token.to_string(), "graph=1");
    }
    assert_eq!(w.relationships(&user(2), &[1]).await, [Relationship { requested_by: true, ..stranger(1) }]);
    assert_eq!((w.counts(1).await, w.counts(2).await), ((0, 0), (0, 0)));
    for _ in 0..2 {
        assert_eq!(accept(&w, 2, 1).await.unwrap(), Relationship { followed_by: true, ..stranger(1) });
    }
    assert_eq!(w.relationships(&user(1), &[2]).await, [Relationship { following: true, ..stranger(2) }]);
    assert_eq!(w.counts(2).await, (1, 0));
    assert_eq!(w.told().await, ["FollowRequested 1", "FollowRequestEnded 1", "Followed 1"]);
    let ended = &w.app.outbox().read_after(&user(1), 1, 1).await.unwrap()[0];
    let ended = ended.decode::<FollowRequestEnded>().unwrap().unwrap();
    assert_eq!(ended.outcome(), FollowRequestOutcome::Accepted);
}

#[tokio::test]
async fn a_protected_account_keeps_its_followers_and_requests_stand_when_it_opens() {
    let w = World::new().await;
    w.follow(1, 2).await.unwrap();
    w.accounts.protect(2, true);
    assert!(w.follow(1, 2).await.unwrap().0.following);
    w.follow(3, 2).await.unwrap();
    w.accounts.protect(2, false);
    assert_eq!(waiting(&w, 2, 10).await, [3]);
    assert_eq!(w.follow(3, 2).await.unwrap().0, Relationship { following: true, ..stranger(2) });
    assert!(waiting(&w, 2, 10).await.is_empty());
}

#[tokio::test]
async fn reject_follow_request_and_cancel_follow_request_end_it() {
    let w = World::new().await;
    w.accounts.protect(2, true);
    w.follow(1, 2).await.unwrap();
    for _ in 0..2 {
        assert_eq!(reject(&w, 2, 1).await, stranger(1));
    }
    let error = accept(&w, 2, 1).await.unwrap_err();
    assert_eq!((error.code(), error.reason()), (Code::NotFound, "FOLLOW_REQUEST_NOT_FOUND"));
    w.follow(1, 2).await.unwrap();
    for _ in 0..2 {
        assert_eq!(cancel(&w, 1, 2).await, stranger(2));
    }
    w.follow(1, 2).await.unwrap();
    assert_eq!(w.unfollow(1, 2).await.unwrap().0, stranger(2));
    w.follow(1, 2).await.unwrap();
    w.block(2, 1).await.unwrap();
    w.unblock(2, 1).await.unwrap();
    assert_eq!(w.relationships(&user(1), &[2]).await, [stranger(2)]);
    // Nobody answers for another.
    w.follow(1, 2).await.unwrap();
    assert!(accept(&w, 1, 2).await.unwrap_err().is(reason::FOLLOW_REQUEST_NOT_FOUND));
    assert!(accept(&w, 3, 1).await.unwrap_err().is(reason::FOLLOW_REQUEST_NOT_FOUND));
    reject(&w, 3, 1).await;
    cancel(&w, 2, 1).await;
    assert_eq!(waiting(&w, 2, 10).await, [1]);
}

#[tokio::test]
async fn list_follow_requests_is_the_callers_own_newest_first() {
    let w = World::new().await;
    w.accounts.protect(1, true);
    w.accounts.protect(2, true);
    for asker in [4, 2, 9] {
        w.follow(asker, 1).await.unwrap();
    }
    w.follow(1, 2).await.unwrap();
    for size in [1, 2, 20] {
        assert_eq!(waiting(&w, 1, size).await, [9, 2, 4], "in pages of {size}");
    }
    for cx in [nobody(), service()] {
        let refused = w.graph.list_follow_requests(&cx, ListFollowRequestsRequest::default()).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated);
        let request = AcceptFollowRequestRequest { request_id: w.request_id(), account_id: 2 };
        assert_eq!(w.graph.accept_follow_request(&cx, request).await.unwrap_err().code(), Code::Unauthenticated);
    }
    let request = ListFollowRequestsRequest { page_size: 1, page_token: String::new() };
    let page_token = w.graph.list_follow_requests(&user(1), request).await.unwrap().next_page_token;
    let request = ListFollowRequestsRequest { page_size: 1, page_token };
    let stolen = w.graph.list_follow_requests(&user(2), request).await.unwrap_err();
    assert!(stolen.is(reason::PAGE_TOKEN_INVALID));
}

#[tokio::test]
async fn a_repeated_accept_gets_the_first_answer() {
    let w = World::new().await;
    w.accounts.protect(2, true);
    w.follow(1, 2).await.unwrap();
    let request = AcceptFollowRequestRequest { request_id: w.request_id(), account_id: 1 };
    let first = w.graph.accept_follow_request(&user(2), request.clone()).await.unwrap();
    w.unfollow(1, 2).await.unwrap();
    assert_eq!(w.graph.accept_follow_request(&user(2), request).await.unwrap(), first);
    assert_eq!(w.counts(2).await, (0, 0));
}

#[tokio::test]
async fn one_request_too_many_is_refused() {
    let config = Config { store: StoreAddress::Memory, max_follow_requests: 1, ..Config::default() };
    let w = World::with(config).await;
    for id in [2, 3] {
        w.accounts.protect(id, true);
    }
    w.follow(1, 2).await.unwrap();
    assert!(w.follow(1, 3).await.unwrap_err().is(reason::LIMIT_REACHED));
    cancel(&w, 1, 2).await;
    w.follow(1, 3).await.unwrap();
}
