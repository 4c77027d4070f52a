//! Health, and how a server ends.

use std::time::Duration;

use futures::StreamExt as _;
use plaza_core::{Code, Env, reason};
use plaza_rpc::server::{HttpFuture, HttpRequest};
use plaza_rpc::{Gate, Method, RpcService, ServeConfig, Server};
use tokio::net::TcpListener;
use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::{v1, v1alpha};
use tonic_types::StatusExt as _;

use crate::sample::*;
use crate::world::{Options, World, nobody};

const SERVICE: &str = "plaza.sample.v1.SampleService";

fn endpoint(world: &World) -> Endpoint {
    Endpoint::from_shared(format!("http://{}", world.address)).unwrap()
}

fn about(service: &str) -> HealthCheckRequest {
    HealthCheckRequest { service: service.to_owned() }
}

#[tokio::test]
async fn health_of_each_service_and_of_all() {
    let world = World::new().await;
    let mut health = HealthClient::new(endpoint(&world).connect_lazy());
    for service in ["", SERVICE] {
        let status = health.check(about(service)).await.unwrap().into_inner().status();
        assert_eq!(status, ServingStatus::Serving);
    }
    let unknown = health.check(about("nope")).await.unwrap_err();
    assert_eq!(unknown.code(), tonic::Code::NotFound);
    assert!(unknown.get_details_error_info().is_some());

    world.health.set(SERVICE, false);
    let status = health.check(about("")).await.unwrap().into_inner().status();
    assert_eq!(status, ServingStatus::NotServing);
}

#[tokio::test]
async fn health_flips_at_shutdown_and_its_watchers_are_let_go() {
    let world = World::new().await;
    let mut health = HealthClient::new(endpoint(&world).connect_lazy());
    let mut watch = health.watch(about(SERVICE)).await.unwrap().into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::Serving);
    world.gate.shutdown().cancel();
    assert_eq!(watch.message().await.unwrap().unwrap().status(), ServingStatus::NotServing);
    let end = watch.message().await.unwrap_err();
    assert_eq!(end.get_details_error_info().unwrap().reason, reason::SHUTTING_DOWN.name);
    world.shut_down().await;
}

#[tokio::test]
async fn work_in_hand_finishes_and_new_connections_are_refused() {
    let world = World::new().await;
    let wait = FailRequest { how: Some(fail_request::How::Wait(true)) };
    let client = world.remote();
    let working = tokio::spawn(async move { client.fail(&nobody(), wait).await });
    world.waiting.notified().await;
    world.gate.shutdown().cancel();
    let refused = async {
        while endpoint(&world).connect().await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), refused).await.unwrap();
    assert!(!working.is_finished());
    world.go.notify_one();
    working.await.unwrap().unwrap();
    world.shut_down().await;
}

#[tokio::test]
async fn work_that_does_not_finish_is_dropped_after_the_grace_period() {
    let serve = ServeConfig { grace: Duration::from_millis(50), ..ServeConfig::default() };
    let world = World::with(Options { serve, ..Options::default() }).await;
    let wait = FailRequest { how: Some(fail_request::How::Wait(true)) };
    let client = world.remote();
    let working = tokio::spawn(async move { client.fail(&nobody(), wait).await });
    world.waiting.notified().await;
    world.shut_down().await;
    assert!(working.await.unwrap().unwrap_err().is(reason::PEER_UNAVAILABLE));
}

#[tokio::test]
async fn connections_grow_old_and_calls_go_on() {
    let serve = ServeConfig { max_connection_age: Duration::from_millis(20), ..ServeConfig::default() };
    let world = World::with(Options { serve, ..Options::default() }).await;
    let client = world.remote();
    let start = tokio::time::Instant::now();
    while start.elapsed() < Duration::from_millis(200) {
        client.echo(&nobody(), EchoRequest::default()).await.unwrap();
    }
}

/// A service that forgot its methods.
struct Forgetful;

impl RpcService for Forgetful {
    fn name(&self) -> &'static str {
        SERVICE
    }

    fn methods(&self) -> &'static [Method] {
        &[]
    }

    fn call(&self, _: HttpRequest) -> HttpFuture {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn a_server_with_a_method_that_nobody_may_call_does_not_start() {
    let gate = Gate::builder(Env::system(), &crate::world::secret()).build();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = Server::new(&gate, ServeConfig::default()).mount(Forgetful).descriptors(DESCRIPTORS);
    let error = server.serve(listener).await.unwrap_err();
    assert_eq!(error.code(), Code::Internal);
}

#[tokio::test]
async fn both_reflections_tell_of_the_services_and_their_options() {
    let world = World::new().await;
    let channel = endpoint(&world).connect_lazy();

    let list = v1::server_reflection_request::MessageRequest::ListServices(String::new());
    let ask = v1::ServerReflectionRequest { host: String::new(), message_request: Some(list) };
    let mut client = v1::server_reflection_client::ServerReflectionClient::new(channel.clone());
    let mut answers = client.server_reflection_info(futures::stream::iter([ask])).await.unwrap().into_inner();
    let answer = answers.next().await.unwrap().unwrap().message_response.unwrap();
    let v1::server_reflection_response::MessageResponse::ListServicesResponse(services) = answer else {
        panic!("{answer:?}")
    };
    assert!(services.service.iter().any(|service| service.name == SERVICE), "{services:?}");

    let symbol = v1alpha::server_reflection_request::MessageRequest::FileContainingSymbol(SERVICE.to_owned());
    let ask = v1alpha::ServerReflectionRequest { host: String::new(), message_request: Some(symbol) };
    let mut client = v1alpha::server_reflection_client::ServerReflectionClient::new(channel);
    let mut answers = client.server_reflection_info(futures::stream::iter([ask])).await.unwrap().into_inner();
    let answer = answers.next().await.unwrap().unwrap().message_response.unwrap();
    let v1alpha::server_reflection_response::MessageResponse::FileDescriptorResponse(files) = answer else {
        panic!("{answer:?}")
    };
    assert!(!files.file_descriptor_proto.is_empty());
}
