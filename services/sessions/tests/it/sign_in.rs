use std::sync::atomic::Ordering;

use plaza_core::{AccountId, Error, SessionId, Timestamp, reason};
use plaza_proto::sessions::v1::*;
use plaza_sessions::Config;

use crate::world::{ADA, START, World, credentials, guest, said, user};

#[tokio::test]
async fn sign_in_opens_a_session_whose_tokens_work() {
    let w = World::new().await;
    let SignInResponse { session, tokens, challenge, .. } = w.sign_in("ada").await;
    let (session, tokens) = (session.unwrap(), tokens.unwrap());
    assert_eq!(challenge, "");
    assert_eq!((session.account_id, session.device_name.as_str(), session.current), (ADA, "phone", false));
    assert_eq!(session.expire_time.unwrap().seconds, START / 1_000 + 24 * 3_600);
    let verified = w.verify(&tokens.access_token).await.unwrap();
    assert_eq!((verified.account, verified.session), (AccountId(ADA), SessionId(session.session_id)));
    assert_eq!(verified.expires, Timestamp(START + 600_000));
    assert_eq!(tokens.access_expire_time.unwrap().seconds, (START + 600_000) / 1_000);
    assert!(w.refresh(&tokens.refresh_token).await.is_ok());
    assert_eq!(w.people.callers.lock().iter().copied().collect::<Vec<_>>(), ["sessions"]);
}

#[tokio::test]
async fn sign_in_fails_alike_for_a_wrong_password_and_an_unknown_login() {
    let w = World::new().await;
    let wrong = SignInRequest { password: "wrong".to_owned(), ..credentials("ada") };
    let mut said_of = Vec::new();
    for request in [wrong, credentials("nobody")] {
        let error = w.client.sign_in(&guest(), request).await.unwrap_err();
        assert!(error.is(reason::SIGN_IN_FAILED));
        said_of.push((error.to_string(), error.metadata().to_vec()));
    }
    assert_eq!(said_of[0], said_of[1]);
    assert!(w.list(&user(ADA)).await.is_empty());
}

#[tokio::test]
async fn sign_in_answers_a_repeated_request_with_the_same_tokens() {
    let w = World::new().await;
    let request = credentials("ada");
    let first = w.client.sign_in(&guest(), request.clone()).await.unwrap();
    w.refresh(&first.tokens.as_ref().unwrap().refresh_token).await.unwrap();
    w.clock.advance(60_123);
    let again = w.client.sign_in(&guest(), request.clone()).await.unwrap();
    assert_eq!(again, first);
    assert_eq!(w.people.verified.load(Ordering::SeqCst), 1, "the password is not checked again");
    let other = SignInRequest { device_name: "laptop".to_owned(), ..request };
    assert!(w.client.sign_in(&guest(), other).await.unwrap_err().is(reason::REQUEST_ID_REUSED));
    assert_eq!(w.list(&user(ADA)).await.len(), 1);
}

#[tokio::test]
async fn sign_in_names_the_field_that_is_wrong() {
    let w = World::new().await;
    let with = |change: fn(&mut SignInRequest)| {
        let mut request = credentials("ada");
        change(&mut request);
        request
    };
    for (request, field) in [
        (with(|r| r.request_id.clear()), "request_id"),
        (with(|r| r.login.clear()), "login"),
        (with(|r| r.login = "x".repeat(255)), "login"),
        (with(|r| r.password.clear()), "password"),
        (with(|r| r.password = "x".repeat(129)), "password"),
        (with(|r| r.device_name = "x".repeat(65)), "device_name"),
        (with(|r| r.device_name = "a\nb".to_owned()), "device_name"),
        (with(|r| r.device_name = "\u{2066}".to_owned()), "device_name"),
    ] {
        let error = w.client.sign_in(&guest(), request).await.unwrap_err();
        assert_eq!(said(&error), ("INVALID_FIELDS", field));
    }
    assert_eq!(w.people.verified.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn sign_in_says_when_accounts_cannot_be_asked() {
    let w = World::new().await;
    let request = credentials("ada");
    *w.people.broken.lock() = Some(Error::new(reason::PEER_UNAVAILABLE));
    let error = w.client.sign_in(&guest(), request.clone()).await.unwrap_err();
    assert!(error.is(reason::PEER_UNAVAILABLE) && error.is_transient());
    *w.people.broken.lock() = None;
    w.client.sign_in(&guest(), request).await.expect("the same request, tried again");
}

#[tokio::test]
async fn sign_in_past_the_limit_ends_the_session_unused_for_longest() {
    let w = World::with(Config { max_sessions: 2, ..Config::default() }).await;
    let first = w.sign_in("ada").await.session.unwrap();
    for _ in 0..2 {
        w.clock.advance(1_000);
        w.sign_in("ada").await;
    }
    let ids: Vec<i64> = w.list(&user(ADA)).await.iter().map(|s| s.session_id).collect();
    assert!(ids.len() == 2 && !ids.contains(&first.session_id));
}

#[tokio::test]
async fn sessions_keys_and_tokens_are_good_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = plaza_stores::StoreAddress::sqlite(folder.path().join("sessions.db"));
    let config = Config { store, ..Config::default() };
    let w = World::with(config.clone()).await;
    let tokens = w.sign_in("ada").await.tokens.unwrap();
    w.app.close().await;

    // Other randomness: a key made now would be another.
    let w = World::seeded(config, 8).await;
    assert_eq!(w.verify(&tokens.access_token).await.unwrap().account, AccountId(ADA));
    w.refresh(&tokens.refresh_token).await.unwrap();
}
