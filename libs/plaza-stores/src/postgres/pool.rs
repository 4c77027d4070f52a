//! Connections for one kind of call.
//!
//! The driver's own pool asks the server once more whenever a connection comes back, and waits for the answer without a
//! limit: twice the round trips for each read, and no permits left while the server stands still. Here a connection goes
//! back only from a call that ended cleanly, as it is; any other is closed.

use std::collections::VecDeque;
use std::future::Future;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use parking_lot::Mutex;
use plaza_core::{Cx, Error, Result, reason};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, PgConnection};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::errors::{PgResultExt as _, unavailable};
use super::health::{Health, SLOW};
use crate::Gauge;

/// A connection that was not used for this long is closed.
const IDLE: Duration = Duration::from_secs(300);

/// An open connection.
pub(super) struct Live {
    conn: PgConnection,
    /// The statement timeout that its session has, in milliseconds.
    timeout_ms: u64,
    generation: u64,
    used: Instant,
}

/// Where a [`Conn`] puts its connection when it goes.
type Slot = Arc<Mutex<Option<Live>>>;

/// A connection lent to a call. It belongs to the future that uses it: dropped half-way, it is closed.
pub struct Conn {
    live: Option<Live>,
    home: Slot,
}

impl Conn {
    fn new(live: Live) -> (Self, Slot) {
        let home = Slot::default();
        (Self { live: Some(live), home: home.clone() }, home)
    }
}

impl Deref for Conn {
    type Target = PgConnection;

    #[expect(clippy::expect_used, reason = "taken out by `drop` alone")]
    fn deref(&self) -> &PgConnection {
        &self.live.as_ref().expect("a connection is there until it is dropped").conn
    }
}

impl DerefMut for Conn {
    #[expect(clippy::expect_used, reason = "taken out by `drop` alone")]
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.live.as_mut().expect("a connection is there until it is dropped").conn
    }
}

impl Drop for Conn {
    fn drop(&mut self) {
        *self.home.lock() = self.live.take();
    }
}

impl std::fmt::Debug for Conn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Conn").finish_non_exhaustive()
    }
}

/// The connections of one lane.
pub(super) struct Pool {
    lane: &'static str,
    connect: PgConnectOptions,
    health: Health,
    permits: Semaphore,
    size: usize,
    acquire: Duration,
    opening: Duration,
    idle: Mutex<VecDeque<Live>>,
    waiting: AtomicUsize,
}

/// How a pool is set up.
pub(super) struct PoolOptions {
    pub(super) lane: &'static str,
    pub(super) size: usize,
    pub(super) acquire: Duration,
    pub(super) connect: Duration,
}

/// The right to a connection, with the connection while it is fit for use. Dropped, it gives both back.
pub(super) struct Lease<'a> {
    pool: &'a Pool,
    live: Option<Live>,
    /// Whether another call has used it before, so that the server may have closed it since.
    reused: bool,
    pub(super) in_transaction: bool,
    _permit: SemaphorePermit<'a>,
}

impl Pool {
    pub(super) fn new(connect: PgConnectOptions, health: Health, options: &PoolOptions) -> Self {
        let size = options.size.max(1);
        Self {
            lane: options.lane,
            connect,
            health,
            permits: Semaphore::new(size),
            size,
            acquire: options.acquire,
            opening: options.connect,
            idle: Mutex::default(),
            waiting: AtomicUsize::new(0),
        }
    }

    pub(super) fn health(&self) -> &Health {
        &self.health
    }

