//! Limits on wrong passwords, as who signs in meets them.

use std::sync::atomic::Ordering;
use std::time::Duration;

use plaza_core::{Cx, Error, reason};
use plaza_proto::sessions::v1::*;
use plaza_sessions::Config;
use plaza_testkit::RedisKeys;

use crate::world::{World, credentials, guest};

fn wrong(login: &str) -> SignInRequest {
    SignInRequest { password: "wrong".to_owned(), ..credentials(login) }
}

fn from(address: &str) -> Cx {
    guest().with_remote(address.parse().ok())
}

impl World {
    async fn fails(&self, cx: &Cx, login: &str) {
        let error = self.client.sign_in(cx, wrong(login)).await.unwrap_err();
        assert!(error.is(reason::SIGN_IN_FAILED), "{error}");
    }

    async fn is_limited(&self, cx: &Cx, request: SignInRequest) -> Error {
        let error = self.client.sign_in(cx, request).await.unwrap_err();
        assert!(error.is(reason::TOO_MANY_GUESSES), "{error}");
        error
    }
}

#[tokio::test]
async fn sign_in_waits_after_five_wrong_passwords_also_for_the_right_one() {
    let w = World::new().await;
    for _ in 0..5 {
        w.fails(&guest(), "ada").await;
    }
    let checked = w.people.verified.load(Ordering::SeqCst);
    let error = w.is_limited(&guest(), credentials("ada")).await;
    assert_eq!(error.retry_delay(), Some(Duration::from_secs(1)));
    assert_eq!(w.people.verified.load(Ordering::SeqCst), checked, "the password is not even looked at");
    w.sign_in("bob").await;
    w.clock.advance(1_000);
    w.fails(&guest(), "ada@example.org").await;
    assert_eq!(w.is_limited(&guest(), credentials("ada")).await.retry_delay(), Some(Duration::from_secs(2)));
    w.clock.advance(2_000);
    w.sign_in("ada").await;
    w.fails(&guest(), "ada").await;
}

#[tokio::test]
async fn sign_in_limits_an_unknown_login_alike_and_tells_nothing() {
    let w = World::new().await;
    let mut told = Vec::new();
    for login in ["ada", "nobody"] {
        for _ in 0..5 {
            w.fails(&guest(), login).await;
        }
        let error = w.is_limited(&guest(), credentials(login)).await;
        told.push((error.to_string(), error.metadata().to_vec(), error.retry_delay()));
    }
    assert_eq!(told[0], told[1]);
}

#[tokio::test]
async fn sign_in_limits_an_address_that_tries_many_accounts() {
    let w = World::with(Config { address_guesses: 7, ..Config::default() }).await;
    for n in 0..7 {
        w.client.sign_in(&from("192.0.2.1"), credentials("bob")).await.unwrap();
        w.fails(&from("192.0.2.1"), &format!("nobody{n}")).await;
    }
    w.is_limited(&from("192.0.2.1"), credentials("ada")).await;
    w.client.sign_in(&from("192.0.2.2"), credentials("ada")).await.unwrap();
    w.clock.advance(1_000);
    w.client.sign_in(&from("192.0.2.1"), credentials("ada")).await.unwrap();
    w.fails(&from("192.0.2.1"), "bob").await;
    w.is_limited(&from("192.0.2.1"), credentials("ada")).await;
}

#[tokio::test]
async fn sign_in_does_not_count_while_accounts_cannot_be_asked() {
    let w = World::new().await;
    *w.people.broken.lock() = Some(Error::new(reason::PEER_UNAVAILABLE));
    for _ in 0..10 {
        let error = w.client.sign_in(&guest(), credentials("ada")).await.unwrap_err();
        assert!(error.is(reason::PEER_UNAVAILABLE));
    }
    *w.people.broken.lock() = None;
    w.sign_in("ada").await;
}

#[tokio::test]
async fn sign_in_answers_a_repeated_request_while_it_is_limited() {
    let w = World::new().await;
    let request = credentials("ada");
    let first = w.client.sign_in(&guest(), request.clone()).await.unwrap();
    for _ in 0..5 {
        w.fails(&guest(), "ada").await;
    }
    w.is_limited(&guest(), credentials("ada")).await;
    assert_eq!(w.client.sign_in(&guest(), request).await.unwrap(), first);
}

/// Guesses, starts the service again on the same store, and finds them counted.
async fn are_counted_across_a_restart(config: Config) {
    let before = World::with(config.clone()).await;
    for _ in 0..5 {
        before.fails(&guest(), "ada").await;
    }
    before.app.close().await;
    let after = World::with(config).await;
    after.is_limited(&guest(), credentials("ada")).await;
    after.app.close().await;
}

#[tokio::test]
async fn sign_in_counts_on_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}", folder.path().join("sessions.db").display());
    are_counted_across_a_restart(Config { store: store.parse().unwrap(), ..Config::default() }).await;
    let Some(keys) = RedisKeys::new() else { return };
    are_counted_across_a_restart(Config { store: keys.address().parse().unwrap(), ..Config::default() }).await;
}
