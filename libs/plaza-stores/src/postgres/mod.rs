//! Postgres as a service's store.
//!
//! Reads and writes have connections of their own, and so has what must not wait behind other reads. A call gets a
//! connection within a short time or is refused, ends at its deadline whatever the server does, and is refused at once
//! while the server is known to be away. A read costs one round trip; a transaction one for each statement and two more.
//! Concurrent writes are best taken together, by a [`Batcher`].
//!
//! ```no_run
//! # async fn example(cx: &plaza_core::Cx, address: &plaza_stores::ServerAddress) -> plaza_core::Result<()> {
//! use plaza_stores::{Migration, PgResultExt as _, Postgres, PostgresOptions};
//!
//! const MIGRATIONS: &[Migration] =
//!     &[Migration { name: "0001_notes", sql: "CREATE TABLE notes (id bigint PRIMARY KEY, text text NOT NULL)" }];
//! let db = Postgres::open(address, PostgresOptions::new("notes"), MIGRATIONS).await?;
//! db.write(cx, |mut conn| async move {
//!     let insert = sqlx::query("INSERT INTO notes VALUES ($1, $2)").bind(1_i64).bind("hello");
//!     insert.execute(&mut *conn).await.sql()
//! })
//! .await?;
//! let text: String = db
//!     .read(cx, |mut conn| async move {
//!         sqlx::query_scalar("SELECT text FROM notes WHERE id = $1").bind(1_i64).fetch_one(&mut *conn).await.sql()
//!     })
//!     .await?;
//! # Ok(()) }
//! ```
//!
//! What mutations answered is remembered by [`requests`].
//!
//! The address may name a schema, `postgres://HOST/DATABASE?schema=posts`, so that services share a database.

mod batch;
mod errors;
mod health;
mod migrations;
mod options;
mod pool;
pub mod requests;
mod scratch;
#[cfg(test)]
mod tests;
mod transaction;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use plaza_core::{Cx, Error, Result, reason};
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::sync::watch;
use tokio::time::Instant;
use tracing::Instrument as _;

use crate::address::ServerAddress;
use crate::{Gauge, Migration, span};

pub use batch::{BatchOptions, BatchWrite, Batcher};
pub use errors::{PgResultExt, map_err, violated};
pub use options::PostgresOptions;
pub use pool::Conn;
pub use scratch::Scratch;

use health::Health;
use options::Target;
use pool::{Pool, PoolOptions};
use transaction::Failed;

/// The pause between two tries to reach the server at the start.
const START_PAUSE: Duration = Duration::from_millis(200);
/// How long [`Postgres::close`] waits for calls in hand.
const CLOSE: Duration = Duration::from_secs(10);

/// One database, or one schema of it. Clones share it.
#[derive(Clone)]
pub struct Postgres(Arc<Inner>);

struct Inner {
    name: &'static str,
    reads: Pool,
    writes: Pool,
    reserved: Pool,
    replica: Option<Pool>,
    commits: watch::Sender<u64>,
}

impl std::fmt::Debug for Postgres {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Postgres").field("name", &self.0.name).finish_non_exhaustive()
    }
}

impl Postgres {
    /// Waits for the server, creates the schema that the address names if it is missing, and brings it up to the last of
    /// `migrations`. Other connections open when they are needed.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` for an address that cannot be used; `STORE_UNAVAILABLE` with a message for the operator if the
    /// server does not answer in time or refuses, if the schema is newer than this program, or if a migration that it
    /// has was changed since.
    pub async fn open(address: &ServerAddress, options: PostgresOptions, migrations: &[Migration]) -> Result<Self> {
        let target = Target::read(address, options.name)?;
        let replica = options.replica.as_ref().map(|replica| Target::read(replica, options.name)).transpose()?;
        let mut conn = first_connection(&target, address, options.start).await?;
        check_encoding(&mut conn, address).await?;
        let applied = migrations::migrate(&mut conn, target.schema.as_deref(), migrations).await?;
        conn.close().await.sql()?;
        tracing::debug!(address = address.redacted(), applied, "database open");
        let health = Health::new(target.connect.clone());
        let pool = |lane, size, target: &Target, health: &Health| {
            let limits = PoolOptions { lane, size, acquire: options.acquire, connect: options.connect };
            Pool::new(target.connect.clone(), health.clone(), &limits)
        };
        Ok(Self(Arc::new(Inner {
            name: options.name,
            reads: pool("read", options.readers, &target, &health),
            writes: pool("write", options.writers, &target, &health),
            reserved: pool("reserved", options.reserved, &target, &health),
            replica: replica
                .map(|replica| pool("replica", options.readers, &replica, &Health::new(replica.connect.clone()))),
            commits: watch::Sender::new(0),
        })))
    }

