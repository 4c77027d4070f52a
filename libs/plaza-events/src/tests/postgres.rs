//! The outbox in Postgres, each test in a schema of its own.

use std::collections::BTreeMap;
use std::sync::Arc;

use plaza_core::{Cx, Env, Error, Position, Result, Timestamp, reason};
use plaza_stores::postgres::{Conn, Scratch};
use plaza_stores::{Migration, PgResultExt as _, Postgres, PostgresOptions, ServerKind};
use plaza_testkit::Store;
use sqlx::Connection as _;
use uuid::Uuid;

use super::support::{FaultyLog, QUICK, Running, cx, env, eventually};
use crate::log::EventLog;
use crate::outbox::{self, postgres::append, postgres::append_many};
use crate::*;

const MIGRATIONS: &[Migration] = &[Migration { name: "0001_outbox", sql: outbox::postgres::SCHEMA }];
const DAY_MS: i64 = 86_400_000;

fn scratch() -> Option<Scratch> {
    Some(Scratch::new(Store::Postgres.address()?, Store::unique_name()))
}

async fn open(scratch: &Scratch) -> (Postgres, Arc<PostgresOutbox>) {
    let address = scratch.address().unwrap();
    let server = address.server(ServerKind::Postgres).unwrap();
    let db = Postgres::open(server, PostgresOptions::new("things"), MIGRATIONS).await.unwrap();
    let outbox = Arc::new(PostgresOutbox::new("things", db.clone()));
    outbox.prepare(&cx()).await.unwrap();
    (db, outbox)
}

fn event(env: &Env, id: i64) -> NewEvent {
    NewEvent {
        id: env.event_id(),
        aggregate_type: "thing",
        aggregate_id: id,
        type_: "plaza.test.v1.Changed".to_owned(),
        payload: bytes::Bytes::from_static(b"abc"),
        trace: None,
        at: env.now(),
    }
}

async fn write(db: &Postgres, event: &NewEvent) -> Position {
    let cx = cx();
    db.write(&cx, |mut conn| async move { append(&mut conn, event).await }).await.unwrap()
}

/// What can be read now; other tests' transactions may hold the newest back.
async fn now(outbox: &PostgresOutbox) -> Vec<Event> {
    outbox.read_after(&cx(), 0, 100_000).await.unwrap()
}

/// All that is committed, once no older transaction is open.
async fn all(outbox: &PostgresOutbox) -> Vec<Event> {
    let last = outbox.last_position(&cx()).await.unwrap();
    let mut events = Vec::new();
    eventually("all can be read", async || {
        events = now(outbox).await;
        events.last().is_none_or(|event| event.position == last)
    })
    .await;
    events
}

async fn days(scratch: &Scratch) -> Vec<String> {
    let mut conn = scratch.connect().await.unwrap();
    sqlx::query_scalar(
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'outbox'::regclass ORDER BY 1",
    )
    .fetch_all(&mut conn)
    .await
    .unwrap()
}

/// A transaction that has its number and stays open.
async fn open_transaction(scratch: &Scratch) -> sqlx::PgConnection {
    let mut conn = scratch.connect().await.unwrap();
    sqlx::raw_sql("BEGIN; SELECT pg_current_xact_id()").execute(&mut conn).await.unwrap();
    conn
}

