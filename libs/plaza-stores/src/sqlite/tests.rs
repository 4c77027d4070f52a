//! Group commit, isolation, deadlines, migrations, errors.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::time::Duration;

use plaza_core::Code;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::*;

const NOTES: &[Migration] = &[Migration {
    name: "0001_notes",
    sql: "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL);
          CREATE TABLE tags (note INTEGER NOT NULL REFERENCES notes (id), tag TEXT NOT NULL, UNIQUE (note, tag));
          CREATE UNIQUE INDEX notes_lower ON notes (lower(text));",
}];

fn cx() -> Cx {
    Cx::background("test", Duration::from_secs(30))
}

fn add(conn: &Connection, id: i64) -> Result<i64> {
    conn.execute("INSERT INTO notes VALUES (?1, 'note ' || ?1)", [id]).sql()?;
    Ok(id)
}

async fn ids(db: &Sqlite) -> Vec<i64> {
    let cx = cx();
    let read = db.read(&cx, |conn| {
        let mut rows = conn.prepare_cached("SELECT id FROM notes ORDER BY id").sql()?;
        rows.query_map([], |row| row.get(0)).sql()?.collect::<rusqlite::Result<_>>().sql()
    });
    read.await.unwrap()
}

/// Keeps the writer busy until the returned sender is dropped.
async fn occupy(db: &Sqlite) -> (SyncSender<()>, JoinHandle<Result<()>>) {
    let (gate, opened) = sync_channel::<()>(0);
    let (running, runs) = oneshot::channel();
    let db = db.clone();
    let job = tokio::spawn(async move {
        db.write(&cx(), move |_| {
            let _ = running.send(());
            let _ = opened.recv();
            Ok(())
        })
        .await
    });
    runs.await.unwrap();
    (gate, job)
}

/// Starts a write and returns once it waits in the queue.
async fn enqueue<T: Send + 'static>(
    db: &Sqlite,
    job: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
) -> JoinHandle<Result<T>> {
    let before = db.queue_len();
    let writing = tokio::spawn({
        let db = db.clone();
        async move { db.write(&cx(), job).await }
    });
    while db.queue_len() == before {
        tokio::task::yield_now().await;
    }
    writing
}

#[tokio::test]
async fn writes_that_queue_up_share_a_commit_and_fail_alone() {
    let db = Sqlite::ephemeral(NOTES).unwrap();
    let commits = Arc::new(AtomicU64::new(0));
    let counter = commits.clone();
    db.write(&cx(), move |conn| {
        let hook = move || {
            counter.fetch_add(1, Ordering::SeqCst);
            false
        };
        conn.commit_hook(Some(hook)).sql()
    })
    .await
    .unwrap();
    let before = commits.load(Ordering::SeqCst);

    let (gate, occupied) = occupy(&db).await;
    let mut writes = Vec::new();
    for id in 1..=10 {
        writes.push(
            enqueue(&db, move |conn| {
                let id = add(conn, id)?;
                match id {
                    3 => Err(Error::new(reason::HANDLE_TAKEN)),
                    5 => panic!("on purpose"),
                    7 => add(conn, 1),
                    _ => Ok(id),
                }
            })
            .await,
        );
    }
    drop(gate);
    occupied.await.unwrap().unwrap();
    for (id, write) in (1..=10).zip(writes) {
        match (id, write.await.unwrap()) {
            (3, Err(error)) => assert!(error.is(reason::HANDLE_TAKEN)),
            (5 | 7, Err(error)) => assert_eq!(error.code(), Code::Internal),
            (_, answer) => assert_eq!(answer.unwrap(), id),
        }
    }
    assert_eq!(ids(&db).await, [1, 2, 4, 6, 8, 9, 10]);
    assert_eq!(commits.load(Ordering::SeqCst) - before, 2, "the occupier's commit and one for the ten");
}

