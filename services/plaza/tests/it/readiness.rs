//! What a process says of what it needs.

use std::net::SocketAddr;
use std::time::Duration;

use plaza::config::{Service, Settings};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::platform::{free_port, start_some};

async fn get(address: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

/// Asks until the answer holds `expected`.
async fn until(address: SocketAddr, path: &str, expected: &str) -> String {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let answer = get(address, path).await;
        if answer.contains(expected) {
            return answer;
        }
        assert!(Instant::now() < end, "no `{expected}` in {answer}");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_missing_peer_is_named_and_the_process_stays_ready() {
    let address = SocketAddr::from(([127, 0, 0, 1], free_port().await));
    let mut settings = Settings::ephemeral();
    let nowhere = Some(format!("http://{address}"));
    settings.peers.accounts = nowhere.clone();
    settings.peers.graph = nowhere.clone();
    settings.peers.sessions = nowhere;
    settings.secret = Some("5e".repeat(32).parse().unwrap());
    let posts = start_some(settings.clone(), &[Service::Posts]).await;
    let answer = until(posts.admin(), "/readyz", "dependency accounts: missing (PEER_UNAVAILABLE)\n").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    until(posts.admin(), "/readyz", "dependency posts-store: up, critical to plaza.posts.v1.PostsService\n").await;
    let metrics = until(posts.admin(), "/metrics", "plaza_dependency_up{dependency=\"accounts\"} 0\n").await;
    assert!(metrics.contains("plaza_dependency_up{dependency=\"posts-store\"} 1\n"), "{metrics}");

    // The peers come; nothing has to be restarted.
    let others = Settings { grpc_address: address, secret: settings.secret.clone(), ..Settings::ephemeral() };
    let others = start_some(others, &[Service::Accounts, Service::Sessions, Service::Graph]).await;
    until(posts.admin(), "/readyz", "dependency accounts: up\n").await;
    until(posts.admin(), "/metrics", "plaza_peer_machines_up{peer=\"graph\"} 1\n").await;
    assert!(!get(others.admin(), "/readyz").await.contains("dependency graph:"), "what runs here is no peer");
    posts.shutdown().await.unwrap();
    others.shutdown().await.unwrap();
}
