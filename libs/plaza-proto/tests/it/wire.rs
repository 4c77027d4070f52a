//! Bad input and odd clients, byte by byte: each gets the right code and reason, none INTERNAL or UNKNOWN.

use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use plaza_core::{Reason, reason};
use plaza_rpc::{CallLimits, ServeConfig};
use prost::Message as _;
use tokio::net::TcpStream;
use tonic::Status;
use tonic::body::Body;
use tonic::codec::CompressionEncoding;
use tonic::transport::Endpoint;
use tonic_prost::ProstCodec;
use tonic_types::StatusExt as _;

use crate::sample::*;
use crate::world::{Options, World, nobody};

const ECHO: &str = "/plaza.sample.v1.SampleService/Echo";
const COUNT: &str = "/plaza.sample.v1.SampleService/Count";
const RELAY: &str = "/plaza.sample.v1.SampleService/Relay";

/// A message as gRPC frames it.
fn framed(message: &[u8]) -> Bytes {
    let mut body = BytesMut::new();
    body.put_u8(0);
    body.put_u32(u32::try_from(message.len()).unwrap());
    body.put_slice(message);
    body.freeze()
}

/// Sends a request as it is: tonic's client would add to it, and time it.
async fn send(world: &World, request: http::Request<Body>) -> hyper::Result<http::Response<Incoming>> {
    let stream = TcpStream::connect(world.address).await.unwrap();
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    sender.send_request(request).await
}

