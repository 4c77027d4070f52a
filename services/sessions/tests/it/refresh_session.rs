use plaza_core::{AccountId, reason};
use plaza_proto::sessions::v1::*;

use crate::world::{ADA, World, guest, request_id, said, user};

const GRACE_MS: i64 = 10_000;

#[tokio::test]
async fn refresh_session_hands_out_the_next_pair_and_moves_the_expiry_on() {
    let w = World::new().await;
    let opened = w.sign_in("ada").await;
    let first = opened.tokens.unwrap();
    w.clock.advance(601_000);
    assert!(w.verify(&first.access_token).await.unwrap_err().is(reason::CREDENTIALS_EXPIRED));
    let answer = w.refresh(&first.refresh_token).await.unwrap();
    let (session, next) = (answer.session.unwrap(), answer.tokens.unwrap());
    assert_ne!((&next.access_token, &next.refresh_token), (&first.access_token, &first.refresh_token));
    assert_eq!(w.verify(&next.access_token).await.unwrap().account, AccountId(ADA));
    let opened = opened.session.unwrap();
    assert_eq!((session.session_id, &session.device_name), (opened.session_id, &opened.device_name));
    assert_eq!(session.create_time, opened.create_time);
    assert_eq!(session.expire_time.unwrap().seconds, opened.expire_time.unwrap().seconds + 601);
}

#[tokio::test]
async fn refresh_session_answers_the_same_successor_within_the_grace() {
    let w = World::new().await;
    let first = w.sign_in("ada").await.tokens.unwrap();
    let next = w.refresh(&first.refresh_token).await.unwrap();
    w.clock.advance(GRACE_MS);
    assert_eq!(w.refresh(&first.refresh_token).await.unwrap(), next, "the very same tokens");
    let third = w.refresh(&next.tokens.unwrap().refresh_token).await.unwrap();
    assert!(third.tokens.is_some());
}

#[tokio::test]
async fn refresh_session_ends_the_family_of_a_token_that_comes_back_late() {
    let w = World::new().await;
    let opened = w.sign_in("ada").await;
    let first = opened.tokens.unwrap();
    let next = w.refresh(&first.refresh_token).await.unwrap().tokens.unwrap();
    w.clock.advance(GRACE_MS + 1);
    let error = w.refresh(&first.refresh_token).await.unwrap_err();
    assert!(error.is(reason::REFRESH_TOKEN_REUSED));
    for token in [&first.refresh_token, &next.refresh_token] {
        assert!(w.refresh(token).await.unwrap_err().is(reason::REFRESH_TOKEN_INVALID));
    }
    assert!(w.list(&user(ADA)).await.is_empty());
    w.verifier.poll().await.unwrap();
    let session = w.verify(&next.access_token).await.unwrap().session;
    assert!(plaza_rpc::TokenVerifier::is_revoked(&*w.verifier, session));
}

#[tokio::test]
async fn refresh_session_ends_the_family_when_the_successor_was_used_already() {
    let w = World::new().await;
    let first = w.sign_in("ada").await.tokens.unwrap();
    let second = w.refresh(&first.refresh_token).await.unwrap().tokens.unwrap();
    w.refresh(&second.refresh_token).await.unwrap();
    // Within the grace, and yet older than the last used one.
    assert!(w.refresh(&first.refresh_token).await.unwrap_err().is(reason::REFRESH_TOKEN_REUSED));
}

#[tokio::test]
async fn refresh_session_answers_a_repeated_request_alike_however_late() {
    let w = World::new().await;
    let first = w.sign_in("ada").await.tokens.unwrap();
    let request = RefreshSessionRequest { request_id: request_id(), refresh_token: first.refresh_token.clone() };
    let next = w.client.refresh_session(&guest(), request.clone()).await.unwrap();
    w.clock.advance(3_600_000);
    assert_eq!(w.client.refresh_session(&guest(), request).await.unwrap(), next);
    assert!(w.refresh(&next.tokens.unwrap().refresh_token).await.is_ok(), "the repetition was no reuse");

    let late = RefreshSessionRequest { request_id: request_id(), refresh_token: first.refresh_token };
    for _ in 0..2 {
        let error = w.client.refresh_session(&guest(), late.clone()).await.unwrap_err();
        assert!(error.is(reason::REFRESH_TOKEN_REUSED), "an ending is remembered too");
    }
}

#[tokio::test]
async fn refresh_session_at_the_same_time_gives_one_successor() {
    let w = World::new().await;
    let first = w.sign_in("ada").await.tokens.unwrap();
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            let (client, refresh_token) = (w.client.clone(), first.refresh_token.clone());
            let request = RefreshSessionRequest { request_id: request_id(), refresh_token };
            tokio::spawn(async move { client.refresh_session(&guest(), request).await.unwrap().tokens.unwrap() })
        })
        .collect();
    let mut successors = Vec::new();
    for task in tasks {
        successors.push(task.await.unwrap());
    }
    assert!(successors.windows(2).all(|w| w[0] == w[1]));
}

#[tokio::test]
async fn refresh_session_refuses_what_is_no_token_of_a_living_session() {
    let w = World::new().await;
    let opened = w.sign_in("ada").await;
    let good = opened.tokens.unwrap().refresh_token;
    let mut changed = good.clone().into_bytes();
    changed[3] ^= 1;
    let changed = String::from_utf8(changed).unwrap();
    for bad in ["x", "héllo", &good[1..], &format!("{good}A"), &"A".repeat(64), &changed] {
        assert!(w.refresh(bad).await.unwrap_err().is(reason::REFRESH_TOKEN_INVALID), "{bad}");
    }
    for (bad, field) in [("", "refresh_token"), (&*"A".repeat(257), "refresh_token")] {
        assert_eq!(said(&w.refresh(bad).await.unwrap_err()), ("INVALID_FIELDS", field));
    }
    w.clock.advance(24 * 3_600_000);
    assert!(w.refresh(&good).await.unwrap_err().is(reason::REFRESH_TOKEN_INVALID), "24 hours after its last use");
    assert!(w.list(&user(ADA)).await.is_empty());
}
