//! A truth store with an outbox, a projection of it that can be made to fail, a log that can, and waiting.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use plaza_core::{Cx, Env, Error, ManualClock, Position, Result, Timestamp, TraceContext, reason};
use plaza_stores::{Faults, Migration, SqlResultExt as _, Sqlite};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::log::{Consumer, DeadLetter, Delivery, EventLog, Offset, Tail};
use crate::outbox::{self, SqliteOutbox};
use crate::*;

pub(super) const MIGRATIONS: &[Migration] = &[
    Migration { name: "0001_things", sql: "CREATE TABLE things (id INTEGER PRIMARY KEY, value INTEGER NOT NULL)" },
    Migration { name: "0002_outbox", sql: outbox::sqlite::SCHEMA },
];
pub(super) const QUICK: Backoff = Backoff { first: Duration::from_millis(1), cap: Duration::from_millis(4) };

pub(super) fn cx() -> Cx {
    Cx::background("test", Duration::from_secs(30))
}

pub(super) fn env() -> (Arc<ManualClock>, Env) {
    let clock = ManualClock::new(Timestamp(1_800_000_000_000));
    (clock.clone(), Env::manual(clock, 1))
}

/// Polls until `done`; the test fails if that takes very long.
pub(super) async fn eventually(what: &str, mut done: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !done().await {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.unwrap_or_else(|_| panic!("never: {what}"));
}

/// A background task that ends by its own token.
pub(super) struct Running(CancellationToken, JoinHandle<()>);

impl Running {
    pub(super) fn start<F: Future<Output = ()> + Send + 'static>(work: impl FnOnce(CancellationToken) -> F) -> Self {
        let stop = CancellationToken::new();
        Self(stop.clone(), tokio::spawn(work(stop)))
    }

    pub(super) fn relay(relay: &Arc<Relay>) -> Self {
        let relay = relay.clone();
        Self::start(|stop| async move { relay.run(stop).await })
    }

    pub(super) fn runner(runner: &Arc<Runner>) -> Self {
        let runner = runner.clone();
        Self::start(|stop| async move { runner.run(stop).await })
    }

    pub(super) async fn stop(self) {
        self.0.cancel();
        self.1.await.unwrap();
    }

    /// Ends it in the middle of whatever it does.
    pub(super) async fn kill(self) {
        self.1.abort();
        assert!(self.1.await.unwrap_err().is_cancelled());
    }
}

/// Things with a value, and the outbox `things`.
#[derive(Clone)]
pub(super) struct Truth {
    pub(super) db: Sqlite,
    env: Env,
}

impl Truth {
    pub(super) fn new(env: &Env) -> Self {
        Self { db: Sqlite::ephemeral(MIGRATIONS).unwrap(), env: env.clone() }
    }

    pub(super) fn outbox(&self) -> Arc<SqliteOutbox> {
        Arc::new(SqliteOutbox::new("things", self.db.clone()))
    }

    /// Sets a thing's value, and says so in the outbox.
    pub(super) async fn set(&self, id: i64, value: i64) -> Position {
        let event = NewEvent {
            id: self.env.event_id(),
            aggregate_type: "thing",
            aggregate_id: id,
            type_: "plaza.test.v1.Changed".to_owned(),
            payload: bytes::Bytes::new(),
            trace: None,
            at: self.env.now(),
        };
        let cx = cx();
        let write = self.db.write(&cx, move |conn| {
            conn.execute("INSERT OR REPLACE INTO things VALUES (?1, ?2)", [id, value]).sql()?;
            outbox::sqlite::append(conn, &event)
        });
        write.await.unwrap()
    }

