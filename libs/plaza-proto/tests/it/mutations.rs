//! The identity of a mutation.

use plaza_core::{Code, TraceContext, reason};

use crate::sample::*;
use crate::world::{both, nobody, user};

const ID: &str = "6fa459ea-ee8a-4ca4-894e-db77e160355e";

fn thing(id: &str, name: &str) -> CreateThingRequest {
    CreateThingRequest { request_id: id.to_owned(), name: name.to_owned() }
}

#[tokio::test]
async fn a_second_call_waits_for_the_first() {
    both(|world, client| async move {
        let first = tokio::spawn({
            let client = client.clone();
            async move { client.create_thing(&user(1), thing(ID, "wait")).await }
        });
        world.waiting.notified().await;
        let error = client.create_thing(&user(1), thing(ID, "wait")).await.unwrap_err();
        assert_eq!((error.code(), error.reason()), (Code::Aborted, reason::REQUEST_IN_FLIGHT.name));
        assert!(error.retry_delay().is_some());
        client.create_thing(&user(2), thing(ID, "")).await.unwrap();
        world.go.notify_one();
        first.await.unwrap().unwrap();
        client.create_thing(&user(1), thing(ID, "")).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_call_that_is_given_up_is_no_longer_in_flight() {
    both(|world, client| async move {
        let first = tokio::spawn({
            let client = client.clone();
            async move { client.create_thing(&nobody(), thing(ID, "wait")).await }
        });
        world.waiting.notified().await;
        first.abort();
        let again = async {
            // Over gRPC the server learns of it by a message.
            while client.create_thing(&nobody(), thing(ID, "")).await.is_err_and(|e| e.is(reason::REQUEST_IN_FLIGHT)) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(10), again).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn the_same_request_has_the_same_digest_and_another_has_not() {
    let mut digests = Vec::new();
    let world = crate::world::World::new().await;
    for client in [world.local(), world.remote()] {
        let of = async |name: &str| client.create_thing(&user(1), thing(ID, name)).await.unwrap();
        let (one, same, other) = (of("a").await, of("a").await, of("b").await);
        assert_eq!((one.caller, &*one.method, one.digest.len()), (1, "CreateThing", 16));
        assert_eq!(one.digest, same.digest);
        assert_ne!(one.digest, other.digest);
        digests.push(one.digest);
        let anonymous = client.create_thing(&nobody(), thing(ID, "a")).await.unwrap();
        assert_eq!(anonymous.caller, 0);
    }
    assert_eq!(digests[0], digests[1], "a call in this process and one over gRPC are the same request");
}

#[tokio::test]
async fn a_mutation_has_a_trace_for_its_outbox_row_and_its_write_comes_back() {
    both(|_, client| async move {
        let cx = nobody();
        let made = client.create_thing(&cx, thing(ID, "")).await.unwrap();
        assert!(TraceContext::parse(&made.trace).is_some(), "{}", made.trace);
        assert_eq!(cx.take_outcome().token.to_string(), "sample=3");
        let trace = TraceContext::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        let made = client.create_thing(&nobody().with_trace(trace), thing(ID, "")).await.unwrap();
        assert_eq!(TraceContext::parse(&made.trace), trace);
    })
    .await;
}

#[tokio::test]
async fn a_request_id_must_be_a_uuid() {
    both(|_, client| async move {
        for id in ["", "x", "6fa459eaee8a4ca4894edb77e160355e"] {
            let error = client.create_thing(&nobody(), thing(id, "")).await.unwrap_err();
            assert_eq!((error.reason(), &*error.violations()[0].field), ("INVALID_FIELDS", "request_id"));
        }
    })
    .await;
}
