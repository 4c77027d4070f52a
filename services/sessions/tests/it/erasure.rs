use std::sync::Arc;

use plaza_core::{Error, Position, reason};
use plaza_events::{Event, NewEvent, Projection};
use plaza_proto::accounts::v1::{AccountCreated, AccountDeleted};
use plaza_proto::sessions::v1::SessionsService as _;
use plaza_rpc::TokenVerifier as _;

use crate::world::{ADA, BOB, World, credentials, guest, service, user};

fn projection(w: &World) -> Arc<dyn Projection> {
    let (projection, _) = w.app.projections().remove(0);
    assert_eq!((projection.name(), projection.sources()), ("sessions-erasure", &["accounts"][..]));
    projection
}

fn deleted(w: &World, account_id: i64, position: Position) -> Event {
    NewEvent::new(&w.env, None, "account", account_id, &AccountDeleted { account_id }).placed("accounts", position)
}

#[tokio::test]
async fn a_deleted_account_loses_all_its_sessions() {
    let w = World::new().await;
    let (one, other) = (w.sign_in("ada").await.tokens.unwrap(), w.sign_in("bob").await.tokens.unwrap());
    w.sign_in("ada").await;
    w.people.delete(ADA);
    let created =
        NewEvent::new(&w.env, None, "account", BOB, &AccountCreated { account_id: BOB }).placed("accounts", 1);
    let events = [created, deleted(&w, ADA, 2), deleted(&w, ADA, 2)];
    // Redelivery changes nothing; nor does the accounts service being away.
    *w.people.broken.lock() = Some(Error::new(reason::PEER_UNAVAILABLE));
    for _ in 0..2 {
        projection(&w).apply(&service(), &events).await.unwrap();
    }
    *w.people.broken.lock() = None;
    assert!(w.list(&user(ADA)).await.is_empty());
    assert!(w.refresh(&one.refresh_token).await.unwrap_err().is(reason::REFRESH_TOKEN_INVALID));
    assert!(w.refresh(&other.refresh_token).await.is_ok());
    w.verifier.poll().await.unwrap();
    let session = w.verify(&one.access_token).await.unwrap().session;
    assert!(w.verifier.is_revoked(session));
}

#[tokio::test]
async fn a_missed_deletion_is_found_and_repaired() {
    let w = World::new().await;
    w.sign_in("ada").await;
    w.sign_in("bob").await;
    let (cx, erasure) = (service(), projection(&w));
    let drifted = || async {
        let truth = erasure.scan_truth(&cx, 0, 100).await.unwrap();
        let keys: Vec<i64> = truth.iter().map(|(key, _)| *key).collect();
        let held = erasure.digests(&cx, &keys).await.unwrap();
        let differs = truth.iter().zip(held).filter(|((_, truth), held)| Some(*truth) != *held);
        differs.map(|((key, _), _)| *key).collect::<Vec<_>>()
    };
    assert!(drifted().await.is_empty());
    w.people.delete(ADA);
    assert_eq!(drifted().await, [ADA]);
    erasure.project(&cx, &[ADA, BOB]).await.unwrap();
    assert!(drifted().await.is_empty());
    assert!(w.list(&user(ADA)).await.is_empty());
    assert_eq!((w.list(&user(BOB)).await.len(), erasure.scan_truth(&cx, 0, 100).await.unwrap().len()), (1, 1));
    assert!(erasure.scan_truth(&cx, BOB, 100).await.unwrap().is_empty());
    assert_eq!(erasure.digests(&cx, &[ADA, 42]).await.unwrap(), [None, None]);
}

#[tokio::test]
async fn a_sign_in_that_the_deletion_overtook_opens_no_session() {
    let w = World::new().await;
    // The password is still good to this accounts service, as it was when the sign-in began.
    projection(&w).apply(&service(), &[deleted(&w, ADA, 1)]).await.unwrap();
    let error = w.client.sign_in(&guest(), credentials("ada")).await.unwrap_err();
    assert!(error.is(reason::SIGN_IN_FAILED));
    assert!(w.list(&user(ADA)).await.is_empty());
}
