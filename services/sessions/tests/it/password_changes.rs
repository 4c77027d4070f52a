use std::sync::Arc;

use plaza_core::{Position, reason};
use plaza_events::{Event, NewEvent, Projection};
use plaza_proto::accounts::v1::{PasswordChanged, ProfileUpdated};
use plaza_proto::sessions::v1::*;
use plaza_sessions::Config;
use plaza_testkit::RedisKeys;

use crate::world::{ADA, BOB, World, credentials, guest, service, user};

fn projection(w: &World) -> Arc<dyn Projection> {
    let (projection, _) = w.app.projections().remove(1);
    assert_eq!((projection.name(), projection.sources()), ("sessions-password-changes", &["accounts"][..]));
    projection
}

/// The change of a password now, as accounts tells of it.
fn changed(w: &World, end_sessions: bool, keep_session_id: i64, position: Position) -> Event {
    let message = PasswordChanged { account_id: ADA, end_sessions, keep_session_id };
    NewEvent::new(&w.env, None, "account", ADA, &message).placed("accounts", position)
}

async fn sessions_of(w: &World, account: i64) -> Vec<i64> {
    w.list(&user(account)).await.into_iter().map(|session| session.session_id).collect()
}

async fn ends_all_sessions_but_the_one_named(w: World) {
    let (phone, laptop) = (w.sign_in("ada").await, w.sign_in("ada").await);
    let kept = phone.session.unwrap().session_id;
    w.sign_in("bob").await;
    let other = NewEvent::new(&w.env, None, "account", ADA, &ProfileUpdated { account_id: ADA }).placed("accounts", 1);
    let kept_all = changed(&w, false, 0, 2);
    projection(&w).apply(&service(), &[other, kept_all]).await.unwrap();
    assert_eq!(sessions_of(&w, ADA).await.len(), 2, "if it does not say so, nothing ends");

    w.clock.advance(1_000);
    let change = changed(&w, true, kept, 3);
    w.clock.advance(1_000);
    let after = w.sign_in("ada").await.session.unwrap().session_id;
    // Redelivery ends nothing that came after.
    for _ in 0..2 {
        projection(&w).apply(&service(), std::slice::from_ref(&change)).await.unwrap();
    }
    assert_eq!(sessions_of(&w, ADA).await, [after, kept]);
    assert_eq!(sessions_of(&w, BOB).await.len(), 1);
    let ended = laptop.tokens.unwrap().refresh_token;
    assert!(w.refresh(&ended).await.unwrap_err().is(reason::REFRESH_TOKEN_INVALID));

    // Nor do events that come in another order.
    let late = changed(&w, true, 0, 4);
    projection(&w).apply(&service(), &[late, change]).await.unwrap();
    assert!(sessions_of(&w, ADA).await.is_empty());
    w.app.close().await;
}

#[tokio::test]
async fn a_changed_password_ends_all_sessions_but_the_one_named() {
    ends_all_sessions_but_the_one_named(World::new().await).await;
    let Some(keys) = RedisKeys::new() else { return };
    let config = Config { store: keys.address().parse().unwrap(), ..Config::default() };
    ends_all_sessions_but_the_one_named(World::with(config).await).await;
}

#[tokio::test]
async fn a_sign_in_with_the_old_password_that_the_change_overtook_opens_no_session() {
    let w = World::new().await;
    let checking = w.people.hold();
    let client = w.client.clone();
    let signing_in = tokio::spawn(async move { client.sign_in(&guest(), credentials("ada")).await });
    checking.reached().await;
    w.clock.advance(1);
    projection(&w).apply(&service(), &[changed(&w, true, 0, 1)]).await.unwrap();
    checking.go_on();
    assert!(signing_in.await.unwrap().unwrap_err().is(reason::SIGN_IN_FAILED));
    w.sign_in("ada").await;
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_a_permanent_failure() {
    let w = World::new().await;
    let broken = Event { payload: prost::bytes::Bytes::from_static(&[0xff]), ..changed(&w, true, 0, 1) };
    let error = projection(&w).apply(&service(), &[broken]).await.unwrap_err();
    assert!(!error.is_transient());
}
