//! A namespace of its own on the real Neo4j for each test, removed afterwards.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt as _;
use plaza_core::{Cx, Env, ManualClock};
use plaza_graph::store::cached::Circles;
use plaza_graph::store::conformance::Subject;
use plaza_graph::store::{CachedGraph, GraphStore, Neo4jGraph, OnChange};
use plaza_stores::neo4j::Neo4j;
use plaza_stores::{CacheOptions, ServerAddress, ServerKind, StoreAddress};
use plaza_testkit::Store;

use crate::support::START;

/// A namespace on a server.
#[derive(Clone, Debug)]
pub(crate) struct Ground {
    pub(crate) address: ServerAddress,
}

impl Ground {
    /// A fresh namespace on the server at `server`.
    pub(crate) fn at(server: &str) -> Self {
        let address: StoreAddress = format!("{server}?namespace={}", Store::unique_name()).parse().unwrap();
        Self { address: address.server(ServerKind::Neo4j).unwrap().clone() }
    }

    /// The same namespace by another way to the server.
    pub(crate) fn through(&self, socket: SocketAddr) -> Self {
        let url = self.address.url();
        let rest = url.split_once('?').map(|(_, query)| query).unwrap_or_default();
        let address: StoreAddress = format!("neo4j://{socket}?{rest}").parse().unwrap();
        Self { address: address.server(ServerKind::Neo4j).unwrap().clone() }
    }

    /// A store on it, with a real clock.
    pub(crate) async fn open(&self) -> Neo4jGraph {
        self.open_with(Env::system(), Arc::new(|_| {})).await
    }

    pub(crate) async fn open_with(&self, env: Env, on_change: OnChange) -> Neo4jGraph {
        Neo4jGraph::open(&self.address, env, on_change).await.unwrap()
    }

    /// An empty store on it, with a clock that stands still.
    pub(crate) async fn bare(&self) -> Subject {
        self.wipe(false).await;
        let clock = ManualClock::new(START);
        let store = self.open_with(Env::manual(clock.clone(), 1), Arc::new(|_| {})).await;
        Subject { store: Arc::new(store), clock }
    }

    /// The same behind a cache that holds sides of up to `side_limit` edges and accounts of up to `max_weight` bytes.
    pub(crate) async fn cached(&self, side_limit: usize, max_weight: u64) -> Subject {
        self.wipe(false).await;
        let clock = ManualClock::new(START);
        let env = Env::manual(clock.clone(), 1);
        let (ttl, jitter) = (Duration::from_secs(600), Duration::from_secs(60));
        let options = CacheOptions { name: "circles", max_weight, ttl, jitter };
        let circles = Circles::new(options, side_limit, env.clone());
        let engine = self.open_with(env, circles.invalidation()).await;
        let store: Arc<dyn GraphStore> = Arc::new(CachedGraph::new(engine, circles));
        Subject { store, clock }
    }

    /// Deletes everything in it, and its schema if `schema`.
    pub(crate) async fn wipe(&self, schema: bool) {
        let cx = Cx::background("test", Duration::from_secs(60));
        let db = Neo4j::open(&cx, "wipe", &self.address, plaza_graph::store::neo4j::MIGRATIONS, Env::system()).await;
        db.unwrap().wipe(&cx, schema).await.unwrap();
    }
}

/// Runs a test on a namespace of its own; nothing if there is no Neo4j.
pub(crate) async fn on_neo4j(test: impl AsyncFnOnce(Ground)) {
    let Some(server) = Store::Neo4j.address() else { return };
    let ground = Ground::at(&server);
    let outcome = AssertUnwindSafe(test(ground.clone())).catch_unwind().await;
    ground.wipe(true).await;
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}
