//! Puts the service together; the only file that knows all layers.

use std::sync::Arc;

use plaza_core::page::Pager;
use plaza_core::{Cx, Env, Result, Secret};
use plaza_erasure::Erasure;
use plaza_events::{EventLog, Follow, Followed, Freshness, Marks, Projection};
use plaza_proto::accounts::v1::AccountsServiceClient;
use plaza_proto::feeds::v1::{FeedsService, FeedsServiceClient, FeedsServiceEntry, FeedsServiceServer};
use plaza_proto::graph::v1::GraphServiceClient;
use plaza_proto::posts::v1::PostsServiceClient;
use plaza_rpc::{Dependency, Gate};
use plaza_stores::{Gauge, ServerKind, StoreAddress};

use crate::api::Handler;
use crate::config::Config;
use crate::domain::{Builder, History, Live, NAME, Pages, Peers, Relations, RelationsOptions, Sources};
use crate::projections::{HomeFeeds, LIVE_SOURCES, Lists, LiveFeeds, SOURCES, StoredPositions};
use crate::store::FeedStore;
use crate::store::memory::{MemoryFeeds, MemoryOptions};
use crate::store::positions::PositionStore;
use crate::store::postgres::PostgresPositions;
use crate::store::redis::{RedisFeeds, RedisFeedsOptions};
use crate::store::sqlite::SqlitePositions;

/// What the service needs from outside.
#[derive(Clone)]
pub struct Deps {
    /// Clock, ids, randomness.
    pub env: Env,
    /// What the entry steps share.
    pub gate: Arc<Gate>,
    /// Signs page tokens.
    pub secret: Secret,
    /// What people wrote.
    pub posts: PostsServiceClient,
    /// Who follows and blocks whom.
    pub graph: GraphServiceClient,
    /// Who is there, for audits and rebuilds.
    pub accounts: AccountsServiceClient,
    /// The event log, in which live feeds look back.
    pub log: Arc<dyn EventLog>,
}

/// The service, running.
pub struct App {
    entry: Arc<FeedsServiceEntry>,
    store: Arc<dyn FeedStore>,
    positions: Arc<dyn PositionStore>,
    relations: Arc<Relations>,
    live: Arc<Live>,
    projections: Vec<(Arc<dyn Projection>, Marks)>,
    followers: Vec<(Arc<dyn Follow>, Followed)>,
}

impl App {
    /// Opens the stores and starts the service.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` that names wrong settings, or why a store cannot be opened.
    pub async fn build(config: Config, deps: Deps) -> Result<Self> {
        config.check()?;
        let store = open(&config, &deps.env)?;
        let positions = open_positions(&config.positions, &deps.env).await?;
        Self::with_stores(&config, deps, store, positions)
    }

    /// Starts the service on stores that are open; the cap of feeds must be the settings'.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` that names wrong settings.
    pub fn with_stores(
        config: &Config,
        deps: Deps,
        store: Arc<dyn FeedStore>,
        positions: Arc<dyn PositionStore>,
    ) -> Result<Self> {
        config.check()?;
        let erasure = erasure(&deps.accounts, &positions);
        let peers = Peers::new(deps.posts, deps.graph, deps.accounts);
        let freshness = Freshness::of(config.store.is_shared(), &SOURCES);
        let relations = Relations::new(relations_options(config), peers.clone(), &deps.env, freshness.clone());
        let relations = Arc::new(relations);
        let builder = Builder::new(
            store.clone(),
            peers.clone(),
            relations.clone(),
            config.cap,
            config.builds,
            config.build_timeout(),
        );
        let builder = Arc::new(builder);
        let live = Live::new(config.live_options());
        let marks = Marks::new(&SOURCES);
        let sources = Sources {
            store: store.clone(),
            peers: peers.clone(),
            relations: relations.clone(),
            builder: builder.clone(),
        };
        let handler = Handler {
            env: deps.env,
            pager: Pager::new(&deps.secret),
            pages: Arc::new(Pages::new(sources)),
            store: store.clone(),
            positions: positions.clone(),
            builder: builder.clone(),
            live: live.clone(),
            best: config.catch_up(),
            history: History::new(deps.log, config.live_resume_events),
            heartbeat: config.live_heartbeat(),
            marks: marks.clone(),
            consistency_wait: config.consistency_wait(),
            hashtags: config.max_hashtags,
        };
        let entry = FeedsServiceEntry::new(Arc::new(handler), &deps.gate);
        let projection =
            HomeFeeds { store: store.clone(), peers, relations: relations.clone(), builder, cap: config.cap };
        let followers = followers(&relations, &live, &marks, &freshness);
        let projections: Vec<(Arc<dyn Projection>, Marks)> = vec![erasure, (Arc::new(projection), marks)];
        Ok(Self { entry, store, positions, relations, live, projections, followers })
    }

