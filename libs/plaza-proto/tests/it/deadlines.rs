//! Time runs out.

use std::time::Duration;

use plaza_core::{Caller, Code, TraceContext, reason};
use plaza_rpc::{CallLimits, Cx};
use tokio::time::Instant;

use crate::sample::*;
use crate::world::{Options, World, both, nobody, within};

/// Three servers, each of which calls the next over gRPC; the first comes first.
async fn three(last: CallLimits) -> [World; 3] {
    let last = World::with(Options { limits: last, ..Options::default() }).await;
    let middle = World::with(Options { next: Some(last.remote()), ..Options::default() }).await;
    let first = World::with(Options { next: Some(middle.remote()), ..Options::default() }).await;
    [first, middle, last]
}

#[tokio::test]
async fn the_budget_runs_out_at_the_third_hop() {
    let [first, _middle, last] = three(CallLimits::default()).await;
    for client in [first.remote(), first.local()] {
        let (cx, start) = (within(Duration::from_millis(200)), Instant::now());
        let error = client.relay(&cx, RelayRequest { hops: 2, wait: true }).await.unwrap_err();
        assert_eq!((error.code(), error.reason()), (Code::DeadlineExceeded, reason::DEADLINE_EXCEEDED.name));
        assert!(start.elapsed() >= Duration::from_millis(150), "{:?}", start.elapsed());
    }
    // The third hop gave up as well: by its own clock, or because the second was a little faster.
    let given_up = async {
        let counted = |code: &str| last.gate.metrics().render().contains(&format!("code=\"{code}\",method=\"Relay\""));
        while !counted("DEADLINE_EXCEEDED") && !counted("CANCELLED") {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), given_up).await.unwrap();
}

#[tokio::test]
async fn the_third_hops_own_deadline_is_told_to_the_first() {
    let last = CallLimits { max_timeout: Duration::from_millis(50), ..CallLimits::default() };
    let [first, _middle, last] = three(last).await;
    for client in [first.remote(), first.local()] {
        let error = client.relay(&nobody(), RelayRequest { hops: 2, wait: true }).await.unwrap_err();
        assert_eq!((error.code(), error.reason()), (Code::DeadlineExceeded, reason::DEADLINE_EXCEEDED.name));
    }
    let text = last.gate.metrics().render();
    let service = "service=\"plaza.sample.v1.SampleService\"";
    let counted = format!("plaza_rpc_requests_total{{code=\"DEADLINE_EXCEEDED\",method=\"Relay\",{service}}} 2");
    assert!(text.contains(&counted), "{text}");
}

#[tokio::test]
async fn each_hop_has_less_time_and_their_writes_come_back() {
    let [first, _middle, _last] = three(CallLimits::default()).await;
    let trace = TraceContext::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").unwrap();
    let cx = within(Duration::from_secs(4)).with_trace(Some(trace));
    let answer = first.remote().relay(&cx, RelayRequest { hops: 2, wait: false }).await.unwrap();
    let left = answer.remaining_ms;
    assert!(left.len() == 3 && left[0] < left[1] && left[1] < left[2] && left[2] < 4_000, "{left:?}");
    assert_eq!(answer.trace, trace.to_string());
    assert_eq!(cx.take_outcome().token.to_string(), "sample=3");
}

#[tokio::test]
async fn a_deadline_that_is_past_is_told_at_once() {
    both(|world, client| async move {
        let cx = Cx::new(Caller::default(), Instant::now());
        let error = client.echo(&cx, EchoRequest::default()).await.unwrap_err();
        assert!(error.is(reason::DEADLINE_EXCEEDED), "{error}");
        assert_eq!(error.code(), Code::DeadlineExceeded);
        drop(world);
    })
    .await;
}

#[tokio::test]
async fn a_peer_that_is_away_is_unavailable() {
    let world = World::new().await;
    let client = world.remote();
    world.shut_down().await;
    let error = client.echo(&nobody(), EchoRequest::default()).await.unwrap_err();
    assert_eq!((error.code(), error.reason()), (Code::Unavailable, reason::PEER_UNAVAILABLE.name));
    assert!(error.is_transient());
}