fn post(path: &str, headers: &[(&str, &str)], body: Body) -> http::Request<Body> {
    let mut request = http::Request::post(format!("http://plaza{path}")).body(body).unwrap();
    request.headers_mut().insert("content-type", http::HeaderValue::from_static("application/grpc"));
    for (name, value) in headers {
        let name = http::HeaderName::try_from(*name).unwrap();
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    request
}

/// What came back: HTTP's status and gRPC's.
async fn raw(world: &World, path: &str, headers: &[(&str, &str)], body: Bytes) -> (http::StatusCode, Option<Status>) {
    let response = send(world, post(path, headers, Body::new(Full::new(body)))).await.unwrap();
    let (head, body) = response.into_parts();
    let trailers = body.collect().await.unwrap().trailers().cloned();
    let status = Status::from_header_map(&head.headers).or_else(|| Status::from_header_map(&trailers?));
    (head.status, status)
}

async fn refused(world: &World, path: &str, headers: &[(&str, &str)], body: Bytes, expected: Reason) -> Status {
    let (http, status) = raw(world, path, headers, body).await;
    let status = status.expect("a status");
    assert_eq!(http, 200);
    assert_eq!(status.code() as i32, expected.code as i32, "{expected:?}: {status:?}");
    let info = status.get_details_error_info().expect("ErrorInfo");
    assert_eq!((&*info.reason, &*info.domain), (expected.name, "plaza"), "{status:?}");
    status
}

#[tokio::test]
async fn bodies_that_are_no_message() {
    let world = World::new().await;
    let good = framed(&EchoRequest { text: "hello".to_owned(), times: 1 }.encode_to_vec());
    let (_, status) = raw(&world, ECHO, &[], good.clone()).await;
    assert_eq!(status.unwrap().code(), tonic::Code::Ok);
    for (what, body) in [
        ("nothing", Bytes::new()),
        ("half a prefix", good.slice(..3)),
        ("half a message", good.slice(..good.len() - 1)),
        ("no UTF-8", framed(b"\x0a\x02\xff\xfe")),
        ("another type", framed(b"\x12\x01\x00")),
        ("noise", framed(b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff")),
        ("a compressed flag", Bytes::from_static(b"\x01\x00\x00\x00\x00")),
        ("an unknown flag", Bytes::from_static(b"\x07\x00\x00\x00\x00")),
    ] {
        let status = refused(&world, ECHO, &[], body, reason::MALFORMED_REQUEST).await;
        assert!(!status.message().is_empty(), "{what}");
    }
    refused(&world, ECHO, &[("grpc-encoding", "snappy")], good.clone(), reason::MALFORMED_REQUEST).await;
    refused(
        &world,
        ECHO,
        &[("grpc-encoding", "gzip")],
        Bytes::from_static(b"\x01\0\0\0\x02no"),
        reason::MALFORMED_REQUEST,
    )
    .await;
    world.remote().echo(&nobody(), EchoRequest::default()).await.unwrap();
}

#[tokio::test]
async fn messages_over_the_limit() {
    let world = World::new().await;
    let large = EchoRequest { text: "x".repeat(2 << 20), times: 0 };
    refused(&world, ECHO, &[], framed(&large.encode_to_vec()), reason::MESSAGE_TOO_LARGE).await;
    // Only the prefix says so.
    refused(&world, ECHO, &[], Bytes::from_static(b"\0\xff\xff\xff\xff"), reason::MESSAGE_TOO_LARGE).await;
    let error = world.remote().echo(&nobody(), large.clone()).await.unwrap_err();
    assert!(error.is(reason::MESSAGE_TOO_LARGE), "{error}");
    let error = gzip(&world, large).await.unwrap_err();
    assert_eq!(error.get_details_error_info().unwrap().reason, reason::MESSAGE_TOO_LARGE.name);

    let answer = EchoRequest { text: "x".repeat(1_000), times: 5_000 };
    let error = world.remote().echo(&nobody(), answer).await.unwrap_err();
    assert!(error.is(reason::MESSAGE_TOO_LARGE), "{error}");
}

/// A call with gzip both ways.
async fn gzip(world: &World, request: EchoRequest) -> Result<tonic::Response<EchoResponse>, Status> {
    let channel = Endpoint::from_shared(format!("http://{}", world.address)).unwrap().connect_lazy();
    let mut grpc = tonic::client::Grpc::new(channel)
        .send_compressed(CompressionEncoding::Gzip)
        .accept_compressed(CompressionEncoding::Gzip);
    grpc.ready().await.unwrap();
    let path = http::uri::PathAndQuery::from_static(ECHO);
    grpc.unary(tonic::Request::new(request), path, ProstCodec::default()).await
}

#[tokio::test]
async fn gzip_both_ways() {
    let world = World::new().await;
    for (text, encoding) in [("hello".to_owned(), None), ("hello ".repeat(1_000), Some("gzip"))] {
        let answer = gzip(&world, EchoRequest { text: text.clone(), times: 1 }).await.unwrap();
        assert_eq!(answer.metadata().get("grpc-encoding").map(|v| v.to_str().unwrap()), encoding);
        assert_eq!(answer.into_inner().texts, [text]);
    }
}

#[tokio::test]
async fn methods_and_protocols_that_are_not_there() {
    let world = World::new().await;
    for path in [
        "/plaza.sample.v1.SampleService/Nope",
        "/plaza.sample.v1.Nope/Echo",
        "/plaza.sample.v1.SampleService",
        "/",
        "/grpc.health.v1.Health/Nope",
    ] {
        refused(&world, path, &[], framed(b""), reason::METHOD_UNKNOWN).await;
    }
    let (http, status) = raw(&world, ECHO, &[("content-type", "application/json")], Bytes::new()).await;
    assert_eq!((http, status.is_none()), (http::StatusCode::UNSUPPORTED_MEDIA_TYPE, true));
}

#[tokio::test]
async fn metadata_that_is_no_good() {
    let world = World::new().await;
    let body = || framed(b"");
    for timeout in ["", "5", "S", "-1S", "123456789m", "1x"] {
        let status = refused(&world, ECHO, &[("grpc-timeout", timeout)], body(), reason::INVALID_FIELDS).await;
        let details = status.get_error_details();
        assert_eq!(details.bad_request().unwrap().field_violations[0].field, "grpc-timeout");
    }
    refused(&world, ECHO, &[("grpc-timeout", "0n")], body(), reason::DEADLINE_EXCEEDED).await;
    refused(&world, ECHO, &[("plaza-token", "posts")], body(), reason::INVALID_FIELDS).await;
    refused(&world, ECHO, &[("authorization", "Basic eA==")], body(), reason::CREDENTIALS_INVALID).await;
    refused(&world, ECHO, &[("plaza-caller", "1")], body(), reason::CREDENTIALS_INVALID).await;
    let (_, status) = raw(&world, ECHO, &[("traceparent", "garbage"), ("plaza-token", "")], body()).await;
    assert_eq!(status.unwrap().code(), tonic::Code::Ok);
}

#[tokio::test]
async fn service_tokens_that_are_forged_or_expired() {
    let world = World::new().await;
    let token = world.gate.service_key().token("feeds").unwrap();
    let token = token.to_str().unwrap();
    let list = "/plaza.sample.v1.SampleService/ListAll";
    let call = |token: String| {
        let world = &world;
        async move {
            let (_, status) =
                raw(world, list, &[("plaza-service", &token), ("plaza-caller", "1.2")], framed(b"")).await;
            status.unwrap()
        }
    };
    assert_eq!(call(token.to_owned()).await.code(), tonic::Code::Ok);
    for forged in [token.replace("feeds", "admin"), format!("{token}x"), "feeds".to_owned(), String::new()] {
        let status = call(forged).await;
        assert_eq!(status.get_details_error_info().unwrap().reason, reason::CREDENTIALS_INVALID.name);
    }
    world.clock.advance(120_000);
    let status = call(token.to_owned()).await;
    assert_eq!(status.get_details_error_info().unwrap().reason, reason::CREDENTIALS_EXPIRED.name);
}

#[tokio::test]
async fn services_are_believed_their_names_only_where_that_is_set_and_operators_never() {
    let list = "/plaza.sample.v1.SampleService/ListAll";
    let reset = "/plaza.sample.v1.SampleService/Reset";
    let invalid = reason::CREDENTIALS_INVALID;
    refused(&World::new().await, list, &[("plaza-service", "feeds")], framed(b""), invalid).await;
    let world = World::with(Options { believes_names: true, ..Options::default() }).await;
    let (_, status) = raw(&world, list, &[("plaza-service", "feeds")], framed(b"")).await;
    assert_eq!(status.unwrap().code(), tonic::Code::Ok);
    for forged in ["admin", "feeds.1.x", "", "Feeds", "no name"] {
        refused(&world, list, &[("plaza-service", forged)], framed(b""), invalid).await;
    }
    refused(&world, reset, &[("plaza-service", "feeds")], framed(b""), reason::PERMISSION_DENIED).await;
    let token = world.gate.service_key().token("admin").unwrap();
    let (_, status) = raw(&world, reset, &[("plaza-service", token.to_str().unwrap())], framed(b"")).await;
    assert_eq!(status.unwrap().code(), tonic::Code::Ok);
}

#[tokio::test]
async fn a_call_that_names_no_time_gets_the_default_and_none_gets_more_than_the_most() {
    let limits = CallLimits {
        default_timeout: Duration::from_millis(60),
        max_timeout: Duration::from_millis(80),
        ..CallLimits::default()
    };
    let world = World::with(Options { limits, ..Options::default() }).await;
    let wait = framed(&RelayRequest { hops: 0, wait: true }.encode_to_vec());
    refused(&world, RELAY, &[], wait.clone(), reason::DEADLINE_EXCEEDED).await;
    refused(&world, RELAY, &[("grpc-timeout", "99H")], wait, reason::DEADLINE_EXCEEDED).await;
    // The body never comes; a stream's opening gets no more time than a single answer.
    for (path, headers) in [(ECHO, &[][..]), (COUNT, &[]), (COUNT, &[("grpc-timeout", "99999999H")])] {
        let stalled = futures::stream::pending::<Result<http_body::Frame<Bytes>, Status>>();
        let request = post(path, headers, Body::new(http_body_util::StreamBody::new(stalled)));
        let response = tokio::time::timeout(Duration::from_secs(10), send(&world, request)).await.unwrap().unwrap();
        assert_eq!(Status::from_header_map(response.headers()).unwrap().code(), tonic::Code::DeadlineExceeded);
    }
}

#[tokio::test]
async fn too_much_work_is_shed() {
    let serve = ServeConfig { max_calls: 1, max_streams: 1, ..ServeConfig::default() };
    let world = World::with(Options { serve, ..Options::default() }).await;
    let wait = FailRequest { how: Some(fail_request::How::Wait(true)) };
    let client = world.remote();
    let first = tokio::spawn(async move { client.fail(&nobody(), wait).await });
    world.waiting.notified().await;
    let error = world.remote().echo(&nobody(), EchoRequest::default()).await.unwrap_err();
    assert!(error.is(reason::OVERLOADED) && error.retry_delay().is_some(), "{error}");
    // Streams are counted apart, until they end.
    let stream = world.remote().count(&nobody(), CountRequest::default()).await.unwrap();
    let error = world.remote().count(&nobody(), CountRequest::default()).await.err().unwrap();
    assert!(error.is(reason::OVERLOADED), "{error}");
    drop(stream);
    world.go.notify_waiters();
    first.await.unwrap().unwrap();
    world.remote().echo(&nobody(), EchoRequest::default()).await.unwrap();
    assert!(world.gate.metrics().render().contains("plaza_rpc_shed_total 2"));
}

#[tokio::test]
async fn too_many_headers_are_refused() {
    let world = World::new().await;
    let long = "y".repeat(17_000);
    refused(&world, ECHO, &[("x-long", &long)], framed(b""), reason::MESSAGE_TOO_LARGE).await;
    let mut request = post(ECHO, &[], Body::new(Full::new(framed(b""))));
    for i in 0..80 {
        let name = http::HeaderName::try_from(format!("x-{i}")).unwrap();
        request.headers_mut().insert(name, "y".repeat(1_000).parse().unwrap());
    }
    let response = send(&world, request).await;
    assert!(response.is_err() || response.is_ok_and(|r| r.status() == 431));
    world.remote().echo(&nobody(), EchoRequest::default()).await.unwrap();
}
