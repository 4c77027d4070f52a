//! The SQLite log: the suite, and what is its own.

use std::sync::Arc;

use plaza_stores::SqlResultExt as _;

use super::support::{cx, eventually};
use crate::log::conformance::{self, sample};
use crate::log::{Cursor, EventLog, SqliteLog};

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
        let (mut at, mut seen) = (0, Vec::new());
        while seen.len() < 40 {
            let fetched = other.fetch(&cx(), at, &["posts", "graph"], 3).await.unwrap();
            if fetched.events.is_empty() {
                other.wait_for_new(fetched.next).await;
            }
            seen.extend(fetched.events.iter().map(|logged| (logged.event.source.clone(), logged.event.position)));
            at = fetched.next;
            let cursor = Cursor { offset: at, positions: Vec::new() };
            other.store_cursor(&cx(), "home", &cursor).await.unwrap();
            other.publish(&cx(), &[sample("graph", i64::try_from(seen.len()).unwrap() + 1_000)]).await.unwrap();
        }
        seen
    });
    for position in 1..=40 {
        one.publish(&cx(), &[sample("posts", position)]).await.unwrap();
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
    log.publish(&cx(), &all).await.unwrap();
    let cursor = Cursor { offset: 10, positions: vec![("posts".to_owned(), 10)] };
    log.store_cursor(&cx(), "home", &cursor).await.unwrap();
    let sql = |sql: &'static str| {
        let db = log.database().clone();
        async move { db.write(&cx(), move |conn| conn.execute_batch(sql).sql()).await.unwrap() }
    };
    sql("DELETE FROM log WHERE \"offset\" > 7").await;
    assert_eq!(log.last_position(&cx(), "posts").await.unwrap(), 7);
    log.publish(&cx(), &all).await.unwrap();
    let fetched = log.fetch(&cx(), 10, &["posts"], 10).await.unwrap();
    let again: Vec<i64> = fetched.events.iter().map(|logged| logged.event.position).collect();
    assert_eq!(again, [8, 9, 10], "what was lost comes after the cursor");

    sql("DELETE FROM log; DELETE FROM sqlite_sequence").await;
    assert_eq!(log.load_cursor(&cx(), "home").await.unwrap(), Cursor::default());
}