#[tokio::test]
async fn an_event_is_as_it_was_written_at_the_place_that_was_told_before() {
    let Some(scratch) = scratch() else { return };
    let (_, env) = env();
    let (db, outbox) = open(&scratch).await;
    assert_eq!(outbox.last_position(&cx()).await.unwrap(), 0);
    let trace = plaza_core::TraceContext { trace_id: 3, span_id: 4, sampled: true };
    let events = [NewEvent { trace: Some(trace), ..event(&env, 9) }, event(&env, -1), event(&env, 3)];
    let (context, written) = (cx(), &events);
    let positions = db.write(&context, |mut conn| async move {
        let next = outbox::postgres::next_position(&mut conn).await?;
        let mut positions = append_many(&mut conn, &written[..2]).await?;
        assert_eq!(positions[0], next);
        positions.extend(append_many(&mut conn, &[]).await?);
        positions.push(append(&mut conn, &written[2]).await?);
        Ok(positions)
    });
    let positions = positions.await.unwrap();
    assert!(positions[0] > 0 && positions.windows(2).all(|pair| pair[1] == pair[0] + 1));
    let expected: Vec<_> = events.iter().zip(&positions).map(|(e, position)| e.placed("things", *position)).collect();
    assert_eq!(all(&outbox).await, expected);
    assert_eq!(outbox.read_after(&cx(), positions[0], 1).await.unwrap(), expected[1..2]);
    assert_eq!(outbox.last_position(&cx()).await.unwrap(), positions[2]);
    assert_eq!(outbox.depth(&cx(), positions[0]).await.unwrap(), 2);
    assert!(write(&db, &event(&env, 4)).await > positions[2] + 1, "another transaction");
}

#[tokio::test]
async fn a_transaction_has_a_bounded_number_of_events() {
    let Some(scratch) = scratch() else { return };
    let (_, env) = env();
    let (db, outbox) = open(&scratch).await;
    let events: Vec<_> = (0..32_769).map(|id| event(&env, id)).collect();
    let (context, events) = (cx(), &events);
    let twice = db.write(&context, |mut conn| async move {
        append_many(&mut conn, &events[..32_768]).await?;
        append_many(&mut conn, events).await
    });
    assert!(twice.await.unwrap_err().is(reason::INTERNAL));
    assert!(all(&outbox).await.is_empty());
}

