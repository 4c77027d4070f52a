//! A server of a test's own: killed, stopped, started again, wiped.
#![expect(clippy::unwrap_used, reason = "what fails to unwrap in a helper is the test's failure")]

use std::time::Duration;

use plaza_servers::{Kind, answers};
use plaza_testkit::{Server, Store};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Short enough that a stopped server is told from a slow one by the same question.
const ANSWER: Duration = Duration::from_millis(500);

async fn serves(kind: Kind, server: &Server) -> bool {
    let address = server.address();
    tokio::task::spawn_blocking(move || answers(kind, &address, ANSWER)).await.unwrap().is_ok()
}

/// One command of Redis, and what it says.
async fn redis(server: &Server, command: &str) -> String {
    let address = server.address();
    let mut stream = TcpStream::connect(address.trim_start_matches("redis://")).await.unwrap();
    stream.write_all(format!("{command}\r\n").as_bytes()).await.unwrap();
    let mut answer = [0; 64];
    let count = stream.read(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer[..count]).into_owned()
}

#[tokio::test]
async fn what_redis_acknowledged_is_there_after_a_kill_and_gone_after_a_wipe() {
    let Some(mut server) = Server::start(Store::Redis).await else { return };
    assert_eq!(redis(&server, "SET a 1").await, "+OK\r\n");
    server.kill().await;
    assert!(!serves(Kind::Redis, &server).await);
    server.restart().await;
    assert_eq!(redis(&server, "GET a").await, "$1\r\n1\r\n");
    server.stop().await;
    server.wipe();
    server.restart().await;
    assert_eq!(redis(&server, "GET a").await, "$-1\r\n");
}

#[tokio::test]
async fn a_cache_forgets_when_it_is_killed() {
    let Some(mut server) = Server::start(Store::RedisCache).await else { return };
    assert_eq!(redis(&server, "SET a 1").await, "+OK\r\n");
    server.kill().await;
    server.restart().await;
    assert_eq!(redis(&server, "GET a").await, "$-1\r\n");
}

#[tokio::test]
async fn a_server_that_is_stopped_is_silent_until_it_goes_on() {
    for (store, kind) in [(Store::Postgres, Kind::Postgres), (Store::Redis, Kind::Redis), (Store::Nats, Kind::Nats)] {
        let Some(server) = Server::start(store).await else { continue };
        server.pause();
        assert!(!serves(kind, &server).await, "{} is stopped", store.name());
        server.resume();
        plaza_testkit::wait::until("a server to go on", async || serves(kind, &server).await.then_some(())).await;
    }
}

#[tokio::test]
async fn every_server_comes_back_after_a_kill() {
    for store in [Store::Postgres, Store::Nats, Store::Neo4j] {
        let Some(mut server) = Server::start(store).await else { continue };
        let address = server.address();
        server.kill().await;
        server.restart().await;
        assert_eq!(server.address(), address);
    }
}
