//! Streams of answers.

use std::time::Duration;

use futures::StreamExt as _;
use plaza_core::{AccountId, Caller, Code, SessionId, reason};
use plaza_rpc::Stream;

use crate::sample::*;
use crate::world::{both, by, nobody};

async fn take(stream: &mut Stream<CountResponse>, n: usize) -> Vec<i32> {
    stream.take(n).map(|item| item.unwrap().number).collect().await
}

fn count(to: i32, end: End) -> CountRequest {
    CountRequest { to, end: end.into() }
}

#[tokio::test]
async fn items_come_in_order_and_the_end_is_the_end() {
    both(|_, client| async move {
        let cx = nobody();
        let mut stream = client.count(&cx, count(500, End::Well)).await.unwrap();
        assert_eq!(cx.take_outcome().token.to_string(), "sample=5");
        assert_eq!(take(&mut stream, 1_000).await, (1..=500).collect::<Vec<i32>>());
        assert!(stream.next().await.is_none());
    })
    .await;
}

#[tokio::test]
async fn a_stream_may_fail_or_panic() {
    both(|_, client| async move {
        let mut stream = client.count(&nobody(), count(1, End::Fail)).await.unwrap();
        assert_eq!(take(&mut stream, 1).await, [1]);
        let error = stream.next().await.unwrap().unwrap_err();
        assert_eq!((error.code(), error.reason()), (Code::NotFound, reason::POST_NOT_FOUND.name));
        assert!(stream.next().await.is_none());

        let mut stream = client.count(&nobody(), count(0, End::Panic)).await.unwrap();
        let error = stream.next().await.unwrap().unwrap_err();
        assert_eq!(error.code(), Code::Internal);
        client.echo(&nobody(), EchoRequest::default()).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_stream_outlives_the_deadline_of_its_opening() {
    both(|world, client| async move {
        let cx = crate::world::within(Duration::from_millis(200));
        let mut stream = client.count(&cx, count(1, End::Unspecified)).await.unwrap();
        assert_eq!(take(&mut stream, 1).await, [1]);
        tokio::time::sleep_until(cx.deadline() + Duration::from_millis(50)).await;
        world.go.notify_one();
        assert_eq!(take(&mut stream, 1).await, [-1]);
    })
    .await;
}

#[tokio::test]
async fn a_stream_ends_when_its_session_is_revoked() {
    both(|world, client| async move {
        let cx = by(Caller { session: Some(SessionId(5)), ..Caller::user(AccountId(1)) });
        let mut stream = client.count(&cx, count(1, End::Unspecified)).await.unwrap();
        assert_eq!(take(&mut stream, 1).await, [1]);
        world.verifier.revoked.lock().insert(5);
        world.go.notify_one();
        let error = stream.next().await.unwrap().unwrap_err();
        assert!(error.is(reason::SESSION_REVOKED), "{error}");
        world.verifier.revoked.lock().clear();
    })
    .await;
}

#[tokio::test]
async fn a_stream_that_has_nothing_to_say_ends_too_when_its_session_is_revoked() {
    both(|world, client| async move {
        let cx = by(Caller { session: Some(SessionId(5)), ..Caller::user(AccountId(1)) });
        let mut stream = client.count(&cx, count(1, End::Unspecified)).await.unwrap();
        assert_eq!(take(&mut stream, 1).await, [1]);
        world.verifier.revoked.lock().insert(5);
        let ended = tokio::time::timeout(Duration::from_secs(5), stream.next()).await.expect("within 5 s");
        assert!(ended.unwrap().unwrap_err().is(reason::SESSION_REVOKED));
        world.verifier.revoked.lock().clear();
    })
    .await;
}

#[tokio::test]
async fn open_streams_end_at_shutdown() {
    for remote in [false, true] {
        let world = crate::world::World::new().await;
        let client = if remote { world.remote() } else { world.local() };
        let mut stream = client.count(&nobody(), count(1, End::Unspecified)).await.unwrap();
        assert_eq!(take(&mut stream, 1).await, [1]);
        world.gate.shutdown().cancel();
        let error = stream.next().await.unwrap().unwrap_err();
        assert_eq!((error.code(), error.reason()), (Code::Unavailable, reason::SHUTTING_DOWN.name));
        assert!(stream.next().await.is_none());
        world.shut_down().await;
    }
}
