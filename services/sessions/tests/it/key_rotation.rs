//! A new key takes over, and nobody notices.

use jsonwebtoken::decode_header;
use plaza_proto::sessions::v1::*;
use plaza_sessions::Config;
use plaza_testkit::RedisKeys;

use crate::world::{ADA, World, guest, service, user};

const DAY: i64 = 24 * 3_600_000;
const MINUTE: i64 = 60_000;

async fn kids(w: &World) -> Vec<String> {
    let keys = w.client.get_jwks(&guest(), GetJwksRequest {}).await.unwrap().keys;
    keys.into_iter().map(|key| key.kid).collect()
}

fn signed_by(tokens: &Tokens) -> String {
    decode_header(&tokens.access_token).unwrap().kid.unwrap()
}

async fn upkeep(w: &World) {
    w.app.maintain(&service()).await.unwrap();
}

/// What runs in the background meanwhile.
async fn a_minute_goes_by(w: &World) {
    w.clock.advance(MINUTE);
    upkeep(w).await;
    w.verifier.poll().await.unwrap();
}

async fn signs_nobody_out(w: World) {
    upkeep(&w).await;
    let first = kids(&w).await;
    w.clock.advance(DAY - 1);
    upkeep(&w).await;
    assert_eq!(kids(&w).await, first);
    let tokens = w.sign_in("ada").await.tokens.unwrap();
    w.verify(&tokens.access_token).await.unwrap();

    a_minute_goes_by(&w).await;
    let both = kids(&w).await;
    assert_eq!((both.len(), &both[1]), (2, &first[0]));
    let early = w.refresh(&tokens.refresh_token).await.unwrap().tokens.unwrap();
    assert_eq!(signed_by(&early), first[0], "not everybody knows the new one yet");
    for _ in 0..2 {
        a_minute_goes_by(&w).await;
    }
    // The sessions service need not even be asked: the key is known.
    let late = w.refresh(&early.refresh_token).await.unwrap().tokens.unwrap();
    assert_eq!(signed_by(&late), both[0]);
    for tokens in [&tokens, &early, &late] {
        w.verify(&tokens.access_token).await.unwrap();
    }
    for _ in 0..61 {
        a_minute_goes_by(&w).await;
    }
    assert_eq!(kids(&w).await, both[..1], "the old one goes once its tokens have ended");
    let last = w.refresh(&late.refresh_token).await.unwrap().tokens.unwrap();
    w.verify(&last.access_token).await.unwrap();
    assert_eq!(w.list(&user(ADA)).await.len(), 1);
    w.app.close().await;
}

fn daily(config: Config) -> Config {
    Config { key_days: 1, ..config }
}

#[tokio::test]
async fn a_new_key_signs_nobody_out() {
    signs_nobody_out(World::with(daily(Config::default())).await).await;
    let Some(keys) = RedisKeys::new() else { return };
    let config = Config { store: keys.address().parse().unwrap(), ..Config::default() };
    signs_nobody_out(World::with(daily(config)).await).await;
}

#[tokio::test]
async fn replicas_agree_on_the_new_key_and_on_when_the_old_one_goes() {
    let Some(keys) = RedisKeys::new() else { return };
    let config = daily(Config { store: keys.address().parse().unwrap(), ..Config::default() });
    let [one, two] = [World::seeded(config.clone(), 1).await, World::seeded(config, 2).await];
    let old = kids(&one).await;
    for w in [&one, &two] {
        w.clock.advance(DAY);
        upkeep(w).await;
    }
    let both = kids(&one).await;
    assert_eq!((both.len(), &both, &both[1]), (2, &kids(&two).await, &old[0]));
    for w in [&one, &two] {
        w.clock.advance(2 * MINUTE);
        let tokens = w.sign_in("ada").await.tokens.unwrap();
        assert_eq!(signed_by(&tokens), both[0]);
        one.verify(&tokens.access_token).await.unwrap();
    }
    for w in [&one, &two] {
        w.clock.advance(60 * MINUTE);
    }
    upkeep(&one).await;
    // The other still knew it, and gives it back; its own upkeep takes it away for good.
    for w in [&two, &one] {
        upkeep(w).await;
    }
    assert_eq!((kids(&one).await, kids(&two).await), (both[..1].to_vec(), both[..1].to_vec()));
    for w in [one, two] {
        w.app.close().await;
    }
}

#[tokio::test]
async fn a_key_stays_for_ever_if_told_so() {
    let w = World::with(Config { key_days: 0, ..Config::default() }).await;
    let first = kids(&w).await;
    w.clock.advance(4_000 * DAY);
    upkeep(&w).await;
    assert_eq!(kids(&w).await, first);
}
