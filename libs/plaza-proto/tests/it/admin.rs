//! The operators' door.

use plaza_rpc::admin;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::sample::*;
use crate::world::{World, nobody};

async fn get(address: std::net::SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn metrics_and_health_over_http() {
    let world = World::new().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (metrics, shutdown) = (world.gate.metrics().clone(), world.gate.shutdown().clone());
    let door = tokio::spawn(admin::serve(listener, metrics, world.health.clone(), shutdown));
    world.remote().echo(&nobody(), EchoRequest::default()).await.unwrap();

    let metrics = get(address, "/metrics").await;
    assert!(metrics.starts_with("HTTP/1.1 200") && metrics.contains("plaza_rpc_requests_total"), "{metrics}");
    assert!(get(address, "/healthz").await.ends_with("alive\n"));
    assert!(get(address, "/readyz").await.starts_with("HTTP/1.1 200"));
    assert!(get(address, "/nope").await.starts_with("HTTP/1.1 404"));
    world.health.set("plaza.sample.v1.SampleService", false);
    assert!(get(address, "/readyz").await.starts_with("HTTP/1.1 503"));
    world.shut_down().await;
    door.await.unwrap();
}
