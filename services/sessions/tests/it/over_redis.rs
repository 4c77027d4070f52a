//! Two replicas on one Redis server.

use plaza_core::reason;
use plaza_proto::sessions::v1::*;
use plaza_rpc::TokenVerifier as _;
use plaza_sessions::{Config, SessionVerifier};
use plaza_testkit::{RedisKeys, Server, Store, redis};

use crate::world::{ADA, World, guest, request_id, user};

fn on(address: &str) -> Config {
    Config { store: address.parse().unwrap(), ..Config::default() }
}

async fn replicas(address: &str) -> [World; 2] {
    [World::seeded(on(address), 1).await, World::seeded(on(address), 2).await]
}

#[tokio::test]
async fn what_one_replica_opens_another_lists_refreshes_and_ends() {
    let Some(keys) = RedisKeys::new() else { return };
    let [one, two] = replicas(&keys.address()).await;
    let opened = one.sign_in("ada").await;
    let (session, tokens) = (opened.session.unwrap(), opened.tokens.unwrap());
    assert_eq!(two.list(&user(ADA)).await.len(), 1);
    two.verify(&tokens.access_token).await.unwrap();
    let next = two.refresh(&tokens.refresh_token).await.unwrap().tokens.unwrap();
    assert_eq!(one.refresh(&tokens.refresh_token).await.unwrap().tokens.unwrap(), next, "within the grace");
    let end = RevokeSessionRequest { request_id: request_id(), session_id: session.session_id };
    one.client.revoke_session(&user(ADA), end.clone()).await.unwrap();
    two.client.revoke_session(&user(ADA), end).await.expect("the same request, sent to the other");
    two.verifier.poll().await.unwrap();
    assert!(two.verifier.is_revoked(session.session_id.into()));
    assert!(two.refresh(&next.refresh_token).await.unwrap_err().is(reason::REFRESH_TOKEN_INVALID));
    for world in [one, two] {
        world.app.close().await;
    }
}

#[tokio::test]
async fn after_redis_lost_everything_sessions_end_clearly_and_new_tokens_are_good_everywhere() {
    let Some(server) = Server::start(Store::Redis).await else { return };
    let [one, two] = replicas(&server.address()).await;
    let old = one.sign_in("ada").await.tokens.unwrap();
    two.verify(&old.access_token).await.unwrap();
    assert_eq!(redis::command(&server.address(), &["FLUSHALL"]), "+OK");
    for world in [&one, &two] {
        assert!(world.refresh(&old.refresh_token).await.unwrap_err().is(reason::REFRESH_TOKEN_INVALID));
    }
    two.verify(&old.access_token).await.expect("good until it runs out");
    // A third replica begins with a key of its own, before the others were called again.
    let three = World::seeded(on(&server.address()), 3).await;
    let worlds = [&one, &two, &three];
    let mut fresh = Vec::new();
    for world in worlds {
        fresh.push(world.sign_in("ada").await.tokens.unwrap());
    }
    for world in worlds {
        // Whoever verifies asks any replica, and knows nothing yet.
        let verifier = SessionVerifier::new(world.client.clone(), world.env.clone(), "plaza");
        for tokens in &fresh {
            verifier.verify(&tokens.access_token).await.unwrap();
            world.clock.advance(1_000);
        }
    }
    let jwks = one.client.get_jwks(&guest(), GetJwksRequest {}).await.unwrap().keys;
    assert_eq!(jwks.len(), 2);
}

#[tokio::test]
async fn without_redis_calls_say_so_and_tokens_are_still_verified() {
    let Some(mut server) = Server::start(Store::Redis).await else { return };
    let [one, two] = replicas(&server.address()).await;
    let tokens = one.sign_in("ada").await.tokens.unwrap();
    two.verify(&tokens.access_token).await.unwrap();
    server.kill().await;
    for world in [&one, &two] {
        let error = world.refresh(&tokens.refresh_token).await.unwrap_err();
        assert!(error.is(reason::STORE_UNAVAILABLE) && error.is_transient(), "{error}");
        let error = world.client.sign_in(&guest(), crate::world::credentials("ada")).await.unwrap_err();
        assert!(error.is(reason::STORE_UNAVAILABLE), "{error}");
        assert_eq!(world.client.get_jwks(&guest(), GetJwksRequest {}).await.unwrap().keys.len(), 1);
    }
    two.verify(&tokens.access_token).await.unwrap();
    server.restart().await;
    plaza_testkit::wait::within(std::time::Duration::from_secs(10), "sign-in to work again", || async {
        one.client.sign_in(&guest(), crate::world::credentials("ada")).await.ok()
    })
    .await;
    one.refresh(&tokens.refresh_token).await.expect("nothing acknowledged is lost");
}