    /// Runs `f` with a connection. Each statement sees the latest commit, and must change nothing. `f` runs a second time
    /// if the connection turns out to have been closed while it was not used.
    ///
    /// # Errors
    /// What `f` returns; `DEADLINE_EXCEEDED` when time runs out; `STORE_UNAVAILABLE` if the server is away, no connection
    /// becomes free in time, or the store is closed.
    pub async fn read<T, F, Fut>(&self, cx: &Cx, f: F) -> Result<T>
    where
        F: FnMut(Conn) -> Fut,
        Fut: Future<Output = Result<T>>,
    {
        read(&self.0.reads, cx, f).await
    }

    /// As [`Postgres::read`], on connections kept apart: for what must be quick while all others wait. Keep it rare.
    ///
    /// # Errors
    /// As [`Postgres::read`].
    pub async fn read_reserved<T, F, Fut>(&self, cx: &Cx, f: F) -> Result<T>
    where
        F: FnMut(Conn) -> Fut,
        Fut: Future<Output = Result<T>>,
    {
        read(&self.0.reserved, cx, f).await
    }

    /// As [`Postgres::read`], from the replica if there is one and the call carries no consistency token; what a replica
    /// answers may be out of date, so it must not go into a cache. With the replica away the primary answers.
    ///
    /// # Errors
    /// As [`Postgres::read`].
    pub async fn read_replica<T, F, Fut>(&self, cx: &Cx, mut f: F) -> Result<T>
    where
        F: FnMut(Conn) -> Fut,
        Fut: Future<Output = Result<T>>,
    {
        if let Some(replica) = self.0.replica.as_ref().filter(|_| cx.token().is_empty()) {
            match read(replica, cx, &mut f).await {
                Err(error) if error.is(reason::STORE_UNAVAILABLE) => {}
                answer => return answer,
            }
        }
        self.read(cx, f).await
    }

    /// Runs `f` in a transaction and answers once it is committed. An error of `f` undoes it. `f` runs again, a few times
    /// within the deadline, if its transaction met another one: it must do nothing but what the transaction does. A
    /// caller that goes away before the commit undoes it as well; for what must follow a commit use a [`Batcher`].
    ///
    /// # Errors
    /// What `f` returns; `WRITE_CONFLICT` if it went on meeting others; `DEADLINE_EXCEEDED` when time runs out, and then
    /// it may have been committed; `STORE_UNAVAILABLE` as [`Postgres::read`], or if the connection broke at the commit,
    /// which may then have happened.
    pub async fn write<T, F, Fut>(&self, cx: &Cx, f: F) -> Result<T>
    where
        F: FnMut(Conn) -> Fut,
        Fut: Future<Output = Result<T>>,
    {
        let done = self.transaction(cx, f).instrument(span::write(self.name()));
        done.await.map_err(Failed::into_error)
    }

    /// Fails while the server is known to be away.
    fn check(&self) -> Result<()> {
        self.0.writes.health().check()
    }