#[tokio::test]
async fn a_commit_that_comes_late_is_not_missed() {
    let Some(scratch) = scratch() else { return };
    let (_, env) = env();
    let (db, outbox) = open(&scratch).await;
    let first = write(&db, &event(&env, 1)).await;
    // The older transaction has its number and its row, and commits last.
    let mut late = open_transaction(&scratch).await;
    let second = append(&mut late, &event(&env, 2)).await.unwrap();
    let third = write(&db, &event(&env, 3)).await;
    assert!(first < second && second < third);
    let mut changes = outbox.changes();
    changes.mark_unchanged();
    let seen = |events: Vec<Event>| events.iter().map(|event| event.position).collect::<Vec<_>>();
    eventually("what comes before the open one shows", async || seen(now(&outbox).await) == [first]).await;
    changes.changed().await.unwrap();
    assert_eq!(outbox.last_position(&cx()).await.unwrap(), third);
    sqlx::raw_sql("COMMIT").execute(&mut late).await.unwrap();
    let rest = async || seen(outbox.read_after(&cx(), first, 10).await.unwrap());
    eventually("all show", async || rest().await == [second, third]).await;

    // One that is undone holds nothing up any more, and its place stays empty.
    let undone = open_transaction(&scratch).await;
    let fourth = write(&db, &event(&env, 4)).await;
    assert!(outbox.read_after(&cx(), third, 10).await.unwrap().is_empty());
    undone.close().await.unwrap();
    eventually("it is undone", async || seen(outbox.read_after(&cx(), third, 10).await.unwrap()) == [fourth]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_writers_at_two_replicas_and_a_reader_that_sees_each_row_once_in_order() {
    let Some(scratch) = scratch() else { return };
    let (_, env) = env();
    let replicas = [open(&scratch).await, open(&scratch).await];
    let writers: Vec<_> = (0..6)
        .map(|writer| {
            let (db, env) = (replicas[writer % 2].0.clone(), env.clone());
            tokio::spawn(async move {
                let mut written = Vec::new();
                for round in 0..60 {
                    let events: Vec<_> = (0..=round % 3).map(|id| event(&env, id)).collect();
                    let (context, events) = (cx(), &events);
                    let outcome = db.write(&context, |mut conn| async move {
                        let positions = append_many(&mut conn, events).await?;
                        // Some are undone, and some take longer than others, so that commits overtake each other.
                        sqlx::query("SELECT pg_sleep($1)")
                            .bind((round % 4) as f64 / 500.0)
                            .execute(&mut *conn)
                            .await
                            .sql()?;
                        if round % 7 == 6 { Err(Error::new(reason::ID_CLASH)) } else { Ok(positions) }
                    });
                    match outcome.await {
                        Ok(positions) => written.extend(positions.into_iter().zip(events.iter().map(|e| e.id))),
                        Err(error) => assert!(error.is(reason::ID_CLASH), "{error:?}"),
                    }
                }
                written
            })
        })
        .collect();
    let (outbox, mut read) = (&replicas[1].1, Vec::<(Position, Uuid)>::new());
    let expected = 6 * (0..60).filter(|round| round % 7 != 6).map(|round| round % 3 + 1).sum::<usize>();
    eventually("all is read", async || {
        let after = read.last().map_or(0, |(position, _)| *position);
        let events = outbox.read_after(&cx(), after, 7).await.unwrap();
        read.extend(events.iter().map(|event| (event.position, event.id)));
        read.len() >= expected
    })
    .await;
    let mut written = BTreeMap::new();
    for writer in writers {
        written.extend(writer.await.unwrap());
    }
    assert_eq!(read, written.into_iter().collect::<Vec<_>>());
}

#[tokio::test]
async fn rows_stand_by_day_and_whole_days_are_pruned_once_published() {
    let Some(scratch) = scratch() else { return };
    let (clock, env) = env();
    let (db, outbox) = open(&scratch).await;
    let mut positions = Vec::new();
    for _ in 0..4 {
        positions.push(write(&db, &event(&env, 1)).await);
        positions.push(write(&db, &event(&env, 2)).await);
        clock.advance(DAY_MS);
    }
    assert_eq!(days(&scratch).await, ["outbox_20270115", "outbox_20270116", "outbox_20270117", "outbox_20270118"]);
    let third_day = Timestamp((1_800_000_000_000 / DAY_MS + 2) * DAY_MS);
    assert_eq!(outbox.prune(&cx(), third_day.plus_ms(-DAY_MS - 1), positions[7]).await.unwrap(), 0, "too young");
    assert_eq!(days(&scratch).await.last().unwrap(), "outbox_20270119", "made ahead");
    assert_eq!(outbox.prune(&cx(), third_day, positions[0]).await.unwrap(), 0, "the first day is not published");
    assert!(outbox.prune(&cx(), third_day, positions[1]).await.unwrap() > 0);
    assert_eq!(all(&outbox).await.len(), 6, "the second is not published");
    assert!(outbox.prune(&cx(), third_day, positions[7]).await.unwrap() > 0);
    assert_eq!(all(&outbox).await.iter().map(|e| e.position).collect::<Vec<_>>(), positions[4..]);
    assert!(outbox.knows(&cx(), positions[1]).await.unwrap() && outbox.knows(&cx(), positions[7]).await.unwrap());
    assert!(!outbox.knows(&cx(), positions[7] + 1).await.unwrap());

    // All of it gone: the last position is known still.
    let end = third_day.plus_ms(10 * DAY_MS);
    while outbox.prune(&cx(), end, positions[7]).await.unwrap() > 0 {}
    assert!(all(&outbox).await.is_empty());
    assert_eq!(outbox.last_position(&cx()).await.unwrap(), positions[7]);
    assert!(write(&db, &event(&env, 3)).await > positions[7]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_rows_of_a_day_may_come_from_many_at_once() {
    let Some(scratch) = scratch() else { return };
    let (clock, env) = env();
    let replicas = [open(&scratch).await, open(&scratch).await];
    for day in 1..=3 {
        clock.advance(DAY_MS);
        let writers = (0..8).map(|n| {
            let (db, event) = (replicas[n % 2].0.clone(), event(&env, 1));
            tokio::spawn(async move { write(&db, &event).await })
        });
        futures::future::join_all(writers.collect::<Vec<_>>())
            .await
            .into_iter()
            .for_each(|done| assert!(done.unwrap() > 0));
        assert_eq!(all(&replicas[0].1).await.len(), day * 8);
    }
    // A day that came with a transaction goes with it.
    clock.advance(DAY_MS);
    let (context, lost) = (cx(), event(&env, 1));
    let undone = replicas[0].0.write(&context, |mut conn: Conn| {
        let lost = &lost;
        async move {
            append(&mut conn, lost).await?;
            Err::<(), _>(Error::new(reason::ID_CLASH))
        }
    });
    undone.await.unwrap_err();
    write(&replicas[0].0, &event(&env, 2)).await;
    assert_eq!(all(&replicas[1].1).await.len(), 25);
}

fn relay(outbox: &Arc<PostgresOutbox>, log: &Arc<FaultyLog>, env: &Env) -> Arc<Relay> {
    let options = RelayOptions { batch: 7, backoff: QUICK, ..RelayOptions::default() };
    Arc::new(Relay::new(outbox.clone(), log.clone(), env.clone(), options))
}

async fn published(log: &FaultyLog, cx: &Cx) -> Result<Position> {
    log.inner.last_position(cx, "things").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_relays_publish_each_event_once_and_a_restart_goes_on() {
    let Some(scratch) = scratch() else { return };
    let (_, env) = env();
    let (replicas, log) = ([open(&scratch).await, open(&scratch).await], FaultyLog::new());
    let mut last = 0;
    for round in 1..=2 {
        let running: Vec<_> = replicas.iter().map(|(_, outbox)| Running::relay(&relay(outbox, &log, &env))).collect();
        for n in 0..40 {
            last = write(&replicas[n % 2].0, &event(&env, 1)).await;
        }
        eventually("all is published", async || published(&log, &cx()).await.unwrap() == last).await;
        for relay in running {
            relay.stop().await;
        }
        let mut consumer = log.inner.fetch(&cx(), 0, &["things".to_owned()], 1_000).await.unwrap();
        consumer.events.sort_by_key(|event| event.position);
        assert_eq!(consumer.events, all(&replicas[0].1).await, "round {round}");
    }
}

#[tokio::test]
async fn rows_restored_into_another_cluster_go_on_and_lost_ones_are_noticed() {
    let Some(scratch) = scratch() else { return };
    let (_, env) = env();
    let (db, outbox) = open(&scratch).await;
    let log = FaultyLog::new();
    for id in 1..=5 {
        write(&db, &event(&env, id)).await;
    }
    // As a restore leaves it: positions far above the numbers that this cluster gives.
    scratch.execute("UPDATE outbox SET position = position + (1::bigint << 40)").await.unwrap();
    assert!(now(&outbox).await.is_empty(), "they look like rows of transactions to come");
    let (db, outbox) = open(&scratch).await;
    let next = write(&db, &event(&env, 6)).await;
    let events = all(&outbox).await;
    assert_eq!((events.len(), events[5].position), (6, next));
    assert!(events.windows(2).all(|pair| pair[0].position < pair[1].position));
    relay(&outbox, &log, &env).replay().await.unwrap();

    // An old copy: what the log has last is not in it, whatever was written since.
    scratch.execute(&format!("DELETE FROM outbox WHERE position = {next}")).await.unwrap();
    write(&db, &event(&env, 7)).await;
    let relay = relay(&outbox, &log, &env);
    let running = Running::relay(&relay);
    eventually("it refuses", async || relay.last_error().is_some()).await;
    assert!(relay.last_error().unwrap().contains("store was replaced"), "{:?}", relay.last_error());
    running.stop().await;
    assert_eq!(published(&log, &cx()).await.unwrap(), next);
}