#[tokio::test]
async fn a_single_write_that_fails_leaves_nothing() {
    let db = Sqlite::ephemeral(NOTES).unwrap();
    let failing = |conn: &Connection| -> Result<()> {
        add(conn, 1)?;
        Err(Error::new(reason::HANDLE_TAKEN))
    };
    let commits = db.commits();
    db.write(&cx(), failing).await.unwrap_err();
    assert!(ids(&db).await.is_empty());
    assert!(!commits.has_changed().unwrap());
    db.write(&cx(), |conn| add(conn, 1)).await.unwrap();
    assert!(commits.has_changed().unwrap());
}

#[tokio::test]
async fn a_full_queue_refuses_and_a_late_write_is_not_run() {
    let options = |folder: &TempDir| SqliteOptions {
        queue: 2,
        sync: Sync::Off,
        ..SqliteOptions::new(folder.path().join("a.db"))
    };
    let folder = tempfile::tempdir().unwrap();
    let db = Sqlite::open(options(&folder), NOTES).unwrap();
    let (gate, occupied) = occupy(&db).await;
    let late = tokio::spawn({
        let db = db.clone();
        async move { db.write(&Cx::background("test", Duration::from_millis(5)), |conn| add(conn, 1)).await }
    });
    let late = late.await.unwrap().unwrap_err();
    assert!(late.is(reason::DEADLINE_EXCEEDED));
    let good = enqueue(&db, |conn| add(conn, 2)).await;
    let refused = db.write(&cx(), |conn| add(conn, 3)).await.unwrap_err();
    assert!(refused.is(reason::OVERLOADED) && refused.retry_delay().is_some());
    drop(gate);
    occupied.await.unwrap().unwrap();
    good.await.unwrap().unwrap();
    assert_eq!(ids(&db).await, [2], "the late one was not run");
}

#[tokio::test]
async fn a_job_whose_transaction_is_gone_fails_with_its_neighbours_and_the_writer_goes_on() {
    let db = Sqlite::ephemeral(NOTES).unwrap();
    let (gate, _occupied) = occupy(&db).await;
    let before = enqueue(&db, |conn| add(conn, 1)).await;
    let rogue = enqueue(&db, |conn| conn.execute_batch("ROLLBACK").sql()).await;
    let after = enqueue(&db, |conn| add(conn, 2)).await;
    drop(gate);
    assert!(before.await.unwrap().unwrap_err().is(reason::STORE_UNAVAILABLE));
    assert!(rogue.await.unwrap().unwrap_err().is(reason::STORE_UNAVAILABLE));
    after.await.unwrap().unwrap();
    assert_eq!(ids(&db).await, [2]);
}

#[tokio::test]
async fn a_full_disk_is_said_and_every_answer_is_true() {
    let db = Sqlite::ephemeral(NOTES).unwrap();
    db.write(&cx(), |conn| conn.pragma_update(None, "max_page_count", 40).sql()).await.unwrap();
    let (gate, _occupied) = occupy(&db).await;
    let mut writes = vec![enqueue(&db, |conn| add(conn, 1)).await];
    let big = |conn: &Connection| {
        conn.execute("INSERT INTO notes VALUES (2, hex(zeroblob(1000000)))", []).sql()?;
        Ok(2)
    };
    writes.push(enqueue(&db, big).await);
    writes.push(enqueue(&db, |conn| add(conn, 3)).await);
    drop(gate);
    let mut acknowledged = Vec::new();
    for (id, write) in (1..).zip(writes) {
        match write.await.unwrap() {
            Ok(id) => acknowledged.push(id),
            Err(error) if id == 2 => {
                assert!(error.is(reason::STORE_UNAVAILABLE) && error.text().contains("disk is full"), "{error}");
            }
            Err(error) => assert!(error.is(reason::STORE_UNAVAILABLE)),
        }
    }
    assert_eq!(ids(&db).await, acknowledged);
    assert!(acknowledged.contains(&3) && !acknowledged.contains(&2));
}

#[tokio::test]
async fn what_follows_a_commit_runs_though_the_caller_is_gone() {
    let db = Sqlite::ephemeral(NOTES).unwrap();
    let (started, starts) = oneshot::channel();
    let (gate, opened) = sync_channel::<()>(0);
    let (done, is_done) = oneshot::channel();
    let writing = tokio::spawn({
        let db = db.clone();
        async move {
            let job = move |conn: &Connection| {
                let _ = started.send(());
                let _ = opened.recv();
                add(conn, 1)
            };
            db.write_then(&cx(), job, move |id| done.send(*id).unwrap()).await
        }
    });
    starts.await.unwrap();
    writing.abort();
    assert!(writing.await.unwrap_err().is_cancelled());
    drop(gate);
    assert_eq!(is_done.await.unwrap(), 1);
    assert_eq!(ids(&db).await, [1]);
}

