//! Outbox and relay.

use std::sync::Arc;

use plaza_core::{Env, Error, Position, reason};
use plaza_stores::SqlResultExt as _;

use super::support::{FaultyLog, QUICK, Running, Truth, cx, env, eventually};
use crate::log::EventLog;
use crate::*;

fn relay(truth: &Truth, log: Arc<dyn EventLog>, env: &Env) -> Arc<Relay> {
    let options = RelayOptions { batch: 7, backoff: QUICK, ..RelayOptions::default() };
    Arc::new(Relay::new(truth.outbox(), log, env.clone(), options))
}

async fn positions(log: &dyn EventLog) -> Vec<Position> {
    let all = crate::log::conformance::read_all(log, &["things"], 100).await.unwrap();
    all.iter().map(|event| event.position).collect()
}

fn gauge(relay: &Relay, name: &str) -> i64 {
    relay.observe().iter().find(|gauge| gauge.name == name).unwrap().value as i64
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_reach_the_log_in_commit_order_with_many_writers_and_two_relays() {
    let (_, env) = env();
    let (truth, log) = (Truth::new(&env), FaultyLog::new());
    let relays = [relay(&truth, log.clone(), &env), relay(&truth, log.clone(), &env)];
    let running: Vec<_> = relays.iter().map(Running::relay).collect();
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let truth = truth.clone();
            tokio::spawn(async move {
                for value in 0..25 {
                    truth.set(writer, value).await;
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    for relay in &relays {
        eventually("all is published", async || relay.published() == 200).await;
    }
    assert_eq!(positions(&log.inner).await, (1..=200).collect::<Vec<_>>());
    for relay in running {
        relay.stop().await;
    }
}

#[tokio::test]
async fn an_event_is_as_it_was_written() {
    let (_, env) = env();
    let truth = Truth::new(&env);
    truth.set(5, 1).await;
    let trace = plaza_core::TraceContext { trace_id: 3, span_id: 4, sampled: true };
    let message = bytes::Bytes::from_static(b"abc");
    let event = NewEvent::new(&env, Some(trace), "thing", 9, &Named(message));
    let (expected, appended) = (event.placed("things", 2), event.clone());
    truth.db.write(&cx(), move |conn| outbox::sqlite::append(conn, &appended)).await.unwrap();
    let read = truth.outbox().read_after(&cx(), 1, 10).await.unwrap();
    assert_eq!(read, [expected]);
    assert_eq!(read[0].type_, "plaza.test.v1.Named");
    assert_eq!(read[0].decode::<Named>().unwrap().unwrap().0, "abc");
    let (other, broken) = (
        Event { type_: "plaza.test.v1.Renamed".to_owned(), ..read[0].clone() },
        Event { payload: bytes::Bytes::from_static(&[0x0a]), ..read[0].clone() },
    );
    assert!(other.decode::<Named>().is_none() && !other.is::<Named>());
    assert!(!broken.decode::<Named>().unwrap().unwrap_err().is_transient());
    let again = truth.db.write(&cx(), move |conn| outbox::sqlite::append(conn, &event)).await;
    assert!(again.is_err(), "an event id is used once");
}

/// A consumer that is told of a write asks the service about it, whose caches go by what follows the commit.
#[tokio::test]
async fn an_event_is_told_once_what_follows_its_commit_is_done() {
    let (_, env) = env();
    let truth = Truth::new(&env);
    let event = NewEvent::new(&env, None, "thing", 9, &Named(bytes::Bytes::new()));
    let (committed, hook) = tokio::sync::oneshot::channel();
    let (release, mut released) = tokio::sync::mpsc::channel::<()>(1);
    let after = move |_: &Position| {
        committed.send(()).unwrap();
        released.blocking_recv().unwrap();
    };
    let db = truth.db.clone();
    let write =
        tokio::spawn(
            async move { db.write_then(&cx(), move |conn| outbox::sqlite::append(conn, &event), after).await },
        );
    hook.await.unwrap();
    let rows = |conn: &rusqlite::Connection| {
        conn.query_row("SELECT count(*) FROM outbox", [], |row| row.get::<_, i64>(0)).sql()
    };
    assert_eq!(truth.db.read(&cx(), rows).await.unwrap(), 1, "the row can be read");

    let (outbox, cx) = (truth.outbox(), cx());
    let mut read = outbox.read_after(&cx, 0, 10);
    assert!(futures::poll!(&mut read).is_pending(), "told before what follows the commit");
    release.send(()).await.unwrap();
    assert_eq!(read.await.unwrap().len(), 1);
    assert_eq!(write.await.unwrap().unwrap(), 1);
}

/// A message with one bytes field.
#[derive(Clone, PartialEq, prost::Message)]
struct Named(#[prost(bytes = "bytes", tag = "1")] bytes::Bytes);

impl prost::Name for Named {
    const NAME: &'static str = "Named";
    const PACKAGE: &'static str = "plaza.test.v1";
}

#[tokio::test]
async fn a_log_that_is_away_is_retried_and_the_depth_is_known() {
    let (clock, env) = env();
    let (truth, log) = (Truth::new(&env), FaultyLog::new());
    let relay = relay(&truth, log.clone(), &env);
    log.faults.fail(Error::new(reason::STORE_UNAVAILABLE));
    let running = Running::relay(&relay);
    for id in 1..=20 {
        truth.set(id, 1).await;
    }
    eventually("the relay waits", async || gauge(&relay, "outbox_depth_events") == 20).await;
    assert_eq!(gauge(&relay, "relay_degraded"), 1);
    assert!(relay.last_error().is_some());
    log.faults.fail_next(0, Error::new(reason::STORE_UNAVAILABLE));
    eventually("it has caught up", async || relay.published() == 20 && gauge(&relay, "relay_degraded") == 0).await;
    assert_eq!((gauge(&relay, "outbox_depth_events"), gauge(&relay, "outbox_age_ms")), (0, 0));

    // Its age counts from the oldest row that waits.
    log.faults.fail(Error::new(reason::STORE_UNAVAILABLE));
    truth.set(21, 1).await;
    eventually("the relay has tried", async || gauge(&relay, "relay_degraded") == 1).await;
    clock.advance(1_500);
    assert_eq!(gauge(&relay, "outbox_age_ms"), 1_500);
    log.faults.clear();
    eventually("it has caught up", async || relay.published() == 21).await;
    running.stop().await;
    assert_eq!(positions(&log.inner).await, (1..=21).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_log_that_lost_its_tail_or_all_is_filled_again() {
    let (_, env) = env();
    let (truth, log) = (Truth::new(&env), FaultyLog::new());
    for id in 1..=30 {
        truth.set(id, 1).await;
    }
    for lost in ["position > 18", "true"] {
        let first = relay(&truth, log.clone(), &env);
        let running = Running::relay(&first);
        eventually("all is published", async || first.published() == 30).await;
        running.stop().await;
        let sql = format!("DELETE FROM log WHERE {lost}");
        log.inner.database().write(&cx(), move |conn| conn.execute_batch(&sql).sql()).await.unwrap();
        let second = relay(&truth, log.clone(), &env);
        let running = Running::relay(&second);
        eventually("all is published again", async || second.published() == 30).await;
        running.stop().await;
        assert_eq!(positions(&log.inner).await, (1..=30).collect::<Vec<_>>(), "{lost}");
    }
}

#[tokio::test]
async fn a_log_that_loses_events_while_a_relay_runs_is_filled_again() {
    let (_, env) = env();
    let (truth, log) = (Truth::new(&env), FaultyLog::new());
    let options = RelayOptions { batch: 7, backoff: QUICK, poll: QUICK.cap, ..RelayOptions::default() };
    let relay = Arc::new(Relay::new(truth.outbox(), log.clone(), env.clone(), options));
    let running = Running::relay(&relay);
    for id in 1..=30 {
        truth.set(id, 1).await;
    }
    eventually("all is published", async || relay.published() == 30).await;
    let lose = async |lost: &'static str| {
        let sql = format!("DELETE FROM log WHERE {lost}");
        log.inner.database().write(&cx(), move |conn| conn.execute_batch(&sql).sql()).await.unwrap();
    };
    lose("true").await;
    eventually("an idle relay notices", async || positions(&log.inner).await.len() == 30).await;
    lose("position > 12").await;
    truth.set(31, 1).await;
    eventually("a busy one does", async || positions(&log.inner).await.len() == 31).await;
    assert_eq!(positions(&log.inner).await, (1..=31).collect::<Vec<_>>());
    running.stop().await;
}

#[tokio::test]
async fn a_replay_fills_holes_and_repeats_nothing() {
    let (_, env) = env();
    let (truth, log) = (Truth::new(&env), FaultyLog::new());
    for id in 1..=30 {
        truth.set(id, 1).await;
    }
    let relay = relay(&truth, log.clone(), &env);
    assert_eq!(relay.replay().await.unwrap(), 30);
    assert_eq!(relay.replay().await.unwrap(), 0);
    let damage = "DELETE FROM log WHERE position BETWEEN 10 AND 14";
    log.inner.database().write(&cx(), |conn| conn.execute_batch(damage).sql()).await.unwrap();
    assert_eq!(relay.replay().await.unwrap(), 5);
    let mut all = positions(&log.inner).await;
    all.sort_unstable();
    assert_eq!(all, (1..=30).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_replaced_source_is_refused_and_said() {
    let (_, env) = env();
    let log = FaultyLog::new();
    let old = Truth::new(&env);
    for id in 1..=5 {
        old.set(id, 1).await;
    }
    relay(&old, log.clone(), &env).replay().await.unwrap();
    for rows in [2, 8] {
        let new = Truth::new(&env);
        for id in 1..=rows {
            new.set(id, 1).await;
        }
        let relay = relay(&new, log.clone(), &env);
        let running = Running::relay(&relay);
        eventually("it refuses", async || relay.last_error().is_some()).await;
        assert!(relay.last_error().unwrap().contains("store was replaced"), "{:?}", relay.last_error());
        running.stop().await;
    }
    assert_eq!(positions(&log.inner).await, [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn old_rows_are_pruned_only_when_published() {
    let (clock, env) = env();
    let (truth, log) = (Truth::new(&env), FaultyLog::new());
    for id in 1..=10 {
        truth.set(id, 1).await;
    }
    clock.advance(outbox::RETENTION_MS + 1);
    truth.set(11, 1).await;
    let outbox = truth.outbox();
    let before = env.now().plus_ms(-outbox::RETENTION_MS);
    assert_eq!(outbox.prune(&cx(), before, 4).await.unwrap(), 4);
    assert_eq!(outbox.prune(&cx(), before, 100).await.unwrap(), 6);
    assert_eq!(outbox.read_after(&cx(), 0, 100).await.unwrap().len(), 1);
    assert_eq!(outbox.last_position(&cx()).await.unwrap(), 11);
    truth.set(12, 1).await;
    assert_eq!(outbox.last_position(&cx()).await.unwrap(), 12);

    let relay = relay(&truth, log.clone(), &env);
    let running = Running::relay(&relay);
    eventually("all is published", async || relay.published() == 12).await;
    clock.advance(outbox::RETENTION_MS + 1);
    truth.set(13, 1).await;
    eventually("the relay prunes", async || outbox.read_after(&cx(), 0, 100).await.unwrap().len() == 1).await;
    running.stop().await;
}