    fn name(&self) -> &'static str {
        self.0.name
    }

    async fn transaction<T, F, Fut>(&self, cx: &Cx, f: F) -> Result<T, Failed>
    where
        F: FnMut(Conn) -> Fut,
        Fut: Future<Output = Result<T>>,
    {
        let outcome = transaction::run(&self.0.writes, cx, f).await;
        if !matches!(outcome, Err(Failed::Undone(_))) {
            self.announce();
        }
        outcome
    }

    /// Has those that follow [`Postgres::commits`] look, as after a commit.
    pub fn announce(&self) {
        self.0.commits.send_modify(|commits| *commits += 1);
    }

    /// Changes its value after each commit of this handle. The value itself means nothing.
    #[must_use]
    pub fn commits(&self) -> watch::Receiver<u64> {
        self.0.commits.subscribe()
    }

    /// Asks the server for a sign of life: for health.
    ///
    /// # Errors
    /// As [`Postgres::read`].
    pub async fn ping(&self, cx: &Cx) -> Result<()> {
        self.read_reserved(cx, |mut conn| async move { conn.ping().await.sql() }).await
    }

    /// Connections by lane, and whether the server is away.
    #[must_use]
    pub fn observe(&self) -> Vec<Gauge> {
        let inner = &*self.0;
        let pools = [&inner.reads, &inner.writes, &inner.reserved].into_iter().chain(inner.replica.as_ref());
        let mut gauges: Vec<Gauge> = pools.flat_map(|pool| pool.observe(inner.name)).collect();
        let away = f64::from(u8::from(inner.writes.health().is_away()));
        gauges.push(Gauge::new("postgres_away", "store", inner.name, away));
        gauges
    }

    /// Takes no more calls, waits for those in hand for a bounded time, closes the connections. Calling it again is fine.
    pub async fn close(&self) {
        let inner = &*self.0;
        for pool in [&inner.reads, &inner.writes, &inner.reserved].into_iter().chain(inner.replica.as_ref()) {
            pool.close(CLOSE).await;
        }
    }
}

async fn read<T, F, Fut>(pool: &Pool, cx: &Cx, mut f: F) -> Result<T>
where
    F: FnMut(Conn) -> Fut,
    Fut: Future<Output = Result<T>>,
{
    let mut lease = pool.lease(cx).await?;
    match read_with(&mut lease, cx, &mut f).await {
        Err(error) if lease.was_stale(&error) => {
            drop(lease);
            lease = pool.lease(cx).await?;
            read_with(&mut lease, cx, &mut f).await
        }
        answer => answer,
    }
}

async fn read_with<T, F, Fut>(lease: &mut pool::Lease<'_>, cx: &Cx, f: &mut F) -> Result<T>
where
    F: FnMut(Conn) -> Fut,
    Fut: Future<Output = Result<T>>,
{
    lease.limit_statements(cx).await?;
    lease.lend(cx, f).await
}

async fn first_connection(target: &Target, address: &ServerAddress, limit: Duration) -> Result<sqlx::PgConnection> {
    let end = Instant::now() + limit;
    let mut told = false;
    loop {
        let error = match tokio::time::timeout_at(end, target.connect.connect()).await {
            Ok(Ok(conn)) => return Ok(conn),
            Ok(Err(error)) if health::is_away(&error) => error.to_string(),
            Ok(Err(error)) => return Err(cannot_open(address, &error.to_string())),
            Err(_) => "it does not answer".to_owned(),
        };
        if Instant::now() + START_PAUSE >= end {
            return Err(cannot_open(address, &error));
        }
        if !std::mem::replace(&mut told, true) {
            tracing::warn!(address = address.redacted(), error, "waiting for postgres");
        }
        tokio::time::sleep(START_PAUSE).await;
    }
}

/// Any other encoding refuses text that the embedded engine takes.
async fn check_encoding(conn: &mut sqlx::PgConnection, address: &ServerAddress) -> Result<()> {
    let encoding: String = sqlx::query_scalar("SHOW server_encoding").fetch_one(conn).await.sql()?;
    if encoding == "UTF8" {
        return Ok(());
    }
    Err(cannot_open(address, &format!("the database's encoding is {encoding}; create it with encoding UTF8")))
}

fn cannot_open(address: &ServerAddress, error: &str) -> Error {
    Error::new(reason::STORE_UNAVAILABLE).message(format!("cannot open {}: {error}", address.redacted()))
}