const ENDLESS: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";

#[tokio::test]
async fn a_long_read_ends_at_its_deadline_and_its_connection_serves_on() {
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteOptions { readers: 1, ..SqliteOptions::new(folder.path().join("a.db")) };
    let db = Sqlite::open(options, NOTES).unwrap();
    let start = Instant::now();
    let short = Cx::background("test", Duration::from_millis(30));
    let endless = db.read(&short, |conn| conn.query_row(ENDLESS, [], |row| row.get::<_, i64>(0)).sql()).await;
    assert!(endless.unwrap_err().is(reason::DEADLINE_EXCEEDED));
    assert!(start.elapsed() >= Duration::from_millis(30));
    assert!(ids(&db).await.is_empty());
    let over = Cx::background("test", Duration::ZERO);
    assert!(db.read(&over, |_| Ok(())).await.unwrap_err().is(reason::DEADLINE_EXCEEDED));
}

#[tokio::test]
async fn a_read_cannot_write_and_a_panic_in_it_loses_no_connection() {
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteOptions { readers: 1, ..SqliteOptions::new(folder.path().join("a.db")) };
    let db = Sqlite::open(options, NOTES).unwrap();
    assert_eq!(db.read(&cx(), |conn| add(conn, 1)).await.unwrap_err().code(), Code::Unavailable);
    let panicking = tokio::spawn({
        let db = db.clone();
        async move { db.read(&cx(), |_| -> Result<()> { panic!("on purpose") }).await }
    });
    panicking.await.unwrap_err();
    assert!(ids(&db).await.is_empty());
}

#[tokio::test]
async fn close_finishes_what_waits_and_a_second_start_has_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/er/a.db");
    let db = Sqlite::open(SqliteOptions::new(&path), NOTES).unwrap();
    let (gate, _occupied) = occupy(&db).await;
    let write = enqueue(&db, |conn| add(conn, 1)).await;
    let closing = tokio::spawn({
        let db = db.clone();
        async move { db.close().await }
    });
    drop(gate);
    write.await.unwrap().unwrap();
    closing.await.unwrap();
    db.close().await;
    assert!(db.write(&cx(), |conn| add(conn, 2)).await.unwrap_err().is(reason::STORE_UNAVAILABLE));
    assert!(db.read(&cx(), |_| Ok(())).await.unwrap_err().is(reason::STORE_UNAVAILABLE));
    assert_eq!(std::fs::metadata(path.with_extension("db-wal")).map_or(0, |m| m.len()), 0, "checkpointed");
    let again = Sqlite::open(SqliteOptions::new(&path), NOTES).unwrap();
    assert_eq!(ids(&again).await, [1]);
}

#[tokio::test]
async fn another_handles_commit_changes_the_data_version() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Sqlite::open(SqliteOptions::new(folder.path().join("a.db")), NOTES).unwrap();
    let (one, other) = (open(), open());
    let before = one.data_version().unwrap();
    assert_eq!(one.data_version().unwrap(), before);
    other.write(&cx(), |conn| add(conn, 1)).await.unwrap();
    assert_ne!(one.data_version().unwrap(), before);
    assert_eq!(ids(&one).await, [1]);
}

#[tokio::test]
async fn an_ephemeral_database_leaves_nothing() {
    let db = Sqlite::ephemeral(NOTES).unwrap();
    db.write(&cx(), |conn| add(conn, 1)).await.unwrap();
    let folder = db.path().parent().unwrap().to_owned();
    assert!(folder.exists());
    drop(db);
    assert!(!folder.exists());
}

