//! The wrapper on a real server, and in front of servers that are not there or say nothing.

use std::time::Duration;

use plaza_core::{Caller, Cx, Env, Error, reason};
use plaza_testkit::Store;
use tokio::net::TcpListener;
use tokio::time::Instant;

use super::*;
use crate::{Migration, ServerKind, StoreAddress};

const MIGRATIONS: &[Migration] = &[Migration {
    name: "0001_notes",
    sql: "CREATE CONSTRAINT note_id{ns} IF NOT EXISTS FOR (n:Note{ns}) REQUIRE n.id IS UNIQUE;",
}];

fn cx() -> Cx {
    Cx::background("test", Duration::from_secs(60))
}

fn within(ms: u64) -> Cx {
    Cx::new(Caller::default(), Instant::now() + Duration::from_millis(ms))
}

fn address(text: &str) -> ServerAddress {
    let address: StoreAddress = text.parse().unwrap();
    address.server(ServerKind::Neo4j).unwrap().clone()
}

/// A namespace of its own on the real server.
async fn open() -> Option<Neo4j> {
    let server = Store::Neo4j.address()?;
    let address = address(&format!("{server}?namespace={}", Store::unique_name()));
    Some(Neo4j::open(&cx(), "test", &address, MIGRATIONS, Env::system()).await.unwrap())
}

/// A handle of a server that nobody has reached yet.
fn unopened(text: &str) -> Neo4j {
    let options = Neo4jOptions::from_address(&address(text)).unwrap();
    Neo4j(Arc::new(Inner {
        name: "test",
        guard: Guard::new(&options).unwrap(),
        reads: Pool::new(&options, options.connections).unwrap(),
        writes: Pool::new(&options, settings::WRITE_CONNECTIONS).unwrap(),
        options,
        env: Env::system(),
        commits: watch::Sender::new(0),
    }))
}

async fn notes(db: &Neo4j) -> i64 {
    let rows = db.read(&cx(), db.query("MATCH (n:Note{ns}) RETURN count(n) AS count")).await.unwrap();
    get(&rows[0], "count").unwrap()
}

#[tokio::test]
async fn what_is_committed_stays_and_the_rest_goes() {
    let Some(db) = open().await else { return };
    let commits = db.commits();
    let write = |id: i64| db.query("CREATE (:Note{ns} {id: $id})").param("id", id);
    let mut tx = db.begin(&cx()).await.unwrap();
    tx.run(write(1)).await.unwrap();
    tx.commit().await.unwrap();
    assert!(commits.has_changed().unwrap());

    let mut tx = db.begin(&cx()).await.unwrap();
    tx.run(write(2)).await.unwrap();
    tx.rollback().await.unwrap();
    let mut tx = db.begin(&cx()).await.unwrap();
    tx.run(write(3)).await.unwrap();
    drop(tx);
    assert_eq!(notes(&db).await, 1);

    // A statement that fails takes its transaction with it, and is not tried again.
    let (cx, mut tries) = (&cx(), 0);
    let clash = db.retry(cx, || {
        tries += 1;
        async {
            let mut tx = db.begin(cx).await?;
            tx.run(write(4)).await?;
            tx.run(write(1)).await?;
            tx.commit().await
        }
    });
    let error = clash.await.unwrap_err();
    assert!(error.is(reason::INTERNAL), "{error:?}");
    assert_eq!((tries, notes(&db).await), (1, 1));
    db.wipe(cx, true).await.unwrap();
}

#[tokio::test]
async fn a_transaction_that_is_given_up_lets_go_of_its_locks_at_once() {
    let Some(db) = open().await else { return };
    db.read(&cx(), db.query("CREATE (:Note{ns} {id: 1})")).await.unwrap();
    let lock = || db.query("MATCH (n:Note{ns} {id: 1}) SET n.locked = true REMOVE n.locked");
    let mut holder = db.begin(&cx()).await.unwrap();
    holder.run(lock()).await.unwrap();

    // Who waits for the lock waits no longer than its own deadline.
    let began = Instant::now();
    let mut waiting = db.begin(&within(400)).await.unwrap();
    let error = waiting.run(lock()).await.unwrap_err().into_error();
    assert!(error.is(reason::DEADLINE_EXCEEDED) && began.elapsed() < Duration::from_secs(2), "{error}");
    drop(waiting);

    drop(holder);
    let mut next = db.begin(&cx()).await.unwrap();
    next.run(lock()).await.unwrap();
    next.commit().await.unwrap();
    db.wipe(&cx(), true).await.unwrap();
}