    /// A connection, within the call's deadline and the pool's own, shorter limits.
    pub(super) async fn lease(&self, cx: &Cx) -> Result<Lease<'_>> {
        self.health.check()?;
        let permit = match self.permits.try_acquire() {
            Ok(permit) => permit,
            Err(_) => self.wait(cx).await?,
        };
        if cx.remaining().is_zero() {
            return Err(Error::new(reason::DEADLINE_EXCEEDED));
        }
        if let Some(live) = self.take_idle() {
            return Ok(self.leased(live, true, permit));
        }
        let live = self.open(cx).await?;
        Ok(self.leased(live, false, permit))
    }

    fn leased<'a>(&'a self, live: Live, reused: bool, permit: SemaphorePermit<'a>) -> Lease<'a> {
        Lease { pool: self, live: Some(live), reused, in_transaction: false, _permit: permit }
    }

    async fn wait(&self, cx: &Cx) -> Result<SemaphorePermit<'_>> {
        let _waiting = Waiting::new(&self.waiting);
        let limit = self.acquire.min(cx.remaining());
        tokio::select! {
            permit = self.permits.acquire() => permit.map_err(|_| closed()),
            error = self.health.gone() => Err(error),
            () = tokio::time::sleep(limit) => {
                self.health.suspect();
                if cx.remaining().is_zero() { Err(Error::new(reason::DEADLINE_EXCEEDED)) } else { Err(unavailable()) }
            }
        }
    }

    fn take_idle(&self) -> Option<Live> {
        let generation = self.health.generation();
        let mut idle = self.idle.lock();
        // Newest first: those at the other end grow old, and are closed when one comes back.
        while let Some(live) = idle.pop_back() {
            if live.generation == generation && live.used.elapsed() < IDLE {
                return Some(live);
            }
        }
        None
    }

    async fn open(&self, cx: &Cx) -> Result<Live> {
        let generation = self.health.generation();
        let opened = tokio::time::timeout(self.opening.min(cx.remaining()), self.connect.connect()).await;
        match opened {
            Ok(Ok(conn)) => Ok(Live { conn, timeout_ms: u64::MAX, generation, used: Instant::now() }),
            Ok(Err(error)) => {
                self.health.suspect();
                Err(error).sql()
            }
            Err(_) => {
                self.health.suspect();
                if cx.remaining().is_zero() { Err(Error::new(reason::DEADLINE_EXCEEDED)) } else { Err(unavailable()) }
            }
        }
    }

    fn put(&self, mut live: Live) {
        if self.permits.is_closed() || live.generation != self.health.generation() {
            return;
        }
        live.used = Instant::now();
        let mut idle = self.idle.lock();
        idle.push_back(live);
        if idle.front().is_some_and(|oldest| oldest.used.elapsed() >= IDLE) {
            idle.pop_front();
        }
    }

    /// Connections that are open or being opened, those among them that nobody uses, and calls that wait for one.
    #[expect(clippy::cast_precision_loss, reason = "pools are small")]
    pub(super) fn observe(&self, store: &str) -> Vec<Gauge> {
        let busy = self.size.saturating_sub(self.permits.available_permits());
        let figure = |name, value: usize| Gauge {
            name,
            labels: vec![("store", store.to_owned()), ("lane", self.lane.to_owned())],
            value: value as f64,
        };
        let idle = self.idle.lock().len();
        vec![
            figure("postgres_connections", busy + idle),
            figure("postgres_connections_idle", idle),
            figure("postgres_connections_waited_for", self.waiting.load(Relaxed)),
        ]
    }

    /// Takes no more calls, waits for those in hand for `limit` at most, closes the connections.
    pub(super) async fn close(&self, limit: Duration) {
        let all = u32::try_from(self.size).unwrap_or(u32::MAX);
        // Whoever is not done by then is cut off.
        let _ = tokio::time::timeout(limit, self.permits.acquire_many(all)).await;
        self.permits.close();
        self.idle.lock().clear();
    }
}

impl Lease<'_> {
    /// Lends the connection to `f` until the deadline. It stays here afterwards, unless it broke or `f` was cut off.
    pub(super) async fn lend<T, F, Fut>(&mut self, cx: &Cx, f: F) -> Result<T>
    where
        F: FnOnce(Conn) -> Fut,
        Fut: Future<Output = Result<T>>,
    {
        let live = self.live.take().ok_or_else(unavailable)?;
        let health = &self.pool.health;
        let (conn, home) = Conn::new(live);
        let Some(result) = until_deadline(cx, health, f(conn)).await else {
            return Err(Error::new(reason::DEADLINE_EXCEEDED));
        };
        match &result {
            Err(error) if error.is(reason::STORE_UNAVAILABLE) => health.broken(),
            _ => self.live = home.lock().take(),
        }
        result
    }

    /// Has the server stop a statement that outlives the call by far. The client stops at the deadline itself; so the
    /// timeout is rounded up to a power of two, and is seldom sent as calls of one kind have much the same time.
    pub(super) async fn limit_statements(&mut self, cx: &Cx) -> Result<()> {
        let left = u64::try_from(cx.remaining().as_millis()).unwrap_or(u64::MAX);
        let wanted = left.clamp(32, 1 << 30).next_power_of_two();
        if self.live.as_ref().is_none_or(|live| live.timeout_ms != wanted) {
            self.lend(cx, |conn| execute(conn, format!("SET statement_timeout = {wanted}"))).await?;
            if let Some(live) = &mut self.live {
                live.timeout_ms = wanted;
            }
        }
        Ok(())
    }

    /// Whether `error` comes of a connection that the server had closed before: with a fresh one it may go well.
    pub(super) fn was_stale(&self, error: &Error) -> bool {
        self.reused && error.is(reason::STORE_UNAVAILABLE)
    }

    /// Whether there is a connection still.
    pub(super) fn is_open(&self) -> bool {
        self.live.is_some()
    }
}

impl Drop for Lease<'_> {
    fn drop(&mut self) {
        if let Some(live) = self.live.take().filter(|_| !self.in_transaction) {
            self.pool.put(live);
        }
    }
}

/// Runs one or more statements that have no parameters and no rows.
pub(super) async fn execute(mut conn: Conn, sql: String) -> Result<()> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *conn).await.sql()?;
    Ok(())
}

/// Runs `work` until the deadline, `None` if it was cut off there. If it takes long, the server is looked at meanwhile.
async fn until_deadline<T>(cx: &Cx, health: &Health, work: impl Future<Output = T>) -> Option<T> {
    let mut work = std::pin::pin!(work);
    let slow = cx.deadline().min(Instant::now() + SLOW);
    if let Ok(done) = tokio::time::timeout_at(slow, &mut work).await {
        return Some(done);
    }
    health.suspect();
    tokio::time::timeout_at(cx.deadline(), work).await.ok()
}

struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

pub(super) fn closed() -> Error {
    Error::new(reason::STORE_UNAVAILABLE).message("the store is closed")
}
