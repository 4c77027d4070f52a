//! The operators' door.

use plaza_core::{Error, reason};
use plaza_rpc::{Dependencies, Dependency, admin};
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
    let service = SampleServiceServer::NAME;
    let store = Dependency::new("store", |_| Box::pin(async { Err(Error::new(reason::STORE_UNAVAILABLE)) }));
    let dependencies = Dependencies::new(&world.health, vec![store.critical_to(service)]);
    let door = tokio::spawn(admin::serve(listener, metrics, dependencies.clone(), shutdown.clone()));
    world.remote().echo(&nobody(), EchoRequest::default()).await.unwrap();

    let metrics = get(address, "/metrics").await;
    assert!(metrics.starts_with("HTTP/1.1 200") && metrics.contains("plaza_rpc_requests_total"), "{metrics}");
    let ready = get(address, "/readyz").await;
    assert!(ready.starts_with("HTTP/1.1 200") && ready.contains("\r\n\r\nready\n"), "{ready}");
    assert!(ready.contains(&format!("service {service}: serving\n")), "{ready}");
    assert!(ready.ends_with(&format!("dependency store: not asked yet, critical to {service}\n")), "{ready}");
    assert!(get(address, "/nope").await.starts_with("HTTP/1.1 404"));

    let asking = tokio::spawn(async move { dependencies.run(shutdown).await });
    let unready = loop {
        let answer = get(address, "/readyz").await;
        if answer.starts_with("HTTP/1.1 503") {
            break answer;
        }
    };
    assert!(unready.contains("\r\n\r\nnot ready\n"), "{unready}");
    assert!(unready.contains("dependency store: missing (STORE_UNAVAILABLE), critical to"), "{unready}");
    for path in ["/livez", "/healthz"] {
        let alive = get(address, path).await;
        assert!(
            alive.starts_with("HTTP/1.1 200") && alive.ends_with("alive\n"),
            "liveness depends on nothing: {alive}"
        );
    }
    world.shut_down().await;
    door.await.unwrap();
    asking.await.unwrap();
}