    /// The service behind its entry steps.
    #[must_use]
    pub fn service(&self) -> Arc<dyn FeedsService> {
        self.entry.clone()
    }

    /// A client in this process.
    #[must_use]
    pub fn client(&self) -> FeedsServiceClient {
        FeedsServiceClient::local(self.entry.clone())
    }

    /// The service over gRPC.
    #[must_use]
    pub fn server(&self) -> FeedsServiceServer {
        FeedsServiceServer::new(self.entry.clone())
    }

    /// What follows others' events, with the marks that reads wait for: whoever applies the events raises them.
    #[must_use]
    pub fn projections(&self) -> Vec<(Arc<dyn Projection>, Marks)> {
        self.projections.clone()
    }

    /// What each replica does with every event by itself, with what it keeps up to date.
    #[must_use]
    pub fn followers(&self) -> Vec<(Arc<dyn Follow>, Followed)> {
        self.followers.clone()
    }

    /// What it needs to be there, besides its peers. Without its feeds it reads from the others, slower; without read
    /// positions it serves feeds on.
    #[must_use]
    pub fn dependencies(&self) -> Vec<Dependency> {
        let (store, positions) = (self.store.clone(), self.positions.clone());
        let positions = Dependency::new("feeds-positions", move |cx| {
            let positions = positions.clone();
            Box::pin(async move { positions.ping(cx).await })
        });
        let store = Dependency::new("feeds-store", move |cx| {
            let store = store.clone();
            Box::pin(async move { store.ping(cx).await })
        });
        vec![store, positions]
    }

    /// Figures for metrics.
    #[must_use]
    pub fn gauges(&self) -> Vec<Gauge> {
        let mut gauges = self.store.observe();
        gauges.extend(self.positions.observe());
        gauges.extend(self.relations.observe());
        gauges.push(self.live.observe());
        gauges
    }

    /// Forgets a bounded number of remembered answers that are over 24 hours old; returns how many. To be called now
    /// and then.
    ///
    /// # Errors
    /// The store's.
    pub async fn maintain(&self, cx: &Cx) -> Result<usize> {
        self.positions.prune(cx).await
    }

    /// Ends live feeds and closes the store of read positions.
    pub async fn close(&self) {
        self.live.close();
        self.positions.close().await;
    }
}

/// The store that the settings name. One on a server need not answer yet: all in it is derived.
fn open(config: &Config, env: &Env) -> Result<Arc<dyn FeedStore>> {
    let (cap, active_ms) = (config.cap, config.active_ms());
    if let Some(server) = config.store.server(ServerKind::Redis) {
        let options = RedisFeedsOptions { cap, active_ms, timeout: config.store_timeout() };
        return Ok(Arc::new(RedisFeeds::open(server, options, env.clone())?));
    }
    let options = MemoryOptions { cap, max_entries: config.max_entries, active_ms };
    Ok(Arc::new(MemoryFeeds::new(options, env.clone())))
}

/// The store of read positions that the address names.
async fn open_positions(address: &StoreAddress, env: &Env) -> Result<Arc<dyn PositionStore>> {
    if let Some(server) = address.server(ServerKind::Postgres) {
        return Ok(Arc::new(PostgresPositions::open(server, env.clone()).await?));
    }
    Ok(Arc::new(SqlitePositions::open(address, env.clone())?))
}

/// What erases read positions, with marks that nobody waits for.
fn erasure(accounts: &AccountsServiceClient, positions: &Arc<dyn PositionStore>) -> (Arc<dyn Projection>, Marks) {
    let held = StoredPositions(positions.clone());
    let erasure = Erasure::new("feeds-erasure", accounts.clone().as_service(NAME), held);
    let marks = Marks::new(erasure.sources());
    (Arc::new(erasure), marks)
}

/// With a store of its own a process applies all events itself, and so forgets lists in step.
fn followers(
    relations: &Arc<Relations>,
    live: &Arc<Live>,
    marks: &Marks,
    freshness: &Freshness,
) -> Vec<(Arc<dyn Follow>, Followed)> {
    let stored = marks.clone();
    let to_readers = LiveFeeds { live: live.clone(), relations: relations.clone(), stored };
    let mut followers: Vec<(Arc<dyn Follow>, Followed)> = vec![(Arc::new(to_readers), Followed::new(&LIVE_SOURCES))];
    if let Some(followed) = freshness.followed() {
        followers.push((Arc::new(Lists(relations.clone())), followed.clone()));
    }
    followers
}

fn relations_options(config: &Config) -> RelationsOptions {
    RelationsOptions {
        celebrity_threshold: config.celebrity_threshold,
        follower_ids: config.follower_cache_ids,
        following_ids: config.following_cache_ids,
        recent_posts: config.recent_cache_posts,
        choices_bytes: config.choices_cache_bytes,
    }
}
