//! Errors reach the caller whole, and the same on both ways.

use std::time::Duration;

use plaza_core::{Code, Error, reason};

use crate::sample::*;
use crate::world::{World, both, nobody};

fn fail(how: fail_request::How) -> FailRequest {
    FailRequest { how: Some(how) }
}

#[tokio::test]
async fn every_reason_survives_with_all_it_carries() {
    both(|_, client| async move {
        // A service that hears that its credentials are not valid does not pass it on: `authorise` tests that.
        let credentials = [reason::CREDENTIALS_INVALID, reason::CREDENTIALS_EXPIRED];
        for reason in reason::ALL.iter().filter(|reason| !credentials.contains(reason)) {
            let failure = Failure {
                reason: reason.name.to_owned(),
                field: "posts[3].text".to_owned(),
                retry_ms: 1_500,
                fact: "17".to_owned(),
            };
            let error = client.fail(&nobody(), fail(fail_request::How::Failure(failure))).await.unwrap_err();
            assert_eq!((error.code(), error.reason(), error.text()), (reason.code, reason.name, reason.help));
            if reason.code == Code::Internal {
                continue;
            }
            assert_eq!(error.violations()[0].field, "posts[3].text");
            assert_eq!(error.retry_delay(), Some(Duration::from_millis(1_500)));
            assert_eq!(error.metadata(), [("fact".into(), "17".to_owned())]);
        }
    })
    .await;
}

/// What an error tells besides the trace, which only a call that came over gRPC has for certain.
fn facts(error: &Error) -> Vec<&str> {
    error.metadata().iter().map(|(key, _)| &**key).filter(|key| *key != "trace_id").collect()
}

#[tokio::test]
async fn what_is_for_the_log_alone_stays_there() {
    both(|_, client| async move {
        let cx = nobody();
        let error = client.fail(&cx, FailRequest::default()).await.unwrap_err();
        assert_eq!((error.code(), error.reason()), (Code::Internal, reason::INTERNAL.name));
        assert_eq!(facts(&error), ["kept"]);
        assert!(!format!("{error:?}").contains("crossed"));
        assert_eq!(cx.take_outcome().degraded, ["sample-cache"], "an error tells what was degraded too");
    })
    .await;
}

#[tokio::test]
async fn a_panic_is_an_internal_error_and_the_process_lives() {
    both(|_, client| async move {
        let error = client.fail(&nobody(), fail(fail_request::How::Panic(true))).await.unwrap_err();
        assert_eq!((error.code(), facts(&error)), (Code::Internal, Vec::new()));
        client.echo(&nobody(), EchoRequest::default()).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_success_tells_what_was_degraded_and_written() {
    both(|_, client| async move {
        let cx = nobody();
        client.fail(&cx, fail(fail_request::How::Degrade(true))).await.unwrap();
        let outcome = cx.take_outcome();
        assert_eq!(
            (outcome.token.to_string(), outcome.degraded),
            ("sample=9".to_owned(), vec!["sample-cache".to_owned()])
        );
    })
    .await;
}

#[tokio::test]
async fn calls_are_counted_by_code() {
    let world = World::new().await;
    world.remote().echo(&nobody(), EchoRequest::default()).await.unwrap();
    world.local().echo(&nobody(), EchoRequest { times: -1, ..Default::default() }).await.unwrap_err();
    let text = world.gate.metrics().render();
    let count = |code: &str| {
        format!(
            "plaza_rpc_requests_total{{code=\"{code}\",method=\"Echo\",service=\"plaza.sample.v1.SampleService\"}} 1"
        )
    };
    assert!(text.contains(&count("OK")) && text.contains(&count("INVALID_ARGUMENT")), "{text}");
    let idle = "plaza_rpc_in_flight{method=\"Echo\",service=\"plaza.sample.v1.SampleService\"} 0";
    assert!(text.contains(idle), "{text}");
}