#[test]
fn migrations_are_applied_once_and_in_order() {
    const SECOND: Migration = Migration { name: "0002_more", sql: "ALTER TABLE notes ADD COLUMN more TEXT" };
    const CHANGED: Migration = Migration { name: "0001_notes", sql: "CREATE TABLE notes (id TEXT)" };
    const BROKEN: Migration = Migration { name: "0002_more", sql: "CREATE TABLE x (y); CREATE TABEL z (y)" };
    let folder = tempfile::tempdir().unwrap();
    let open = |migrations: &[Migration]| Sqlite::open(SqliteOptions::new(folder.path().join("a.db")), migrations);
    open(NOTES).unwrap();
    open(NOTES).unwrap();
    let refused = |migrations: &[Migration]| open(migrations).unwrap_err().text().to_owned();
    assert!(refused(&[NOTES[0], BROKEN]).contains("migration `0002_more` failed"));
    open(&[NOTES[0], SECOND]).unwrap();
    assert!(refused(NOTES).contains("newer than this program: it has migration `0002_more`"));
    assert!(refused(&[CHANGED, SECOND]).contains("migration `0001_notes` was applied"));
    assert!(refused(&[SECOND, NOTES[0]]).contains("must not change"));
}

#[tokio::test]
async fn violations_are_told_apart() {
    let db = Sqlite::ephemeral(NOTES).unwrap();
    let clash = |conn: &Connection| {
        add(conn, 1)?;
        conn.execute("INSERT INTO tags VALUES (1, 'a')", []).sql()?;
        let again = conn.execute("INSERT INTO tags VALUES (1, 'a')", []).unwrap_err();
        assert!(is_unique_violation(&again, "tags.tag") && is_unique_violation(&again, "tags.note"));
        assert!(!is_unique_violation(&again, "notes.id") && !is_unique_violation(&again, "tags.ta"));
        let key = conn.execute("INSERT INTO notes VALUES (1, 'x')", []).unwrap_err();
        assert!(is_unique_violation(&key, "notes.id"));
        let index = conn.execute("INSERT INTO notes VALUES (2, 'NOTE 1')", []).unwrap_err();
        assert!(is_unique_violation(&index, "notes_lower"));
        let orphan = conn.execute("INSERT INTO tags VALUES (9, 'a')", []).unwrap_err();
        assert!(!is_unique_violation(&orphan, "tags.note"));
        assert_eq!(map_err(orphan).code(), Code::Internal);
        conn.execute("INSERT INTO notes VALUES (1, 'x')", []).unique("notes.id", || Error::new(reason::ID_CLASH))
    };
    assert!(db.write(&cx(), clash).await.unwrap_err().is(reason::ID_CLASH));
}

#[tokio::test]
async fn lists_of_ids_have_no_limit() {
    let db = Sqlite::ephemeral(NOTES).unwrap();
    db.write(&cx(), |conn| add(conn, 39_999)).await.unwrap();
    let count = |ids: Vec<i64>| {
        let db = db.clone();
        async move {
            let sql = "SELECT count(*) FROM notes WHERE id IN (SELECT value FROM json_each(?1))";
            db.read(&cx(), |conn| conn.query_row(sql, [Ids(&ids)], |row| row.get::<_, i64>(0)).sql()).await.unwrap()
        }
    };
    assert_eq!(count((-5..40_000).collect()).await, 1);
    assert_eq!(count(vec![i64::MAX, i64::MIN]).await, 0);
    assert_eq!(count(Vec::new()).await, 0);
}

#[cfg(unix)]
#[tokio::test]
async fn files_are_for_their_owners_eyes_only() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.db");
    let db = Sqlite::open(SqliteOptions::new(&path), NOTES).unwrap();
    let mut seen = 0;
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
        seen += 1;
    }
    assert!(seen > 1, "the write-ahead log is there too");
    db.close().await;
}

#[test]
fn ephemeral_databases_of_one_process_differ_in_their_figures() {
    const LIKES: &[Migration] = &[Migration { name: "0001_likes", sql: "CREATE TABLE likes (id INTEGER)" }];
    let label = |migrations| Sqlite::ephemeral(migrations).unwrap().observe()[0].labels[0].1.clone();
    assert_eq!((label(NOTES), label(LIKES), label(&[])), ("notes".to_owned(), "likes".to_owned(), "store".to_owned()));
}
