//! Puts the service together; the only file that knows all its layers.

use std::sync::Arc;

use plaza_core::page::Pager;
use plaza_core::{Cx, Env, Result, Secret};
use plaza_erasure::Erasure;
use plaza_events::{Follow, Followed, Freshness, Marks, Outbox, Projection};
use plaza_proto::accounts::v1::AccountsServiceClient;
use plaza_proto::graph::v1::GraphServiceClient;
use plaza_proto::posts::v1::{PostsService, PostsServiceClient, PostsServiceEntry, PostsServiceServer};
use plaza_rpc::{Dependency, Gate};
use plaza_stores::{Gauge, ServerKind};

use crate::NAME;
use crate::api::Handler;
use crate::config::Config;
use crate::projections::{Authors, CachedPosts, StoredPosts};
use crate::store::{Cached, PostCache, PostStore, PostgresPosts, SqlitePosts};
use crate::timetable::Timetable;

/// What the service needs from outside.
pub struct Deps {
    /// Clock, ids, randomness.
    pub env: Env,
    /// What all services of the process enter through.
    pub gate: Arc<Gate>,
    /// The platform's secret.
    pub secret: Secret,
    /// Tells how viewers stand to authors.
    pub graph: GraphServiceClient,
    /// Tells which accounts exist.
    pub accounts: AccountsServiceClient,
}

impl std::fmt::Debug for Deps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Deps").finish_non_exhaustive()
    }
}

/// The engine that the store's address names, with the cache in front.
async fn open(config: &Config, env: Env, cache: Arc<PostCache>, freshness: Freshness) -> Result<Arc<dyn PostStore>> {
    let Some(address) = config.store.server(ServerKind::Postgres) else {
        let engine = SqlitePosts::open(&config.store, env, cache.clone())?.with_grace(config.restore());
        return Ok(Arc::new(Cached::new(engine, cache).with_freshness(freshness)));
    };
    let replica = config.read_replica.as_ref().and_then(|replica| replica.server(ServerKind::Postgres));
    let engine = PostgresPosts::open(address, replica, env, cache.clone()).await?.with_grace(config.restore());
    Ok(Arc::new(Cached::new(engine, cache).with_freshness(freshness)))
}

/// The running service.
pub struct App {
    entry: Arc<PostsServiceEntry>,
    store: Arc<dyn PostStore>,
    erasure: Arc<dyn Projection>,
    marks: Marks,
    cache: Arc<dyn Follow>,
    freshness: Freshness,
    authors: Arc<Authors>,
    timetable: Timetable,
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
        let cache = PostCache::new(deps.env.clone(), config.cache_bytes, config.cache_ttl());
        let freshness = Freshness::of(config.store.is_shared(), &[NAME]);
        let store = open(&config, deps.env.clone(), cache.clone(), freshness.clone()).await?;
        let (graph, accounts) = (deps.graph.as_service(NAME), deps.accounts.as_service(NAME));
        let authors = Arc::new(Authors::new(deps.env.clone(), accounts.clone(), config.cache_ttl()));
        let handler = Arc::new(Handler {
            env: deps.env,
            limits: config.limits(),
            store: store.clone(),
            graph,
            accounts: accounts.clone(),
            authors: authors.clone(),
            pager: Pager::new(&deps.secret),
        });
        let timetable = Timetable::start(handler.clone());
        let entry = PostsServiceEntry::new(handler, &deps.gate);
        let held = StoredPosts::new(store.clone(), config.erase_batch);
        let erasure = Arc::new(Erasure::new("posts-erasure", accounts, held));
        let marks = Marks::new(erasure.sources());
        let cache = Arc::new(CachedPosts::new(cache));
        Ok(Self { entry, store, erasure, marks, cache, freshness, authors, timetable })
    }

    /// The service, its entry steps in front.
    #[must_use]
    pub fn service(&self) -> Arc<dyn PostsService> {
        self.entry.clone()
    }

    /// A client in this process.
    #[must_use]
    pub fn client(&self) -> PostsServiceClient {
        PostsServiceClient::local(self.entry.clone())
    }

    /// The gRPC server.
    #[must_use]
    pub fn server(&self) -> PostsServiceServer {
        PostsServiceServer::new(self.entry.clone())
    }

    /// The store, cache included; for tests that count anew.
    #[must_use]
    pub fn store(&self) -> Arc<dyn PostStore> {
        self.store.clone()
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
        let posts = self.freshness.followed().map(|followed| (self.cache.clone(), followed.clone()));
        let authors: Arc<dyn Follow> = self.authors.clone();
        posts.into_iter().chain([(authors, self.authors.followed().clone())]).collect()
    }

    /// What it needs to be there, besides its peers.
    #[must_use]
    pub fn dependencies(&self) -> Vec<Dependency> {
        let store = self.store.clone();
        let store = Dependency::new("posts-store", move |cx| {
            let store = store.clone();
            Box::pin(async move { store.ping(cx).await })
        });
        vec![store.critical_to(PostsServiceServer::NAME)]
    }

    /// Figures of the store and its cache.
    #[must_use]
    pub fn gauges(&self) -> Vec<Gauge> {
        self.store.observe().into_iter().chain(self.authors.observe()).collect()
    }

    /// Removes a bounded number of rows that have served their time; returns how many. To be called now and then.
    ///
    /// # Errors
    /// The store's.
    pub async fn maintain(&self, cx: &Cx) -> Result<usize> {
        self.store.prune(cx).await
    }

    /// Finishes what is under way and closes the store.
    pub async fn close(&self) {
        self.timetable.end().await;
        self.store.close().await;
    }
}