#[tokio::test]
async fn deadlocks_are_tried_again() {
    let Some(db) = open().await else { return };
    db.read(&cx(), db.query("UNWIND [1, 2] AS id CREATE (:Note{ns} {id: id, times: 0})")).await.unwrap();
    let add = |id: i64| db.query("MATCH (n:Note{ns} {id: $id}) SET n.times = n.times + 1").param("id", id);
    let (cx, db) = (&cx(), &db);
    // Two orders of two locks, until they have met often.
    let both = |first: i64, second: i64| async move {
        for _ in 0..15 {
            let work = || async {
                let mut tx = db.begin(cx).await?;
                tx.run(add(first)).await?;
                tx.run(add(second)).await?;
                tx.commit().await
            };
            db.retry(cx, work).await.unwrap();
        }
    };
    tokio::join!(both(1, 2), both(2, 1));
    let rows = db.read(cx, db.query("MATCH (n:Note{ns}) RETURN n.times AS times")).await.unwrap();
    let times: Vec<i64> = rows.iter().map(|row| get(row, "times").unwrap()).collect();
    assert_eq!(times, [30, 30]);
    db.wipe(cx, true).await.unwrap();
}

#[tokio::test]
async fn the_server_ends_a_read_at_its_deadline() {
    let Some(db) = open().await else { return };
    let endless = "UNWIND range(1, 100000) AS a UNWIND range(1, 100000) AS b WITH a + b AS c WHERE c < 0
        RETURN count(c) AS note{ns}";
    let mark = db.query("note{ns}").query().to_owned();
    let list = db.query("SHOW TRANSACTIONS YIELD currentQuery WHERE currentQuery CONTAINS $mark RETURN currentQuery");
    let list = list.param("mark", mark);
    let runs = || async { !db.read(&cx(), list.clone()).await.unwrap().is_empty() };
    let seen = plaza_testkit::wait::until("the query", || async { runs().await.then_some(()) });
    let deadline = within(2_000);
    let (answer, ()) = tokio::join!(db.read(&deadline, db.query(endless)), seen);
    let error = answer.unwrap_err();
    assert!(error.is(reason::DEADLINE_EXCEEDED), "{error}");
    // A query that is slow is not taken for a server that is gone.
    assert!(!db.0.guard.is_open());
    let gone = || async { (!runs().await).then_some(()) };
    plaza_testkit::wait::within(Duration::from_secs(5), "the end of the query", gone).await;
    db.wipe(&cx(), true).await.unwrap();
}

#[tokio::test]
async fn a_schema_of_another_program_is_refused() {
    let Some(db) = open().await else { return };
    let changed = [Migration { name: "0001_notes", sql: "RETURN 1;" }];
    let error = migrations::migrate(&db, &cx(), &changed).await.unwrap_err();
    assert!(error.text().contains("another content"), "{error}");
    let error = migrations::migrate(&db, &cx(), &[]).await.unwrap_err();
    assert!(error.text().contains("newer than this program"), "{error}");
    migrations::migrate(&db, &cx(), MIGRATIONS).await.unwrap();
    db.wipe(&cx(), true).await.unwrap();
}

#[tokio::test]
async fn a_refused_port_fails_at_once_and_opens_the_breaker() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let db = unopened(&format!("neo4j://{free}"));
    let began = Instant::now();
    for _ in 0..5 {
        let error = db.ping(&cx()).await.unwrap_err();
        assert!(error.is(reason::STORE_UNAVAILABLE) && error.retry_delay().is_some(), "{error}");
    }
    assert!(began.elapsed() < Duration::from_secs(1) && db.0.guard.is_open());
    let error: Error = db.begin(&cx()).await.unwrap_err().into_error();
    assert!(error.is(reason::STORE_UNAVAILABLE));
    let address = address(&format!("neo4j://{free}"));
    let error = Neo4j::open(&within(300), "test", &address, &[], Env::system()).await.unwrap_err();
    assert!(error.text().contains("does not answer"), "{error}");
}

#[tokio::test]
async fn a_peer_that_says_nothing_costs_a_limit_and_then_nothing() {
    // Takes connections, as the kernel does for it, and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let db = unopened(&format!("neo4j://{}?timeout_ms=600", silent.local_addr().unwrap()));
    let began = Instant::now();
    let error = db.ping(&cx()).await.unwrap_err();
    assert!(error.is(reason::STORE_UNAVAILABLE), "{error}");
    assert!((500..2_000).contains(&began.elapsed().as_millis()), "{:?}", began.elapsed());

    // Somebody looks, and from then on calls fail at once.
    let open = || async { db.0.guard.is_open().then_some(()) };
    plaza_testkit::wait::within(Duration::from_secs(5), "the breaker to open", open).await;
    let began = Instant::now();
    assert!(db.ping(&cx()).await.unwrap_err().is(reason::STORE_UNAVAILABLE));
    assert!(began.elapsed() < Duration::from_millis(300), "the breaker is open");

    // A deadline that comes first is a deadline, and says nothing about the server.
    let db = unopened(&format!("neo4j://{}", silent.local_addr().unwrap()));
    assert!(db.ping(&within(50)).await.unwrap_err().is(reason::DEADLINE_EXCEEDED));
    assert!(!db.0.guard.is_open());
}

#[tokio::test]
async fn a_closed_handle_refuses() {
    let Some(db) = open().await else { return };
    db.wipe(&cx(), true).await.unwrap();
    db.close().await;
    assert!(db.ping(&cx()).await.unwrap_err().is(reason::STORE_UNAVAILABLE));
    db.close().await;
}