    pub(super) async fn page(&self, cx: &Cx, after: i64, limit: usize) -> Result<Vec<(i64, i64)>> {
        let read = self.db.read(cx, |conn| {
            let mut rows =
                conn.prepare_cached("SELECT id, value FROM things WHERE id > ?1 ORDER BY id LIMIT ?2").sql()?;
            let limit = i64::try_from(limit).unwrap();
            rows.query_map([after, limit], |row| Ok((row.get(0)?, row.get(1)?))).sql()?.collect::<Result<_, _>>().sql()
        });
        read.await
    }

    pub(super) async fn all(&self) -> BTreeMap<i64, i64> {
        self.page(&cx(), 0, 100_000).await.unwrap().into_iter().collect()
    }
}

/// Copies the things; the copy can be looked at and damaged.
pub(super) struct Copy {
    pub(super) truth: Truth,
    pub(super) held: Mutex<BTreeMap<i64, i64>>,
    pub(super) faults: Faults,
    /// Keys whose projection fails for good.
    pub(super) poison: Mutex<Vec<i64>>,
    /// Keys whose projection panics.
    pub(super) panics: Mutex<Vec<i64>>,
    /// More events than this at once run out of time.
    pub(super) most: AtomicUsize,
    pub(super) absence_is_drift: AtomicBool,
    /// Every call of `apply` with its events' positions.
    pub(super) applied: Mutex<Vec<Vec<Position>>>,
    /// The trace that each call of `apply` belonged to.
    pub(super) traces: Mutex<Vec<Option<TraceContext>>>,
}

impl Copy {
    pub(super) fn of(truth: &Truth) -> Arc<Self> {
        Arc::new(Self {
            truth: truth.clone(),
            held: Mutex::default(),
            faults: Faults::new(),
            poison: Mutex::default(),
            panics: Mutex::default(),
            most: AtomicUsize::new(usize::MAX),
            absence_is_drift: AtomicBool::new(false),
            applied: Mutex::default(),
            traces: Mutex::default(),
        })
    }

    pub(super) fn held(&self) -> BTreeMap<i64, i64> {
        self.held.lock().clone()
    }
}

fn digest(value: i64) -> Digest {
    Digester::new().number(value).finish()
}

#[async_trait]
impl Projection for Copy {
    fn name(&self) -> &'static str {
        "copy"
    }

    fn sources(&self) -> &[&'static str] {
        &["things"]
    }

    fn keys(&self, event: &Event) -> Vec<i64> {
        vec![event.aggregate_id]
    }

    async fn project(&self, cx: &Cx, keys: &[i64]) -> Result<()> {
        self.faults.check().await?;
        if keys.iter().any(|key| self.panics.lock().contains(key)) {
            panic!("on purpose");
        }
        if let Some(key) = keys.iter().find(|key| self.poison.lock().contains(key)) {
            return Err(Error::internal(format!("{key} is poison")));
        }
        for key in keys {
            let now = self.truth.page(cx, key - 1, 1).await?.first().copied().filter(|(id, _)| id == key);
            match now {
                Some((id, value)) => self.held.lock().insert(id, value),
                None => self.held.lock().remove(key),
            };
        }
        Ok(())
    }

    async fn scan_truth(&self, cx: &Cx, after: i64, limit: usize) -> Result<Vec<(i64, Digest)>> {
        self.faults.check().await?;
        Ok(self.truth.page(cx, after, limit).await?.into_iter().map(|(id, value)| (id, digest(value))).collect())
    }

    async fn digests(&self, _: &Cx, keys: &[i64]) -> Result<Vec<Option<Digest>>> {
        let held = self.held.lock();
        Ok(keys.iter().map(|key| held.get(key).map(|value| digest(*value))).collect())
    }

    fn absence_is_drift(&self) -> bool {
        self.absence_is_drift.load(Ordering::SeqCst)
    }

    async fn apply(&self, cx: &Cx, events: &[Event]) -> Result<()> {
        self.applied.lock().push(events.iter().map(|event| event.position).collect());
        self.traces.lock().push(cx.trace());
        if events.len() > self.most.load(Ordering::SeqCst) {
            return Err(Error::new(reason::DEADLINE_EXCEEDED));
        }
        let mut keys: Vec<i64> = events.iter().flat_map(|event| self.keys(event)).collect();
        keys.sort_unstable();
        keys.dedup();
        self.project(cx, &keys).await
    }
}

