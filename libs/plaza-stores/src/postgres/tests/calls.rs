//! Reads and writes.

use plaza_core::{Error, Result, Token, reason};
use plaza_testkit::Proxy;
use plaza_testkit::wait::until;

use super::super::{Conn, PgResultExt as _};
use super::*;
use crate::StoreAddress;

async fn insert(mut conn: Conn, id: i64) -> Result<()> {
    sqlx::query("INSERT INTO things VALUES ($1, 0)").bind(id).execute(&mut *conn).await.sql()?;
    Ok(())
}

async fn hang(mut conn: Conn) -> Result<()> {
    sqlx::query("SELECT pg_sleep($1) -- until cut off").bind(30.0).execute(&mut *conn).await.sql()?;
    Ok(())
}

async fn sleep(mut conn: Conn, seconds: f64) -> Result<()> {
    sqlx::query("SELECT pg_sleep($1)").bind(seconds).execute(&mut *conn).await.sql()?;
    Ok(())
}

/// The server process behind the connection that reads get.
async fn process(db: &Postgres) -> i32 {
    let call = cx();
    let read = db.read(&call, |mut conn| async move {
        sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut *conn).await.sql()
    });
    read.await.unwrap()
}

fn gauge(db: &Postgres, name: &str, lane: &str) -> usize {
    let found = |gauge: &&crate::Gauge| gauge.name == name && gauge.labels.contains(&("lane", lane.to_owned()));
    db.observe().iter().find(found).unwrap().value as usize
}

#[tokio::test]
async fn a_write_is_whole_or_nothing() {
    let Some(scratch) = scratch() else { return };
    let db = open(&scratch).await;
    let mut commits = db.commits();
    db.write(&cx(), |conn| insert(conn, 1)).await.unwrap();
    assert!(commits.has_changed().unwrap());
    commits.mark_unchanged();
    let context = cx();
    let failed = db.write(&context, |mut conn| async move {
        sqlx::query("INSERT INTO things VALUES (2, 0)").execute(&mut *conn).await.sql()?;
        Err::<(), _>(Error::new(reason::HANDLE_TAKEN))
    });
    assert!(failed.await.unwrap_err().is(reason::HANDLE_TAKEN));
    assert!(!commits.has_changed().unwrap());
    let context = cx();
    let clash = db.write(&context, |mut conn| async move {
        let inserted = sqlx::query("INSERT INTO things VALUES (1, 1)").execute(&mut *conn).await;
        inserted.unique("things_pkey", || Error::new(reason::ID_CLASH))
    });
    assert!(clash.await.unwrap_err().is(reason::ID_CLASH));
    // A statement's error that the caller swallows does not make the commit look well.
    let context = cx();
    let swallowed = db.write(&context, |mut conn| async move {
        sqlx::query("INSERT INTO things VALUES (3, 0)").execute(&mut *conn).await.sql()?;
        let _ = sqlx::query("INSERT INTO things VALUES (1, 1)").execute(&mut *conn).await;
        Ok(())
    });
    assert!(swallowed.await.unwrap_err().is(reason::INTERNAL));
    assert_eq!(values(&db).await, [(1, 0)]);
    assert_eq!((gauge(&db, "postgres_connections", "write"), gauge(&db, "postgres_connections", "read")), (1, 1));
}

