use plaza_core::reason;
use plaza_proto::sessions::v1::*;

use crate::world::{ADA, BOB, START, World, credentials, guest, request_id, said, user, within};

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
async fn list_sessions_tells_device_address_and_last_use() {
    let w = World::new().await;
    let at = |address: &str| guest().with_remote(address.parse().ok());
    let signed_in = w.client.sign_in(&at("::ffff:192.0.2.7"), credentials("ada")).await.unwrap();
    let listed = w.list(&user(ADA)).await.remove(0);
    assert_eq!((listed.device_name.as_str(), listed.address.as_str()), ("phone", "192.0.2.7"));
    w.clock.advance(60_000);
    let refresh_token = signed_in.tokens.unwrap().refresh_token;
    let refresh = RefreshSessionRequest { request_id: request_id(), refresh_token };
    w.client.refresh_session(&at("2001:db8::1"), refresh).await.unwrap();
    let listed = w.list(&user(ADA)).await.remove(0);
    assert_eq!((listed.address.as_str(), listed.last_use_time.unwrap().seconds), ("2001:db8::1", START / 1_000 + 60));
    // A call within the platform comes from nowhere.
    w.sign_in("bob").await;
    assert_eq!(w.list(&user(BOB)).await[0].address, "");
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
