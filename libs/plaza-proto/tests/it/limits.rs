//! How much each caller may ask for.

use std::time::Duration;

use plaza_core::{Code, Error, Result, reason};
use tonic_types::StatusExt as _;

use crate::sample::*;
use crate::world::{Options, START, World, nobody};

async fn limited(per_minute: u32) -> World {
    World::with(Options { per_minute: Some(per_minute), ..Options::default() }).await
}

/// The token of a user whose session outlives the test.
fn token(account: i64) -> String {
    format!("user.{account}.1.{}", START.plus_ms(3_600_000).0)
}

async fn echo(client: &SampleServiceClient) -> Result<()> {
    client.echo(&nobody(), EchoRequest::default()).await.map(drop)
}

async fn refused(client: &SampleServiceClient) -> Error {
    let error = echo(client).await.unwrap_err();
    assert!(error.is(reason::RATE_LIMITED) && error.code() == Code::ResourceExhausted, "{error:?}");
    error
}

#[tokio::test]
async fn each_user_and_each_address_has_a_limit_of_its_own() {
    let world = limited(10).await;
    let (ada, ben, stranger) = (world.bearer(&token(1)), world.bearer(&token(2)), world.stranger());
    for client in [&ada, &ben, &stranger] {
        for _ in 0..10 {
            echo(client).await.unwrap();
        }
    }
    let error = refused(&ada).await;
    assert_eq!(error.retry_delay(), Some(Duration::from_secs(6)));
    assert_eq!(error.metadata(), [("per_minute".into(), "10".to_owned()), ("subject".into(), "account:1".to_owned())]);
    let error = refused(&stranger).await;
    assert!(error.metadata().contains(&("subject".into(), "address:127.0.0.1".to_owned())), "{error:?}");
    let metrics = world.gate.metrics().render();
    assert!(metrics.contains("plaza_rpc_limited_total 2"), "{metrics}");
    world.clock.advance(6_000);
    echo(&ada).await.unwrap();
    refused(&ada).await;
}

#[tokio::test]
async fn services_operators_and_this_process_have_none() {
    let world = limited(1).await;
    let operator = SampleServiceClient::remote(world.channel().with_key(world.gate.service_key())).as_service("admin");
    for client in [world.remote(), operator, world.local(), world.local_nobody()] {
        for _ in 0..3 {
            echo(&client).await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_call_costs_what_its_method_says_and_wrong_ones_and_streams_cost_too() {
    let world = limited(10).await;
    let stranger = world.stranger();
    // The first is not valid, which is found after it was paid for.
    let create = |request_id: &str| CreateThingRequest { request_id: request_id.to_owned(), ..Default::default() };
    let error = stranger.create_thing(&nobody(), create("1")).await.unwrap_err();
    assert!(error.is(reason::INVALID_FIELDS), "{error:?}");
    stranger.create_thing(&nobody(), create("00000000-0000-4000-8000-000000000001")).await.unwrap();
    assert_eq!(refused(&stranger).await.retry_delay(), Some(Duration::from_secs(6)));
    let error = stranger.count(&nobody(), CountRequest::default()).await.err().unwrap();
    assert!(error.is(reason::RATE_LIMITED), "{error:?}");
}

#[tokio::test]
async fn a_refusal_carries_the_quota_and_when_to_come_back() {
    let world = limited(1).await;
    let mut grpc = tonic::client::Grpc::new(
        tonic::transport::Endpoint::from_shared(format!("http://{}", world.address)).unwrap().connect().await.unwrap(),
    );
    let path = || http::uri::PathAndQuery::from_static("/plaza.sample.v1.SampleService/Echo");
    let codec = tonic_prost::ProstCodec::<EchoRequest, EchoResponse>::default;
    for _ in 0..2 {
        grpc.ready().await.unwrap();
        let answer = grpc.unary(tonic::Request::new(EchoRequest::default()), path(), codec()).await;
        let Err(status) = answer else { continue };
        let quota = status.get_details_quota_failure().expect("QuotaFailure");
        assert_eq!(quota.violations[0].subject, "address:127.0.0.1");
        assert_eq!(quota.violations[0].description, "at most 1 a minute");
        let retry = status.get_details_retry_info().expect("RetryInfo");
        assert_eq!(retry.retry_delay, Some(Duration::from_secs(60)));
        assert_eq!(status.get_details_error_info().expect("ErrorInfo").reason, "RATE_LIMITED");
        return;
    }
    panic!("nothing was refused");
}
