use plaza_core::reason;
use plaza_proto::sessions::v1::*;

use crate::world::{ADA, BOB, World, guest, said, user, within};

#[tokio::test]
async fn list_sessions_is_newest_first_and_marks_the_current() {
    let w = World::new().await;
    let first = w.sign_in("ada").await.session.unwrap();
    w.clock.advance(1_000);
    let second = w.sign_in("ada").await.session.unwrap();
    w.sign_in("bob").await;
    let seen: Vec<_> = w.list(&within(&first)).await.iter().map(|s| (s.session_id, s.current)).collect();
    assert_eq!(seen, [(second.session_id, false), (first.session_id, true)]);
    assert_eq!(w.list(&user(ADA)).await.iter().filter(|s| s.current).count(), 0);
}

#[tokio::test]
async fn list_sessions_pages_stay_disjoint_while_sessions_come_and_go() {
    let w = World::new().await;
    let mut opened = Vec::new();
    for _ in 0..5 {
        opened.push(w.sign_in("ada").await.session.unwrap().session_id);
    }
    let page = |page_token: String| ListSessionsRequest { page_size: 2, page_token };
    let first = w.client.list_sessions(&user(ADA), page(String::new())).await.unwrap();
    w.sign_in("ada").await;
    let second = w.client.list_sessions(&user(ADA), page(first.next_page_token.clone())).await.unwrap();
    let third = w.client.list_sessions(&user(ADA), page(second.next_page_token.clone())).await.unwrap();
    let ids: Vec<i64> =
        [first.clone(), second, third.clone()].iter().flat_map(|p| &p.sessions).map(|s| s.session_id).collect();
    opened.reverse();
    assert_eq!((ids, third.next_page_token.as_str()), (opened, ""));

    let borrowed = w.client.list_sessions(&user(BOB), page(first.next_page_token)).await.unwrap_err();
    assert_eq!(said(&borrowed), ("PAGE_TOKEN_INVALID", "page_token"));
}

#[tokio::test]
async fn list_sessions_refuses_bad_pages_and_strangers() {
    let w = World::new().await;
    let list = |page_size, page_token: &str| ListSessionsRequest { page_size, page_token: page_token.to_owned() };
    let error = w.client.list_sessions(&user(ADA), list(-1, "")).await.unwrap_err();
    assert_eq!(said(&error), ("INVALID_FIELDS", "page_size"));
    let error = w.client.list_sessions(&user(ADA), list(1, "forged")).await.unwrap_err();
    assert_eq!(said(&error), ("PAGE_TOKEN_INVALID", "page_token"));
    let error = w.client.list_sessions(&guest(), list(1, "")).await.unwrap_err();
    assert!(error.is(reason::CREDENTIALS_MISSING));
}
