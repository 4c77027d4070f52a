//! Puts the service together; the only file that knows all its layers.

use std::sync::Arc;

use plaza_core::page::Pager;
use plaza_core::{Cx, Env, Result, Secret};
use plaza_erasure::Erasure;
use plaza_events::{Follow, Followed, Freshness, Marks, Outbox, Projection};
use plaza_proto::accounts::v1::AccountsServiceClient;
use plaza_proto::graph::v1::{GraphService, GraphServiceClient, GraphServiceEntry, GraphServiceServer};
use plaza_rpc::{Dependency, Gate};
use plaza_stores::{CacheOptions, Gauge, ServerKind, StoreAddress};

use crate::NAME;
use crate::api::Handler;
use crate::config::Config;
use crate::projections::{CachedCircles, StoredEdges};
use crate::store::cached::Circles;
use crate::store::{CachedGraph, GraphStore, Neo4jGraph, SqliteGraph};

/// What the service needs from outside.
pub struct Deps {
    /// Clock, ids, randomness.
    pub env: Env,
    /// What all services of the process enter through.
    pub gate: Arc<Gate>,
    /// The platform's secret.
    pub secret: Secret,
    /// Tells which accounts exist.
    pub accounts: AccountsServiceClient,
}

impl std::fmt::Debug for Deps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Deps").finish_non_exhaustive()
    }
}

/// The running service.
pub struct App {
    entry: Arc<GraphServiceEntry>,
    store: Arc<dyn GraphStore>,
    erasure: Arc<dyn Projection>,
    marks: Marks,
    cache: Arc<dyn Follow>,
    freshness: Freshness,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").finish_non_exhaustive()
    }
}

impl App {
    /// Opens the store and puts the service together.
    ///
    /// # Errors
    /// A wrong setting, named; `STORE_UNAVAILABLE` if the store cannot be opened.
    pub async fn build(config: Config, deps: Deps) -> Result<Self> {
        config.check()?;
        let circles = Circles::new(cache_options(&config), config.cache_edges_per_side, deps.env.clone());
        let freshness = Freshness::of(config.store.is_shared(), &[NAME]);
        let store = open(&config.store, deps.env.clone(), circles.clone(), freshness.clone()).await?;
        let accounts = deps.accounts.as_service(NAME);
        let handler = Handler {
            store: store.clone(),
            accounts: accounts.clone(),
            pager: Pager::new(&deps.secret),
            env: deps.env,
            limits: config.limits(),
        };
        let entry = GraphServiceEntry::new(Arc::new(handler), &deps.gate);
        let held = StoredEdges::new(store.clone(), config.erase_batch);
        let erasure = Arc::new(Erasure::new("graph-erasure", accounts, held));
        let marks = Marks::new(erasure.sources());
        Ok(Self { entry, store, erasure, marks, cache: Arc::new(CachedCircles::new(circles)), freshness })
    }

    /// The service, its entry steps in front.
    #[must_use]
    pub fn service(&self) -> Arc<dyn GraphService> {
        self.entry.clone()
    }

    /// A client in this process.
    #[must_use]
    pub fn client(&self) -> GraphServiceClient {
        GraphServiceClient::local(self.entry.clone())
    }

    /// The gRPC server.
    #[must_use]
    pub fn server(&self) -> GraphServiceServer {
        GraphServiceServer::new(self.entry.clone())
    }

    /// What the relay reads.
    #[must_use]
    pub fn outbox(&self) -> Arc<dyn Outbox> {
        self.store.outbox()
    }

    /// What this service derives from others' events, each with its marks.
    #[must_use]
    pub fn projections(&self) -> Vec<(Arc<dyn Projection>, Marks)> {
        vec![(self.erasure.clone(), self.marks.clone())]
    }

    /// What each replica does with every event by itself, with what it keeps up to date.
    #[must_use]
    pub fn followers(&self) -> Vec<(Arc<dyn Follow>, Followed)> {
        self.freshness.followed().map(|followed| (self.cache.clone(), followed.clone())).into_iter().collect()
    }

    /// What it needs to be there, besides its peers.
    #[must_use]
    pub fn dependencies(&self) -> Vec<Dependency> {
        let store = self.store.clone();
        let store = Dependency::new("graph-store", move |cx| {
            let store = store.clone();
            Box::pin(async move { store.ping(cx).await })
        });
        vec![store.critical_to(GraphServiceServer::NAME)]
    }

    /// Figures of the store and its cache.
    #[must_use]
    pub fn gauges(&self) -> Vec<Gauge> {
        self.store.observe()
    }

    /// Forgets a bounded number of remembered answers that are over 24 hours old; returns how many. To be called now
    /// and then.
    ///
    /// # Errors
    /// The store's.
    pub async fn maintain(&self, cx: &Cx) -> Result<usize> {
        self.store.prune(cx).await
    }

    /// Finishes what is under way and closes the store.
    pub async fn close(&self) {
        self.store.close().await;
    }
}

/// The engine that the address asks for, with the cache in front.
async fn open(address: &StoreAddress, env: Env, circles: Circles, freshness: Freshness) -> Result<Arc<dyn GraphStore>> {
    let on_change = circles.invalidation();
    if let Some(server) = address.server(ServerKind::Neo4j) {
        let engine = Neo4jGraph::open(server, env, on_change).await?;
        return Ok(Arc::new(CachedGraph::new(engine, circles).with_freshness(freshness)));
    }
    let engine = SqliteGraph::open(address, env, on_change)?;
    Ok(Arc::new(CachedGraph::new(engine, circles).with_freshness(freshness)))
}

fn cache_options(config: &Config) -> CacheOptions {
    let ttl = config.cache_ttl();
    CacheOptions { name: "graph-circles", max_weight: config.cache_bytes, ttl, jitter: ttl / 10 }
}
