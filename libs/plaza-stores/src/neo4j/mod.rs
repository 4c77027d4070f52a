//! Neo4j as a service's store.
//!
//! Reads are auto-commit queries whose time the server knows. Writes are explicit transactions. Every call ends at the
//! deadline of its [`Cx`], or after [`Neo4jOptions::call_timeout`] if that comes first: the driver's own limits cover
//! neither the handshake nor a silent peer. A breaker lets calls fail at once while the server is away.
//!
//! Statements mark each label, relationship type and name of the schema with `{ns}`, which [`Neo4j::query`] replaces by
//! the namespace of the address: nothing, except in tests, which share one database.
//!
//! ```no_run
//! # use plaza_core::{Cx, Result};
//! # use plaza_stores::neo4j::{Fault, Neo4j};
//! # async fn example(db: &Neo4j, cx: &Cx) -> Result<()> {
//! let rows = db.read(cx, db.query("MATCH (n:Note{ns} {id: $id}) RETURN n.text AS text").param("id", 1)).await?;
//! db.retry(cx, || async {
//!     let mut tx = db.begin(cx).await?;
//!     tx.run(db.query("MERGE (n:Note{ns} {id: $id}) SET n.text = $text").param("id", 1).param("text", "hello")).await?;
//!     tx.commit().await
//! })
//! .await?;
//! # Ok(()) }
//! ```

mod errors;
mod guard;
mod migrations;
mod namespace;
mod pool;
pub mod requests;
mod settings;
#[cfg(test)]
mod tests;
mod tx;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use neo4rs::{Query, Row};
use plaza_core::{Cx, Env, Error, Result, reason};
use tokio::sync::watch;

use crate::{Gauge, Migration, ServerAddress};

pub use errors::{Fault, get};
pub use namespace::Namespace;
pub use settings::Neo4jOptions;
pub use tx::Tx;

use guard::{Guard, Limit};
use pool::Pool;

/// How often a call is tried at most.
const TRIES: u32 = 12;
/// Waits between tries double from the first to the last of these.
const WAITS: (Duration, Duration) = (Duration::from_millis(5), Duration::from_millis(200));

/// One database. Clones share its connections.
#[derive(Clone)]
pub struct Neo4j(Arc<Inner>);

struct Inner {
    name: &'static str,
    options: Neo4jOptions,
    env: Env,
    guard: Guard,
    reads: Pool,
    /// Apart from the reads, as losing one of its connections drops them all; see [`Tx`].
    writes: Pool,
    commits: watch::Sender<u64>,
}

impl std::fmt::Debug for Neo4j {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Neo4j").field("name", &self.0.name).finish_non_exhaustive()
    }
}

impl Neo4j {
    /// Connects to the server at `address`, waiting for it until the deadline of `cx`, and brings its schema up to the
    /// last of `migrations`. `name` tells the store apart in metrics.
    ///
    /// # Errors
    /// `STORE_UNAVAILABLE` with a message for the operator: the address is not right, the server is not there or refuses
    /// the credentials, the schema is newer than this program, or a migration that it has was changed since.
    pub async fn open(
        cx: &Cx,
        name: &'static str,
        address: &ServerAddress,
        migrations: &[Migration],
        env: Env,
    ) -> Result<Self> {
        let options = Neo4jOptions::from_address(address)?;
        let db = Self(Arc::new(Inner {
            name,
            guard: Guard::new(&options)?,
            reads: Pool::new(&options, options.connections)?,
            writes: Pool::new(&options, settings::WRITE_CONNECTIONS)?,
            options,
            env,
            commits: watch::Sender::new(0),
        }));
        db.await_server(cx, address).await?;
        migrations::migrate(&db, cx, migrations).await?;
        Ok(db)
    }

    /// The statement with its namespace filled in.
    #[must_use]
    pub fn query(&self, cypher: &str) -> Query {
        self.0.options.namespace.query(cypher)
    }

    /// Runs a query in a transaction of its own and gives all its rows: for bounded results. Transient failures are
    /// tried again. A write must not depend on being performed once.
    ///
    /// # Errors
    /// `STORE_UNAVAILABLE` if the server is away, silent or busy; `DEADLINE_EXCEEDED` when time runs out.
    pub async fn read(&self, cx: &Cx, query: Query) -> Result<Vec<Row>> {
        self.retry(cx, || self.read_once(self.0.guard.limit(cx), query.clone())).await
    }

    /// As [`Neo4j::read`], for a query that may have much to look at: the server ends it after about `time`, and that is no
    /// sign of a server that is away.
    ///
    /// # Errors
    /// `DEADLINE_EXCEEDED` if the server ended it; else as [`Neo4j::read`].
    pub async fn read_for(&self, cx: &Cx, time: Duration, query: Query) -> Result<Vec<Row>> {
        let time = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        let once = || async {
            let limit = self.0.guard.limit(cx);
            self.read_timed(limit, time.min(limit.left_ms()), query.clone()).await
        };
        self.retry(cx, once).await
    }

