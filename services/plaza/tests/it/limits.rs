//! How much callers may ask of a platform in several processes.

use std::time::Duration;

use plaza::config::{Service, Settings};
use plaza::load::Door;
use plaza::platform::Running;
use plaza_core::reason;
use plaza_proto::sessions::v1::{GetJwksRequest, SessionsService as _};
use plaza_testkit::{RedisKeys, Store};
use tokio::time::Instant;

use crate::platform::{free_port, outside, start, start_some};

const PER_MINUTE: u32 = 10;

fn settings(store: &str) -> Settings {
    let mut settings = Settings::ephemeral();
    settings.rate_limit.per_minute = PER_MINUTE;
    settings.rate_limit.store = store.parse().unwrap();
    settings
}

/// How many of so many calls of somebody who is not signed in pass.
async fn passed(running: &Running, calls: u32) -> u32 {
    let (anybody, mut passed) = (outside(running).anybody(), 0);
    for _ in 0..calls {
        match anybody.sessions.get_jwks(&Door::cx(), GetJwksRequest {}).await {
            Ok(_) => passed += 1,
            Err(error) => assert!(error.is(reason::RATE_LIMITED), "{error:?}"),
        }
    }
    passed
}

#[tokio::test]
async fn processes_that_share_a_redis_count_together() {
    let Some(keys) = RedisKeys::on(Store::RedisCache) else { return };
    let whole = start(settings(&keys.address())).await;
    let mut second = settings(&keys.address());
    second.peers.accounts = Some(format!("http://{}", whole.grpc()));
    let second = start_some(second, &[Service::Sessions]).await;
    // Time goes on meanwhile, and with it a little is earned.
    assert!((6..=8).contains(&passed(&whole, 6).await));
    let rest = passed(&second, 20).await;
    assert!((4..8).contains(&rest), "{rest} more in the other process");
    assert!(passed(&whole, 20).await < 4);
    second.shutdown().await.unwrap();
    whole.shutdown().await.unwrap();
}

#[tokio::test]
async fn without_its_redis_a_process_counts_alone_and_soon() {
    let running = start(settings(&format!("redis://127.0.0.1:{}", free_port().await))).await;
    let start = Instant::now();
    let alone = passed(&running, 30).await;
    assert!((PER_MINUTE..PER_MINUTE + 4).contains(&alone), "{alone}");
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    running.shutdown().await.unwrap();
}
