//! The SQLite log: the suite, and what is its own.

use std::sync::Arc;
use std::time::Duration;

use plaza_stores::SqlResultExt as _;

use super::support::{cx, eventually};
use crate::log::conformance::{self, sample};
use crate::log::sqlite::Cursor;
use crate::log::{EventLog, SqliteLog};

#[tokio::test]
async fn the_sqlite_log_conforms() {
    conformance::run(|| async { Arc::new(SqliteLog::ephemeral().unwrap()) as Arc<dyn EventLog> }).await.unwrap();
}

/// Two handles on a file share nothing in memory, as two processes.
#[tokio::test]
async fn two_handles_on_one_file_see_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let open = || SqliteLog::open(folder.path().join("events.db")).unwrap();
    let (one, other) = (open(), open());
    let reader = tokio::spawn(async move {
        let mut consumer = other.consumer(&cx(), "home", &["posts", "graph"]).await.unwrap();
        let mut seen = Vec::new();
        while seen.len() < 40 {
            let delivery = consumer.next(&cx(), 3, Duration::from_secs(1)).await.unwrap();
            seen.extend(delivery.events.iter().map(|event| (event.source.clone(), event.position)));
            consumer.commit(&cx(), &[]).await.unwrap();
            other.publish(&cx(), 0, &[sample("graph", i64::try_from(seen.len()).unwrap() + 1_000)]).await.unwrap();
        }
        seen
    });
    for position in 1..=40 {
        one.publish(&cx(), 0, &[sample("posts", position)]).await.unwrap();
    }
    let seen = reader.await.unwrap();
    let posts: Vec<i64> = seen.iter().filter(|(source, _)| source == "posts").map(|(_, position)| *position).collect();
    assert!(posts.windows(2).all(|pair| pair[0] + 1 == pair[1]), "in order, none left out: {posts:?}");
    assert!(one.load_cursor(&cx(), "home").await.unwrap().offset > 0);
    let end = one.last_offset(&cx()).await.unwrap();
    eventually("the writer sees the reader's events", async || {
        one.wait_for_new(end - 1).await;
        true
    })
    .await;
}

#[tokio::test]
async fn offsets_are_not_used_twice_and_a_lost_log_starts_its_consumers_over() {
    let log = SqliteLog::ephemeral().unwrap();
    let all: Vec<_> = (1..=10).map(|position| sample("posts", position)).collect();
    log.publish(&cx(), 0, &all).await.unwrap();
    let mut consumer = log.consumer(&cx(), "home", &["posts"]).await.unwrap();
    assert_eq!(consumer.next(&cx(), 100, Duration::ZERO).await.unwrap().events, all);
    consumer.commit(&cx(), &[("posts".to_owned(), 10)]).await.unwrap();
    let sql = |sql: &'static str| {
        let db = log.database().clone();
        async move { db.write(&cx(), move |conn| conn.execute_batch(sql).sql()).await.unwrap() }
    };
    sql("DELETE FROM log WHERE \"offset\" > 7").await;
    assert_eq!(log.last_position(&cx(), "posts").await.unwrap(), 7);
    log.publish(&cx(), 0, &all).await.unwrap();
    let delivery = consumer.next(&cx(), 10, Duration::ZERO).await.unwrap();
    let again: Vec<i64> = delivery.events.iter().map(|event| event.position).collect();
    assert_eq!(again, [8, 9, 10], "what was lost comes after the cursor");

    sql("DELETE FROM log; DELETE FROM sqlite_sequence").await;
    let mut consumer = log.consumer(&cx(), "home", &["posts"]).await.unwrap();
    log.publish(&cx(), 0, &all).await.unwrap();
    let delivery = consumer.next(&cx(), 100, Duration::ZERO).await.unwrap();
    assert_eq!((delivery.events, delivery.applied), (all, Vec::new()));
}

#[tokio::test]
async fn a_cursor_past_the_end_of_the_log_is_refused() {
    let log = SqliteLog::ephemeral().unwrap();
    log.publish(&cx(), 0, &[sample("posts", 1)]).await.unwrap();
    let (held, ahead) = ([1, 2]).map(|offset| Cursor { offset, positions: Vec::new() }).into();
    log.store_cursor(&cx(), "home", &held).await.unwrap();
    assert!(log.store_cursor(&cx(), "home", &ahead).await.is_err());
    assert_eq!(log.load_cursor(&cx(), "home").await.unwrap(), held);
}
