//! Traces reach a collector.
#![cfg(feature = "otlp")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use plaza_rpc::telemetry::{self, SPANS, TelemetryConfig};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// Takes what comes, and hands on the path and the body of each request.
async fn collect(listener: TcpListener, seen: mpsc::Sender<(String, Bytes)>) {
    let (stream, _) = listener.accept().await.unwrap();
    let service = service_fn(move |request: http::Request<Incoming>| {
        let seen = seen.clone();
        async move {
            let path = request.uri().path().to_owned();
            let body = request.into_body().collect().await.unwrap().to_bytes();
            seen.send((path, body)).await.unwrap();
            let mut trailers = http::HeaderMap::new();
            trailers.insert("grpc-status", http::HeaderValue::from_static("0"));
            let frames = [Frame::data(Bytes::from_static(&[0; 5])), Frame::trailers(trailers)];
            let body = StreamBody::new(futures::stream::iter(frames.map(Ok::<_, Infallible>)));
            let response = http::Response::builder().header("content-type", "application/grpc");
            response.body(body)
        }
    });
    http2::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spans_of_calls_are_exported_and_nothing_else() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let (sender, mut seen) = mpsc::channel(8);
    tokio::spawn(collect(listener, sender));
    let config = TelemetryConfig {
        otlp_endpoint: Some(endpoint),
        service_name: "plaza-test".to_owned(),
        ..TelemetryConfig::default()
    };
    let telemetry = telemetry::init(&config).unwrap();
    assert!(telemetry::init(&config).is_err(), "there is one of it");
    tracing::debug_span!(target: SPANS, "call", otel.name = "SampleService/Echo").in_scope(|| {});
    tracing::debug_span!(target: "hyper", "of the transport").in_scope(|| {});
    let sent = tokio::task::spawn_blocking(move || drop(telemetry));
    let (path, body) = tokio::time::timeout(Duration::from_secs(10), seen.recv()).await.unwrap().unwrap();
    sent.await.unwrap();
    assert_eq!(path, "/opentelemetry.proto.collector.trace.v1.TraceService/Export");
    let holds = |text: &str| body.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(holds("SampleService/Echo") && holds("plaza-test"));
    assert!(!holds("of the transport"));
}
