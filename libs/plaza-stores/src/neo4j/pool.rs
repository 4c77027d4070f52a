//! A bounded set of connections, with a bounded wait for one.

use std::sync::Arc;
use std::time::Duration;

use neo4rs::{ConfigBuilder, Graph};
use parking_lot::RwLock;
use plaza_core::{Error, Result, reason};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::errors::Fault;
use super::guard::Limit;
use super::settings::Neo4jOptions;

/// How long a connection that was idle may take to show that it is alive; the driver calls this its idle time.
const RECYCLE_TIMEOUT: Duration = Duration::from_millis(1_500);
/// The driver's own limit on each message; what counts is the limit of each call, which also covers the handshake.
const DRIVER_TIMEOUT: Duration = Duration::from_secs(60);
/// Rows that come with one answer of the server.
const FETCH: usize = 256;

/// Connections of one kind.
pub(super) struct Pool {
    config: neo4rs::Config,
    graph: RwLock<Graph>,
    permits: Arc<Semaphore>,
    size: usize,
}

/// The right to one connection.
pub(super) struct Lease {
    graph: Graph,
    _permit: OwnedSemaphorePermit,
}

impl Lease {
    pub(super) const fn graph(&self) -> &Graph {
        &self.graph
    }
}

impl Pool {
    /// Connects to nothing yet.
    pub(super) fn new(options: &Neo4jOptions, size: usize) -> Result<Self> {
        // Direct, without the routing of a cluster.
        let builder = ConfigBuilder::default()
            .uri(format!("bolt://{}", options.host))
            .user(&options.user)
            .password(&options.password)
            .max_connections(size)
            .fetch_size(FETCH)
            .connection_timeout(DRIVER_TIMEOUT)
            .idle_timeout(RECYCLE_TIMEOUT);
        let builder = if options.database.is_empty() { builder } else { builder.db(options.database.as_str()) };
        let config = builder.build().map_err(|e| wrong(&e))?;
        let graph = RwLock::new(Graph::connect(config.clone()).map_err(|e| wrong(&e))?);
        Ok(Self { config, graph, permits: Arc::new(Semaphore::new(size)), size })
    }

    /// Waits for a connection that nobody uses.
    pub(super) async fn lease(&self, limit: Limit) -> Result<Lease, Fault> {
        let waited = tokio::time::timeout_at(limit.end, self.permits.clone().acquire_owned()).await;
        let permit = waited.map_err(|_| Fault::silent(limit.by_deadline))?;
        let permit = permit.map_err(|_| Error::new(reason::STORE_UNAVAILABLE).message("the store is closed"))?;
        Ok(Lease { graph: self.graph.read().clone(), _permit: permit })
    }

    /// Drops every connection once it is not in use. The driver keeps one whose transaction was given up half way, and
    /// the server keeps the transaction's locks with it; only a closed connection makes it let go.
    pub(super) fn renew(&self) {
        match Graph::connect(self.config.clone()) {
            Ok(graph) => *self.graph.write() = graph,
            Err(error) => tracing::error!(%error, "cannot renew the connections to neo4j"),
        }
    }

    pub(super) fn busy(&self) -> usize {
        self.size.saturating_sub(self.permits.available_permits())
    }

    /// Waits for the calls in hand; no more are let in.
    pub(super) async fn close(&self) {
        if let Ok(all) = self.permits.acquire_many(u32::try_from(self.size).unwrap_or(u32::MAX)).await {
            self.permits.close();
            drop(all);
        }
        self.renew();
    }
}

fn wrong(error: &neo4rs::Error) -> Error {
    Error::new(reason::STORE_UNAVAILABLE).message(format!("the address of neo4j is not right: {error}"))
}