    /// As [`Neo4j::read`], for changes of the schema: each may take until the deadline, and is tried again till then, as
    /// another process may be making the same change.
    async fn change_schema(&self, cx: &Cx, query: Query) -> Result<Vec<Row>> {
        let limit = Limit { end: cx.deadline(), by_deadline: true };
        let mut tries = 1;
        loop {
            match self.read_once(limit, query.clone()).await {
                Ok(rows) => return Ok(rows),
                Err(fault) if fault.may_retry(tries) && self.pause(cx, tries.min(TRIES - 1)).await => tries += 1,
                Err(fault) => return Err(fault.into_error()),
            }
        }
    }

    async fn read_once(&self, limit: Limit, query: Query) -> Result<Vec<Row>, Fault> {
        // The server ends the query as well, so that an abandoned one does not go on and keep its locks.
        self.read_timed(limit, limit.left_ms(), query).await
    }

    /// Reads; the server ends the query after `server_ms`.
    async fn read_timed(&self, limit: Limit, server_ms: i64, query: Query) -> Result<Vec<Row>, Fault> {
        let lease = self.0.reads.lease(limit).await?;
        let query = query.extra("tx_timeout", server_ms);
        let work = async {
            let mut stream = lease.graph().execute(query).await?;
            let mut rows = Vec::new();
            while let Some(row) = stream.next().await? {
                rows.push(row);
            }
            Ok(rows)
        };
        self.0.guard.call(limit, work).await
    }

    /// Begins a transaction; see [`Tx`].
    ///
    /// # Errors
    /// A [`Fault`]; see [`Neo4j::retry`].
    pub async fn begin(&self, cx: &Cx) -> Result<Tx, Fault> {
        Tx::begin(self.clone(), self.0.guard.limit(cx)).await
    }

    /// Runs `work` until it succeeds, as long as what it fails for is transient (a deadlock, a connection that was cut)
    /// and there is time. A commit of unknown outcome is never tried again here.
    ///
    /// # Errors
    /// The last failure: `STORE_UNAVAILABLE`, `DEADLINE_EXCEEDED`, or what `work` itself refused.
    pub async fn retry<T, F>(&self, cx: &Cx, mut work: impl FnMut() -> F + Send) -> Result<T>
    where
        F: Future<Output = Result<T, Fault>> + Send,
    {
        let mut tries = 1;
        loop {
            match work().await {
                Ok(value) => return Ok(value),
                Err(fault) if fault.may_retry(tries) && self.pause(cx, tries).await => tries += 1,
                Err(fault) => return Err(fault.into_error()),
            }
        }
    }

    /// Waits before another try, with jitter; false if there is no time or no try left.
    pub async fn pause(&self, cx: &Cx, tries: u32) -> bool {
        let full = WAITS.0.saturating_mul(1 << tries.min(16)).min(WAITS.1);
        let micros = u64::try_from(full.as_micros()).unwrap_or(u64::MAX);
        let wait = Duration::from_micros(micros / 2 + self.0.env.below(micros / 2));
        if tries >= TRIES || cx.remaining() <= wait {
            return false;
        }
        tokio::time::sleep(wait).await;
        true
    }

    /// Whether the server answers.
    ///
    /// # Errors
    /// As [`Neo4j::read`].
    pub async fn ping(&self, cx: &Cx) -> Result<()> {
        self.read(cx, self.query("RETURN 1")).await.map(drop)
    }

    /// Changes its value after each commit of this handle.
    #[must_use]
    pub fn commits(&self) -> watch::Receiver<u64> {
        self.0.commits.subscribe()
    }

    /// Connections in use, and whether calls fail at once because the server is away.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "there are few connections")]
    pub fn observe(&self) -> Vec<Gauge> {
        let figure = |what, value| Gauge::new(what, "store", self.0.name, value);
        vec![
            figure("neo4j_connections_busy", (self.0.reads.busy() + self.0.writes.busy()) as f64),
            figure("neo4j_breaker_open", f64::from(u8::from(self.0.guard.is_open()))),
        ]
    }

    /// Waits for the calls in hand, then lets go of the connections. Later calls fail.
    pub async fn close(&self) {
        self.0.reads.close().await;
        self.0.writes.close().await;
    }

    /// Removes every node of this handle's namespace, and its schema too if `schema` says so. For tests: a handle without
    /// a namespace refuses.
    ///
    /// # Errors
    /// Internal without a namespace; else as [`Neo4j::read`].
    pub async fn wipe(&self, cx: &Cx, schema: bool) -> Result<()> {
        namespace::wipe(self, cx, self.namespace(), schema).await
    }

    fn namespace(&self) -> &Namespace {
        &self.0.options.namespace
    }

    /// Asks until the server answers, as it may be starting.
    async fn await_server(&self, cx: &Cx, address: &ServerAddress) -> Result<()> {
        let mut tries = 1;
        loop {
            let Err(error) = self.read_once(self.0.guard.limit(cx), self.query("RETURN 1")).await else {
                return Ok(());
            };
            let wait = WAITS.1.min(cx.remaining());
            if error.is_refusal() || wait.is_zero() {
                let why = if error.is_refusal() { "it refuses the credentials" } else { "it does not answer" };
                let message = format!("cannot open {}: {why}", address.redacted());
                return Err(Error::new(reason::STORE_UNAVAILABLE).message(message));
            }
            tracing::debug!(store = self.0.name, tries, "waiting for neo4j");
            tries += 1;
            tokio::time::sleep(wait).await;
        }
    }
}