#[tokio::test]
async fn every_call_ends_by_its_deadline_and_leaves_the_pool_usable() {
    let Some(scratch) = scratch() else { return };
    let options = PostgresOptions { readers: 2, writers: 2, ..PostgresOptions::new("test") };
    let db = Postgres::open(&server(&scratch), options, THINGS).await.unwrap();
    for _ in 0..3 {
        let started = tokio::time::Instant::now();
        let (short, twice, thrice) = (within(150), within(150), within(150));
        let (read, write, queued) =
            tokio::join!(db.read(&short, hang), db.write(&twice, hang), db.read(&thrice, hang),);
        for ended in [read, write, queued] {
            assert!(ended.unwrap_err().is(reason::DEADLINE_EXCEEDED));
        }
        assert!(started.elapsed() < Duration::from_millis(600));
    }
    db.write(&cx(), |conn| insert(conn, 1)).await.unwrap();
    assert_eq!(values(&db).await, [(1, 0)]);
    // What was cut off does not go on at the server for long.
    until("the server has ended the statements", || async {
        let context = cx();
        let left = db.read(&context, |mut conn| async move {
            sqlx::query_scalar::<_, i64>(
                "SELECT count(*) FROM pg_stat_activity
                 WHERE query LIKE '%pg_sleep($1) -- until cut off%' AND state = 'active' AND pid <> pg_backend_pid()",
            )
            .fetch_one(&mut *conn)
            .await
            .sql()
        });
        (left.await.unwrap() == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_call_that_is_dropped_half_way_leaves_no_trace() {
    let Some(scratch) = scratch() else { return };
    let options = PostgresOptions { writers: 1, ..PostgresOptions::new("test") };
    let db = Postgres::open(&server(&scratch), options, THINGS).await.unwrap();
    for _ in 0..5 {
        let call = tokio::spawn({
            let db = db.clone();
            async move {
                let context = cx();
                let write = db.write(&context, |mut conn| async move {
                    sqlx::query("INSERT INTO things VALUES (7, 7)").execute(&mut *conn).await.sql()?;
                    sleep(conn, 30.0).await
                });
                write.await
            }
        });
        until("the call is at work", || async { (gauge(&db, "postgres_connections", "write") == 1).then_some(()) })
            .await;
        call.abort();
        assert!(call.await.unwrap_err().is_cancelled());
    }
    db.write(&cx(), |conn| insert(conn, 7)).await.unwrap();
    assert_eq!(values(&db).await, [(7, 0)]);
}

#[tokio::test]
async fn a_full_pool_refuses_soon_and_the_reserved_lane_does_not_wait() {
    let Some(scratch) = scratch() else { return };
    let options = PostgresOptions { readers: 1, acquire: Duration::from_millis(100), ..PostgresOptions::new("test") };
    let db = Postgres::open(&server(&scratch), options, THINGS).await.unwrap();
    let (long, ten) = (within(3_000), cx());
    let busy = db.read(&long, |conn| sleep(conn, 1.0));
    let others = async {
        until("it is busy", || async { (gauge(&db, "postgres_connections", "read") == 1).then_some(()) }).await;
        let started = tokio::time::Instant::now();
        let refused = db.read(&ten, |conn| sleep(conn, 0.0)).await.unwrap_err();
        assert!(refused.is(reason::STORE_UNAVAILABLE) && refused.retry_delay().is_some());
        assert!(started.elapsed() < Duration::from_millis(800));
        db.read_reserved(&ten, |conn| sleep(conn, 0.0)).await.unwrap();
        db.ping(&ten).await.unwrap();
    };
    let (done, ()) = tokio::join!(busy, others);
    done.unwrap();
    db.read(&cx(), |conn| sleep(conn, 0.0)).await.unwrap();
}

#[tokio::test]
async fn connections_that_the_server_cut_are_replaced_unseen() {
    let Some(scratch) = scratch() else { return };
    let db = open(&scratch).await;
    for id in 1..=3 {
        db.write(&cx(), |conn| insert(conn, id)).await.unwrap();
        assert_eq!(values(&db).await.len(), usize::try_from(id).unwrap());
        let mut processes = vec![process(&db).await];
        let call = cx();
        let writer = db.write(&call, |mut conn| async move {
            sqlx::query_scalar("SELECT pg_backend_pid()").fetch_one(&mut *conn).await.sql()
        });
        processes.push(writer.await.unwrap());
        for process in processes {
            scratch.execute(&format!("SELECT pg_terminate_backend({process})")).await.unwrap();
        }
    }
    assert_eq!(values(&db).await.len(), 3);
}

#[tokio::test]
async fn transactions_that_meet_are_tried_again() {
    let Some(scratch) = scratch() else { return };
    let db = open(&scratch).await;
    db.write(&cx(), |conn| insert(conn, 1)).await.unwrap();
    let add = async || {
        let cx = cx();
        db.write(&cx, |mut conn| async move {
            sqlx::query("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE").execute(&mut *conn).await.sql()?;
            let value: i64 =
                sqlx::query_scalar("SELECT value FROM things WHERE id = 1").fetch_one(&mut *conn).await.sql()?;
            let update = sqlx::query("UPDATE things SET value = $1 WHERE id = 1").bind(value + 1);
            update.execute(&mut *conn).await.sql()?;
            Ok(())
        })
        .await
    };
    for _ in 0..10 {
        let (a, b) = tokio::join!(add(), add());
        a.and(b).unwrap();
    }
    assert_eq!(values(&db).await, [(1, 20)]);
}

#[tokio::test]
async fn a_replica_is_asked_only_without_a_token_and_the_primary_stands_in_for_it() {
    let (Some(scratch), Some(other)) = (scratch(), scratch()) else { return };
    open(&other).await.write(&cx(), |conn| insert(conn, 9)).await.unwrap();
    let options = PostgresOptions { replica: Some(server(&other)), ..PostgresOptions::new("test") };
    let db = Postgres::open(&server(&scratch), options, THINGS).await.unwrap();
    let count = async |db: &Postgres, cx: &Cx| {
        let read = db.read_replica(cx, |mut conn| async move {
            sqlx::query_scalar::<_, i64>("SELECT count(*) FROM things").fetch_one(&mut *conn).await.sql()
        });
        read.await.unwrap()
    };
    assert_eq!(count(&db, &cx()).await, 1);
    let mut token = Token::default();
    token.require("test", 1);
    assert_eq!(count(&db, &cx().with_token(token)).await, 0);

    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let nobody = Scratch::new(format!("postgres://127.0.0.1:{port}/plaza"), "none");
    let options = PostgresOptions { replica: Some(server(&nobody)), ..PostgresOptions::new("test") };
    let db = Postgres::open(&server(&scratch), options, THINGS).await.unwrap();
    assert_eq!(count(&db, &cx()).await, 0);
}

#[tokio::test]
async fn a_closed_store_takes_no_calls() {
    let Some(scratch) = scratch() else { return };
    let db = open(&scratch).await;
    db.write(&cx(), |conn| insert(conn, 1)).await.unwrap();
    db.close().await;
    db.close().await;
    let context = cx();
    let error = db.read(&context, |conn| sleep(conn, 0.0)).await.unwrap_err();
    assert!(error.is(reason::STORE_UNAVAILABLE) && error.text().contains("closed"), "{error}");
    assert!(db.write(&cx(), |conn| insert(conn, 2)).await.unwrap_err().is(reason::STORE_UNAVAILABLE));
}

#[tokio::test]
async fn a_read_costs_one_round_trip_and_a_write_two_more() {
    let Some(scratch) = scratch() else { return };
    let address = String::from(scratch.address().unwrap());
    let (user, rest) = address.split_once('@').unwrap();
    let (socket, path) = rest.split_once('/').unwrap();
    let proxy = Proxy::start(socket.parse().unwrap()).await;
    let through: StoreAddress = format!("{user}@{}/{path}", proxy.address()).parse().unwrap();
    let server = through.server(ServerKind::Postgres).unwrap();
    let db = Postgres::open(server, PostgresOptions::new("test"), THINGS).await.unwrap();
    let first = async || {
        db.write(&cx(), |conn| sleep(conn, 0.0)).await.unwrap();
        db.read(&cx(), |conn| sleep(conn, 0.0)).await.unwrap();
    };
    // Connections are open then, and statements prepared.
    first().await;
    proxy.delay(Duration::from_millis(40));
    for (trips, write) in [(1, false), (3, true)] {
        // The quickest of some: others may share the machine.
        let mut quickest = Duration::MAX;
        for _ in 0..5 {
            let began = tokio::time::Instant::now();
            let call = cx();
            match write {
                false => db.read(&call, |conn| sleep(conn, 0.0)).await.unwrap(),
                true => db.write(&call, |conn| sleep(conn, 0.0)).await.unwrap(),
            }
            quickest = quickest.min(began.elapsed());
        }
        let trip = Duration::from_millis(80);
        assert!((trip * trips..trip * (trips + 1)).contains(&quickest), "{quickest:?} for {trips} round trips");
    }
    proxy.delay(Duration::ZERO);
}
