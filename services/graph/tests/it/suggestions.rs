//! `SuggestAccounts`, `DismissSuggestion`.

use plaza_core::{Code, Error, Result, reason};
use plaza_proto::graph::v1::*;

use crate::support::{World, nobody, service, user};

async fn suggested(w: &World, page_size: i32) -> Result<Vec<Suggestion>> {
    let request = SuggestAccountsRequest { page_size };
    w.graph.suggest_accounts(&user(1), request).await.map(|answer| answer.suggestions)
}

async fn ids(w: &World) -> Vec<i64> {
    suggested(w, 0).await.unwrap().iter().map(|suggestion| suggestion.account_id).collect()
}

async fn dismiss(w: &World, account_id: i64) -> Result<()> {
    let request = DismissSuggestionRequest { request_id: w.request_id(), account_id };
    w.graph.dismiss_suggestion(&user(1), request).await.map(drop)
}

/// 2 to 6 are followed by 1; 10 by all of them, 11 by two, 12 by one.
async fn populate(w: &World) {
    for friend in 2..=6 {
        w.follow(1, friend).await.unwrap();
        w.follow(friend, 10).await.unwrap();
    }
    for (a, b) in [(2, 11), (3, 11), (4, 12), (2, 1), (2, 3)] {
        w.follow(a, b).await.unwrap();
    }
}

#[tokio::test]
async fn suggest_accounts_tells_whom_and_why() {
    let w = World::new().await;
    assert!(suggested(&w, 0).await.unwrap().is_empty());
    populate(&w).await;
    for account in [1, 11] {
        let request = FollowHashtagRequest { request_id: w.request_id(), hashtag: "rust".to_owned() };
        w.graph.follow_hashtag(&user(account), request).await.unwrap();
    }
    let suggestion = |account_id, score, common_follows, shared_hashtags, familiar_ids: &[i64]| Suggestion {
        account_id,
        score,
        common_follows,
        shared_hashtags,
        familiar_ids: familiar_ids.to_vec(),
    };
    let expected =
        [suggestion(10, 10, 5, 0, &[2, 3, 4]), suggestion(11, 5, 2, 1, &[2, 3]), suggestion(12, 2, 1, 0, &[4])];
    assert_eq!(suggested(&w, 0).await.unwrap(), expected);
    assert_eq!(suggested(&w, 2).await.unwrap(), expected[..2]);
    w.accounts.hide(10);
    w.accounts.delete(12);
    assert_eq!(suggested(&w, 2).await.unwrap(), expected[1..2], "who hides or is gone is not suggested");
    assert_eq!(suggested(&w, -1).await.unwrap_err().violations()[0].field, "page_size");
    for cx in [nobody(), service()] {
        let refused = w.graph.suggest_accounts(&cx, SuggestAccountsRequest::default()).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unauthenticated);
    }
    w.accounts.faults.fail(Error::new(reason::PEER_UNAVAILABLE));
    assert!(suggested(&w, 0).await.unwrap_err().is(reason::PEER_UNAVAILABLE), "nobody is suggested who may hide");
}

#[tokio::test]
async fn dismiss_suggestion_leaves_it_out_from_then_on() {
    let w = World::new().await;
    populate(&w).await;
    let before = w.told().await.len();
    for _ in 0..2 {
        dismiss(&w, 10).await.unwrap();
        assert_eq!(ids(&w).await, [11, 12]);
    }
    assert_eq!(w.told().await.len(), before, "nobody else needs to know");
    assert!(dismiss(&w, 999).await.unwrap_err().is(reason::ACCOUNT_NOT_FOUND));
    assert!(dismiss(&w, 1).await.unwrap_err().is(reason::SELF_RELATION));
    assert_eq!(dismiss(&w, 0).await.unwrap_err().violations()[0].field, "account_id");
    let request = DismissSuggestionRequest { request_id: w.request_id(), account_id: 11 };
    for _ in 0..2 {
        w.graph.dismiss_suggestion(&user(1), request.clone()).await.unwrap();
    }
    let other = DismissSuggestionRequest { account_id: 12, ..request };
    assert!(w.graph.dismiss_suggestion(&user(1), other).await.unwrap_err().is(reason::REQUEST_ID_REUSED));
    w.follow(1, 12).await.unwrap();
    assert!(ids(&w).await.is_empty());
}
