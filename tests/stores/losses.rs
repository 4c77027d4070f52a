//! What is derived may be lost whole, under load: it is made again, and nothing is wrong meanwhile.

use plaza_core::reason;
use plaza_proto::sessions::v1::RefreshSessionRequest;
use plaza_testkit::person::request_id;
use plaza_testkit::{Backends, Sandbox, Store, wait};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::faults::{AUTHORS, nothing_lost_or_twice, recovered};
use crate::load::Crowd;

/// Sends a command to a Redis server.
async fn redis(backends: &mut Backends, store: Store, command: &str) {
    let mut stream = TcpStream::connect(backends.server(store).socket()).await.expect("redis");
    stream.write_all(format!("{command}\r\n").as_bytes()).await.expect("a command");
    let mut answer = [0; 5];
    stream.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(&answer, b"+OK\r\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_emptied_redis_makes_homes_slower_never_wrong_and_ends_sessions_clearly() {
    let Some(mut backends) = Backends::start().await else { return };
    let sandbox = Sandbox::cluster(&backends, &[]).await;
    let guest = sandbox.guest();
    let mut crowd = Crowd::start(&guest, "flushed", AUTHORS).await;
    recovered(&crowd, Instant::now(), "before").await;
    let began = Instant::now();
    for _ in 0..4 {
        redis(&mut backends, Store::RedisCache, "FLUSHALL").await;
        crowd.work().await;
    }
    // Every page was compared with what had to be on it: the crowd's record says what was wrong.
    let samples = crowd.between(began, Instant::now());
    let failed = samples.iter().find(|s| s.error.is_some());
    assert!(failed.is_none(), "losing feeds fails no call: {failed:?}");

    let lost = crowd.reader.tokens.clone();
    redis(&mut backends, Store::Redis, "FLUSHALL").await;
    let refresh = RefreshSessionRequest { request_id: request_id(), refresh_token: lost.refresh_token };
    let refused = guest.call(refresh).await.expect_err("the session is gone");
    assert!(refused.is(reason::REFRESH_TOKEN_INVALID), "{refused}");
    recovered(&crowd, Instant::now(), "after the loss of sessions").await;
    crowd.finish(&guest).await;
    nothing_lost_or_twice(&sandbox, &crowd, "flushed").await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_log_wiped_under_load_is_filled_again_from_the_outboxes() {
    let Some(mut backends) = Backends::start().await else { return };
    let sandbox = Sandbox::cluster(&backends, &[]).await;
    let guest = sandbox.guest();
    let mut crowd = Crowd::start(&guest, "wiped", AUTHORS).await;
    recovered(&crowd, Instant::now(), "before").await;
    backends.server(Store::Nats).kill().await;
    crowd.work().await;
    backends.server(Store::Nats).wipe();
    backends.server(Store::Nats).restart().await;
    crowd.work().await;
    let told = sandbox.run(&["rebuild", "--from-outbox"]).await;
    assert!(told.contains("posts"), "{told}");
    recovered(&crowd, Instant::now(), "after the loss of the log").await;
    crowd.finish(&guest).await;
    nothing_lost_or_twice(&sandbox, &crowd, "wiped").await;
    sandbox.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_restarted_in_turn_and_all_in_a_row_fail_no_call_that_is_made_twice() {
    let Some(backends) = Backends::start().await else { return };
    let mut sandbox = Sandbox::cluster_of_twos(&backends, &[]).await;
    let guest = sandbox.guest();
    let mut crowd = Crowd::start(&guest, "rolled", AUTHORS).await;
    recovered(&crowd, Instant::now(), "before").await;
    let began = Instant::now();
    for process in 0..sandbox.processes() {
        sandbox.roll(process).await;
        crowd.work().await;
    }
    let ended = Instant::now();
    crowd.finish(&guest).await;
    let samples = crowd.between(began, ended);
    let failed: Vec<_> = samples.iter().filter(|s| s.again && s.error.is_some()).collect();
    assert!(failed.is_empty(), "calls that failed twice: {failed:?}");
    nothing_lost_or_twice(&sandbox, &crowd, "rolled").await;
    let home = || async { crowd.reader.home(&plaza_core::Token::default(), 5).await.ok() };
    wait::until("a page after all", home).await;
    sandbox.stop().await;
}
