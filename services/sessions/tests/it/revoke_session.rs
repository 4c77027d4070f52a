use plaza_core::reason;
use plaza_proto::sessions::v1::*;

use crate::world::{ADA, BOB, World, guest, request_id, said, service, user, within};

fn revoke(session_id: i64) -> RevokeSessionRequest {
    RevokeSessionRequest { request_id: request_id(), session_id }
}

#[tokio::test]
async fn revoke_session_ends_one_of_the_callers_sessions() {
    let w = World::new().await;
    let (phone, laptop) = (w.sign_in("ada").await, w.sign_in("ada").await);
    let (gone, stays) = (phone.session.unwrap(), laptop.session.unwrap());
    let request = revoke(gone.session_id);
    for _ in 0..2 {
        w.client.revoke_session(&within(&stays), request.clone()).await.unwrap();
    }
    let again = w.client.revoke_session(&within(&stays), revoke(gone.session_id)).await.unwrap_err();
    assert!(again.is(reason::SESSION_NOT_FOUND));
    let refreshed = w.refresh(&phone.tokens.unwrap().refresh_token).await;
    assert!(refreshed.unwrap_err().is(reason::REFRESH_TOKEN_INVALID));
    assert_eq!(w.list(&user(ADA)).await.len(), 1);
}

#[tokio::test]
async fn revoke_session_knows_nothing_of_others_sessions() {
    let w = World::new().await;
    let ada = w.sign_in("ada").await;
    let session = ada.session.unwrap();
    for session_id in [session.session_id, 42] {
        let error = w.client.revoke_session(&user(BOB), revoke(session_id)).await.unwrap_err();
        assert!(error.is(reason::SESSION_NOT_FOUND));
    }
    assert!(w.client.revoke_session(&guest(), revoke(1)).await.unwrap_err().is(reason::CREDENTIALS_MISSING));
    let error = w.client.revoke_session(&user(ADA), revoke(0)).await.unwrap_err();
    assert_eq!(said(&error), ("INVALID_FIELDS", "session_id"));
    w.refresh(&ada.tokens.unwrap().refresh_token).await.unwrap();
}

#[tokio::test]
async fn sign_out_ends_the_session_of_the_call() {
    let w = World::new().await;
    let (phone, laptop) = (w.sign_in("ada").await, w.sign_in("ada").await);
    let session = phone.session.unwrap();
    let request = || SignOutRequest { request_id: request_id() };
    for _ in 0..2 {
        w.client.sign_out(&within(&session), request()).await.unwrap();
    }
    let refreshed = w.refresh(&phone.tokens.unwrap().refresh_token).await;
    assert!(refreshed.unwrap_err().is(reason::REFRESH_TOKEN_INVALID));
    w.refresh(&laptop.tokens.unwrap().refresh_token).await.unwrap();
    for cx in [guest(), user(ADA)] {
        assert!(w.client.sign_out(&cx, request()).await.unwrap_err().is(reason::CREDENTIALS_MISSING));
    }
}

#[tokio::test]
async fn list_revoked_sessions_tells_services_of_every_ending_once() {
    let w = World::new().await;
    let list = |after| ListRevokedSessionsRequest { after };
    let mut ended = Vec::new();
    for _ in 0..3 {
        let session = w.sign_in("ada").await.session.unwrap();
        w.client.revoke_session(&user(ADA), revoke(session.session_id)).await.unwrap();
        ended.push(session.session_id);
    }
    let page = w.client.list_revoked_sessions(&service(), list(0)).await.unwrap();
    assert_eq!(page.session_ids, ended);
    let next = w.client.list_revoked_sessions(&service(), list(page.cursor)).await.unwrap();
    assert_eq!((next.session_ids.len(), next.cursor), (0, page.cursor));
    for (cx, reason) in [(guest(), reason::CREDENTIALS_MISSING), (user(ADA), reason::PERMISSION_DENIED)] {
        assert!(w.client.list_revoked_sessions(&cx, list(0)).await.unwrap_err().is(reason));
    }
    let error = w.client.list_revoked_sessions(&service(), list(-1)).await.unwrap_err();
    assert_eq!(said(&error), ("INVALID_FIELDS", "after"));
}

#[tokio::test]
async fn maintain_forgets_what_no_longer_matters() {
    let w = World::new().await;
    w.sign_in("ada").await;
    assert_eq!(w.app.maintain(&service()).await.unwrap(), 0);
    w.clock.advance(24 * 3_600_000);
    assert_eq!(w.app.maintain(&service()).await.unwrap(), 2, "the session and the remembered request");
}
