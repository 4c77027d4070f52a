//! The process dies at each crash point, and at the next start everything is made up for.
//!
//! A child process of this same test binary writes, relays and applies until it dies at the point that its environment
//! names; the parent opens what is left and goes on.

#![expect(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use plaza_core::{Cx, Env, Result, Token};
use plaza_events::{
    Digest, Event, EventLog, NewEvent, Projection, Relay, RelayOptions, Runner, RunnerOptions, SqliteLog, SqliteOutbox,
    outbox, points,
};
use plaza_stores::{Migration, SqlResultExt as _, Sqlite, SqliteOptions};
use tokio_util::sync::CancellationToken;

const FOLDER: &str = "PLAZA_CRASH_TEST_FOLDER";
const TRUTH: &[Migration] = &[
    Migration { name: "0001_things", sql: "CREATE TABLE things (id INTEGER PRIMARY KEY, value INTEGER NOT NULL)" },
    Migration { name: "0002_outbox", sql: outbox::sqlite::SCHEMA },
];
const DERIVED: &[Migration] = &[Migration {
    name: "0001_sums",
    sql: "CREATE TABLE seen (id BLOB PRIMARY KEY); CREATE TABLE sums (id INTEGER PRIMARY KEY, total INTEGER NOT NULL);",
}];

fn cx() -> Cx {
    Cx::background("test", Duration::from_secs(30))
}

/// Adds up what the events carry: right only if every event takes effect exactly once.
struct Sums(Sqlite);

#[async_trait]
impl Projection for Sums {
    fn name(&self) -> &'static str {
        "sums"
    }

    fn sources(&self) -> &[&'static str] {
        &["things"]
    }

    fn keys(&self, event: &Event) -> Vec<i64> {
        vec![event.aggregate_id]
    }

    async fn project(&self, _: &Cx, _: &[i64]) -> Result<()> {
        Ok(())
    }

    async fn scan_truth(&self, _: &Cx, _: i64, _: usize) -> Result<Vec<(i64, Digest)>> {
        Ok(Vec::new())
    }

    async fn digests(&self, _: &Cx, keys: &[i64]) -> Result<Vec<Option<Digest>>> {
        Ok(vec![None; keys.len()])
    }

    async fn apply(&self, cx: &Cx, events: &[Event]) -> Result<()> {
        let events: Vec<_> = events.iter().map(|event| (event.id, event.aggregate_id)).collect();
        let write = self.0.write(cx, move |conn| {
            for (id, thing) in events {
                let new = conn.execute("INSERT OR IGNORE INTO seen VALUES (?1)", [id.as_bytes()]).sql()?;
                if new == 1 {
                    let add = "INSERT INTO sums VALUES (?1, 1) ON CONFLICT DO UPDATE SET total = total + 1";
                    conn.execute(add, [thing]).sql()?;
                }
            }
            Ok(())
        });
        write.await
    }
}

/// The parts over the files in a folder.
struct Parts {
    truth: Sqlite,
    derived: Sqlite,
    relay: Arc<Relay>,
    runner: Arc<Runner>,
    env: Env,
}

impl Parts {
    fn open(folder: &Path) -> Self {
        let env = Env::system();
        let truth = Sqlite::open(SqliteOptions::new(folder.join("truth.db")), TRUTH).unwrap();
        let derived = Sqlite::open(SqliteOptions::new(folder.join("derived.db")), DERIVED).unwrap();
        let log: Arc<dyn EventLog> = Arc::new(SqliteLog::open(folder.join("events.db")).unwrap());
        let outbox = Arc::new(SqliteOutbox::new("things", truth.clone()));
        let relay = Relay::new(outbox, log.clone(), env.clone(), RelayOptions::default());
        let options = RunnerOptions { cursor_every: 1, ..RunnerOptions::default() };
        let runner = Runner::new(Arc::new(Sums(derived.clone())), log, env.clone(), options);
        Self { truth, derived, relay: Arc::new(relay), runner: Arc::new(runner), env }
    }

    fn start(&self, stop: &CancellationToken) {
        let (relay, runner) = (self.relay.clone(), self.runner.clone());
        tokio::spawn({
            let stop = stop.clone();
            async move { relay.run(stop).await }
        });
        tokio::spawn({
            let stop = stop.clone();
            async move { runner.run(stop).await }
        });
    }

    /// Raises a thing's value by one.
    async fn raise(&self, id: i64) -> i64 {
        let event = NewEvent {
            id: self.env.event_id(),
            aggregate_type: "thing",
            aggregate_id: id,
            type_: "plaza.test.v1.Raised".to_owned(),
            payload: bytes::Bytes::new(),
            trace: None,
            at: self.env.now(),
        };
        let cx = cx();
        let write = self.truth.write(&cx, move |conn| {
            let raise = "INSERT INTO things VALUES (?1, 1) ON CONFLICT DO UPDATE SET value = value + 1";
            conn.execute(raise, [id]).sql()?;
            outbox::sqlite::append(conn, &event)
        });
        write.await.unwrap()
    }
}

async fn table(db: &Sqlite, sql: &str) -> Vec<(i64, i64)> {
    let cx = cx();
    let read = db.read(&cx, |conn| {
        let mut rows = conn.prepare(sql).sql()?;
        rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).sql()?.collect::<rusqlite::Result<_>>().sql()
    });
    read.await.unwrap()
}

/// What the child does: it writes without end and notes each acknowledged write, until it dies.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "runs only as the child of the test below"]
async fn child() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    points::arm_from_env();
    let parts = Parts::open(&folder);
    parts.start(&CancellationToken::new());
    let mut acknowledged =
        std::fs::File::options().create(true).append(true).open(folder.join("acknowledged")).unwrap();
    for i in 0.. {
        let position = parts.raise(i % 7).await;
        writeln!(acknowledged, "{position}").unwrap();
        // Waiting now and then lets every point be reached many times.
        if i % 3 == 0 {
            let mut token = Token::default();
            token.require("things", position);
            parts.runner.marks().wait(&cx(), &token).await.unwrap();
        }
    }
}

async fn die_and_recover(point: &str, hit: u32) {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..2 {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["child", "--exact", "--ignored", "--nocapture"])
            .env(FOLDER, folder.path())
            .env(points::VARIABLE, format!("{point}:{hit}"))
            .output()
            .unwrap();
        assert!(!output.status.success(), "{point}: the child must die (round {round})");
        assert!(!String::from_utf8_lossy(&output.stderr).contains("panicked"), "{point}: by the point");
    }
    let acknowledged = std::fs::read_to_string(folder.path().join("acknowledged")).unwrap();
    let acknowledged = acknowledged.lines().filter_map(|line| line.parse::<i64>().ok()).max().unwrap_or(0);

    let parts = Parts::open(folder.path());
    let stop = CancellationToken::new();
    parts.start(&stop);
    let last = parts.raise(3).await;
    assert!(last > acknowledged, "{point}: every acknowledged write is there");
    let mut token = Token::default();
    token.require("things", last);
    parts.runner.marks().wait(&cx(), &token).await.unwrap();
    let truth = table(&parts.truth, "SELECT id, value FROM things ORDER BY id").await;
    let sums = table(&parts.derived, "SELECT id, total FROM sums ORDER BY id").await;
    assert_eq!(sums, truth, "{point}:{hit}: every event took effect once");
    assert_eq!(truth.iter().map(|(_, value)| value).sum::<i64>(), last);
    stop.cancel();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_point_the_process_dies_at_nothing_is_lost_or_done_twice() {
    for point in points::ALL {
        for hit in [1, 5] {
            die_and_recover(point, hit).await;
        }
    }
}
