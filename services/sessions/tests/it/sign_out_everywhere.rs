use plaza_core::{Error, reason};
use plaza_proto::sessions::v1::*;
use plaza_rpc::TokenVerifier as _;

use crate::world::{ADA, BOB, World, credentials, guest, request_id, said, user, within};

fn everywhere(keep_current: bool) -> SignOutEverywhereRequest {
    SignOutEverywhereRequest { request_id: request_id(), keep_current }
}

#[tokio::test]
async fn sign_out_everywhere_ends_all_sessions_or_all_others() {
    let w = World::new().await;
    let (phone, laptop, tablet) = (w.sign_in("ada").await, w.sign_in("ada").await, w.sign_in("ada").await);
    let (kept, bob) = (phone.session.unwrap(), w.sign_in("bob").await);
    let request = everywhere(true);
    for _ in 0..2 {
        let answer = w.client.sign_out_everywhere(&within(&kept), request.clone()).await.unwrap();
        assert_eq!(answer.ended_sessions, 2, "the same request has one effect and one answer");
    }
    for ended in [laptop, tablet] {
        let tokens = ended.tokens.unwrap();
        assert!(w.refresh(&tokens.refresh_token).await.unwrap_err().is(reason::REFRESH_TOKEN_INVALID));
        w.verifier.poll().await.unwrap();
        assert!(w.verifier.is_revoked(ended.session.unwrap().session_id.into()));
    }
    assert_eq!((w.list(&user(ADA)).await.len(), w.list(&user(BOB)).await.len()), (1, 1));
    let answer = w.client.sign_out_everywhere(&within(&kept), everywhere(false)).await.unwrap();
    assert_eq!((answer.ended_sessions, w.list(&user(ADA)).await.len()), (1, 0));
    w.refresh(&bob.tokens.unwrap().refresh_token).await.unwrap();
    w.sign_in("ada").await;
}

#[tokio::test]
async fn sign_out_everywhere_keeps_out_a_sign_in_that_was_under_way() {
    let w = World::new().await;
    // Its password is being checked while the account ends its sessions.
    let checking = w.people.hold();
    let client = w.client.clone();
    let signing_in = tokio::spawn(async move { client.sign_in(&guest(), credentials("ada")).await });
    checking.reached().await;
    w.clock.advance(1);
    w.client.sign_out_everywhere(&user(ADA), everywhere(false)).await.unwrap();
    checking.go_on();
    assert!(signing_in.await.unwrap().unwrap_err().is(reason::SIGN_IN_FAILED));
    assert!(w.list(&user(ADA)).await.is_empty());
}

#[tokio::test]
async fn sign_out_everywhere_refuses_guests_bad_ids_and_keeping_what_is_not_there() {
    let w = World::new().await;
    let refused = |error: Error| (said(&error).0.to_owned(), said(&error).1.to_owned());
    let told = |reason: &str, field: &str| (reason.to_owned(), field.to_owned());
    let error = w.client.sign_out_everywhere(&guest(), everywhere(false)).await.unwrap_err();
    assert_eq!(refused(error), told("CREDENTIALS_MISSING", ""));
    // A service that calls for the account is in no session of it.
    let error = w.client.sign_out_everywhere(&user(ADA), everywhere(true)).await.unwrap_err();
    assert_eq!(refused(error), told("CREDENTIALS_MISSING", ""));
    let request = SignOutEverywhereRequest { request_id: "x".to_owned(), keep_current: false };
    let error = w.client.sign_out_everywhere(&user(ADA), request).await.unwrap_err();
    assert_eq!(refused(error), told("INVALID_FIELDS", "request_id"));
}