/// A log that fails when `faults` says so: publications, deliveries and commits.
pub(super) struct FaultyLog {
    pub(super) inner: SqliteLog,
    pub(super) faults: Faults,
}

impl FaultyLog {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self { inner: SqliteLog::ephemeral().unwrap(), faults: Faults::new() })
    }
}

/// A consumer of it.
struct FaultyConsumer {
    inner: Box<dyn Consumer>,
    faults: Faults,
}

#[async_trait]
impl Consumer for FaultyConsumer {
    async fn next(&mut self, cx: &Cx, limit: usize, wait: Duration) -> Result<Delivery> {
        self.faults.check().await?;
        self.inner.next(cx, limit, wait).await
    }
    fn has_turn(&self) -> bool {
        self.inner.has_turn()
    }
    async fn announce(&mut self, applied: &[(String, Position)], given_up: &[(String, Position)]) {
        self.inner.announce(applied, given_up).await;
    }
    async fn commit(&mut self, cx: &Cx, positions: &[(String, Position)]) -> Result<()> {
        self.faults.check().await?;
        self.inner.commit(cx, positions).await
    }
    async fn leave(&mut self, cx: &Cx) -> Result<()> {
        self.inner.leave(cx).await
    }
}

#[async_trait]
impl EventLog for FaultyLog {
    async fn publish(&self, cx: &Cx, after: Position, events: &[Event]) -> Result<usize> {
        self.faults.check().await?;
        self.inner.publish(cx, after, events).await
    }
    async fn last_position(&self, cx: &Cx, source: &str) -> Result<Position> {
        self.faults.check().await?;
        self.inner.last_position(cx, source).await
    }
    async fn last_offset(&self, cx: &Cx) -> Result<Offset> {
        self.inner.last_offset(cx).await
    }
    async fn consumer(&self, cx: &Cx, name: &str, sources: &[&str]) -> Result<Box<dyn Consumer>> {
        let (inner, faults) = (self.inner.consumer(cx, name, sources).await?, self.faults.clone());
        Ok(Box::new(FaultyConsumer { inner, faults }))
    }
    async fn forget_consumer(&self, cx: &Cx, consumer: &str) -> Result<()> {
        self.inner.forget_consumer(cx, consumer).await
    }
    async fn tail(&self, cx: &Cx, sources: &[&str]) -> Result<Box<dyn Tail>> {
        self.inner.tail(cx, sources).await
    }
    async fn since(&self, cx: &Cx, source: &str, after: Position, limit: usize) -> Result<Option<Vec<Event>>> {
        self.faults.check().await?;
        self.inner.since(cx, source, after, limit).await
    }
    async fn put_dead_letter(&self, cx: &Cx, letter: &DeadLetter) -> Result<i64> {
        self.inner.put_dead_letter(cx, letter).await
    }
    async fn dead_letters(&self, cx: &Cx, consumer: Option<&str>, after: i64, limit: usize) -> Result<Vec<DeadLetter>> {
        self.inner.dead_letters(cx, consumer, after, limit).await
    }
    async fn dead_letter(&self, cx: &Cx, id: i64) -> Result<DeadLetter> {
        self.inner.dead_letter(cx, id).await
    }
    async fn remove_dead_letter(&self, cx: &Cx, id: i64) -> Result<bool> {
        self.inner.remove_dead_letter(cx, id).await
    }
    async fn prune(&self, cx: &Cx, before: Timestamp) -> Result<usize> {
        self.inner.prune(cx, before).await
    }
    fn observe(&self) -> Vec<Gauge> {
        self.inner.observe()
    }
    async fn close(&self) {
        self.inner.close().await;
    }
}
