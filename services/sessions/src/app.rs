//! Puts the service together; the only file that knows all layers.

use std::sync::Arc;
use std::time::Duration;

use plaza_core::page::Pager;
use plaza_core::{Cx, Env, Error, Result, Secret};
use plaza_erasure::Erasure;
use plaza_events::{Follow, Followed, Marks, Outbox, Projection};
use plaza_proto::accounts::v1::AccountsServiceClient;
use plaza_proto::sessions::v1::{SessionsService, SessionsServiceClient, SessionsServiceEntry, SessionsServiceServer};
use plaza_rpc::{Dependency, Gate};
use plaza_stores::{Gauge, ServerKind};

use crate::SERVICE;
use crate::api::Handler;
use crate::config::Config;
use crate::domain::{Challenges, Devices, Guesses, RefreshTokens, Totp};
use crate::projections::{PasswordChanges, StoredSessions};
use crate::store::{RedisSessions, SqliteSessions, Store};
use crate::tokens::{KeyRing, StoredKey};

/// How long opening the store and reading the keys may take.
const START: Duration = Duration::from_secs(10);

/// What the service needs from outside.
#[derive(Clone)]
pub struct Deps {
    /// Clock, ids, randomness.
    pub env: Env,
    /// What the entry steps share.
    pub gate: Arc<Gate>,
    /// What refresh tokens and page tokens are made with.
    pub secret: Secret,
    /// Who knows passwords, and who was deleted.
    pub accounts: AccountsServiceClient,
}

/// The service, running.
pub struct App {
    entry: Arc<SessionsServiceEntry>,
    store: Arc<dyn Store>,
    keys: Arc<KeyRing>,
    env: Env,
    key_ms: Option<i64>,
    projections: Vec<(Arc<dyn Projection>, Marks)>,
}

impl App {
    /// Opens the store, makes the signing key if there is none, and starts the service.
    ///
    /// # Errors
    /// A message for the operator: a wrong setting, or a store that cannot be opened.
    pub async fn build(config: Config, deps: Deps) -> Result<Self> {
        config.check().map_err(|wrong| Error::invalid_field("settings", wrong))?;
        let store = open_store(&config, deps.env.clone()).await?;
        let keys = store.signing_keys(&Cx::background(SERVICE, START), StoredKey::generate(&deps.env)?).await?;
        let keys = Arc::new(KeyRing::new(&config.issuer, RefreshTokens::new(&deps.secret), &keys)?);
        let accounts = deps.accounts.as_service(SERVICE);
        let (env, key_ms) = (deps.env.clone(), config.key_ms());
        let handler = Handler {
            env: deps.env,
            store: store.clone(),
            accounts: accounts.clone(),
            keys: keys.clone(),
            pager: Pager::new(&deps.secret),
            guesses: Guesses::new(&deps.secret, config.guesses, config.address_guesses),
            devices: Devices::new(&deps.secret),
            challenges: Challenges::new(&deps.secret),
            totp: Totp::new(&deps.secret, &config.issuer),
        };
        let entry = SessionsServiceEntry::new(Arc::new(handler), &deps.gate);
        let erasure = Erasure::new("sessions-erasure", accounts, StoredSessions(store.clone()));
        let projections: Vec<Arc<dyn Projection>> = vec![Arc::new(erasure), Arc::new(PasswordChanges(store.clone()))];
        let marked = |projection: Arc<dyn Projection>| {
            let marks = Marks::new(projection.sources());
            (projection, marks)
        };
        let projections = projections.into_iter().map(marked).collect();
        Ok(Self { entry, store, keys, env, key_ms, projections })
    }

    /// The service behind its entry steps.
    #[must_use]
    pub fn service(&self) -> Arc<dyn SessionsService> {
        self.entry.clone()
    }

    /// A client in this process.
    #[must_use]
    pub fn client(&self) -> SessionsServiceClient {
        SessionsServiceClient::local(self.entry.clone())
    }

    /// The service over gRPC.
    #[must_use]
    pub fn server(&self) -> SessionsServiceServer {
        SessionsServiceServer::new(self.entry.clone())
    }

    /// The events of its writes.
    #[must_use]
    pub fn outbox(&self) -> Arc<dyn Outbox> {
        self.store.outbox()
    }

    /// What follows others' events.
    #[must_use]
    pub fn projections(&self) -> Vec<(Arc<dyn Projection>, Marks)> {
        self.projections.clone()
    }

    /// What each replica does with every event by itself, with what it keeps up to date.
    #[must_use]
    pub fn followers(&self) -> Vec<(Arc<dyn Follow>, Followed)> {
        Vec::new()
    }

    /// What it needs to be there, besides its peers.
    #[must_use]
    pub fn dependencies(&self) -> Vec<Dependency> {
        let store = self.store.clone();
        let store = Dependency::new("sessions-store", move |cx| {
            let store = store.clone();
            Box::pin(async move { store.ping(cx).await })
        });
        vec![store.critical_to(SessionsServiceServer::NAME)]
    }

    /// Figures for metrics.
    #[must_use]
    pub fn gauges(&self) -> Vec<Gauge> {
        self.store.observe()
    }

    /// Forgets a bounded number of expired sessions, old revocations and old requests, keeps signing keys in step with
    /// other replicas, and gives one that has signed for long a successor; to be called every minute. Returns how many went.
    ///
    /// # Errors
    /// The store's.
    pub async fn maintain(&self, cx: &Cx) -> Result<usize> {
        self.keys.turn(cx, &*self.store, &self.env, self.key_ms).await?;
        self.store.prune(cx).await
    }

    /// Finishes work in hand and closes the store.
    pub async fn close(&self) {
        self.store.close().await;
    }
}

/// The engine that the address names.
async fn open_store(config: &Config, env: Env) -> Result<Arc<dyn Store>> {
    Ok(match config.store.server(ServerKind::Redis) {
        Some(server) => Arc::new(RedisSessions::open(server, env, config.rules()).await?),
        None => Arc::new(SqliteSessions::open(&config.store, env, config.rules())?),
    })
}
