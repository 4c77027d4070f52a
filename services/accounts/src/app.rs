//! Puts the service together; the only file that knows all layers.

use std::sync::Arc;

use plaza_core::{Cx, Env, Error, Result, Secret};
use plaza_events::{Follow, Followed, Freshness, Marks, Outbox, Projection};
use plaza_proto::accounts::v1::{AccountsService, AccountsServiceClient, AccountsServiceEntry, AccountsServiceServer};
use plaza_rpc::{Dependency, Gate};
use plaza_stores::{Gauge, ServerKind};

use crate::SOURCE;
use crate::api::export::{Exports, Holders};
use crate::api::{Handler, delete_account};
use crate::config::Config;
use crate::mailer;
use crate::passwords::Passwords;
use crate::projections::{CachedCopies, Mails, OwnCopies};
use crate::store::{AccountCache, AccountStore, CachedAccounts, OnChange, PostgresAccounts, SqliteAccounts, cache};
use crate::tokens::Tokens;

/// How many accounts whose time has come are deleted at once.
const DUE_AT_ONCE: usize = 200;

/// What the service needs from outside.
#[derive(Clone)]
pub struct Deps {
    /// Clock, ids, randomness.
    pub env: Env,
    /// What the entry steps share.
    pub gate: Arc<Gate>,
    /// The platform's secret.
    pub secret: Secret,
}

/// The service, running.
pub struct App {
    entry: Arc<AccountsServiceEntry>,
    handler: Arc<Handler>,
    projections: Vec<(Arc<dyn Projection>, Marks)>,
    followers: Vec<(Arc<dyn Follow>, Followed)>,
    mails: Option<Arc<Mails>>,
}

impl App {
    /// Opens the store and starts the service.
    ///
    /// # Errors
    /// A message for the operator: a wrong setting, or a store that cannot be opened.
    pub async fn build(config: Config, deps: Deps) -> Result<Self> {
        config.check().map_err(|wrong| Error::invalid_field("settings", wrong))?;
        let cache = cache::open(&config, &deps.env)?;
        let engine = open_store(&config, deps.env.clone(), cache::on_change(&cache)).await?;
        let freshness = Freshness::of(config.store.is_shared() && !cache.is_shared(), &[SOURCE]);
        let store = CachedAccounts::new(engine.clone(), cache.clone()).with_freshness(freshness.clone());
        let store: Arc<dyn AccountStore> = Arc::new(store);
        let (rules, tokens) = (config.rules(), Tokens::new(&deps.secret));
        let mails = mails(&config, &deps.env, &engine, &tokens)?;
        let exports = Exports::new(store.clone(), config.exports_at_once);
        let starting = (config, deps.env.clone());
        // Hashes once, for the credential of nobody.
        let started = tokio::task::spawn_blocking(move || Passwords::start(&starting.0, starting.1)).await;
        let passwords = Arc::new(started.map_err(|e| Error::internal(format!("starting failed: {e}")))??);
        let handler = Arc::new(Handler { env: deps.env, store, passwords, rules, tokens, exports });
        let entry = AccountsServiceEntry::new(handler.clone(), &deps.gate);
        let followers = followers(&engine, &cache, &freshness);
        let mut projections = projections(engine, cache);
        projections.extend(mails.clone().map(|mails| {
            let marks = Marks::new(mails.sources());
            (mails as Arc<dyn Projection>, marks)
        }));
        Ok(Self { entry, handler, projections, followers, mails })
    }

    /// The service behind its entry steps.
    #[must_use]
    pub fn service(&self) -> Arc<dyn AccountsService> {
        self.entry.clone()
    }

    /// A client in this process.
    #[must_use]
    pub fn client(&self) -> AccountsServiceClient {
        AccountsServiceClient::local(self.entry.clone())
    }

    /// The service over gRPC.
    #[must_use]
    pub fn server(&self) -> AccountsServiceServer {
        AccountsServiceServer::new(self.entry.clone())
    }

    /// Says where the services are that hold something of accounts, for exports. They need this one and so are built after
    /// it.
    pub fn connect(&self, holders: Holders) {
        self.handler.exports.connect(holders);
    }

    /// The events of its writes.
    #[must_use]
    pub fn outbox(&self) -> Arc<dyn Outbox> {
        self.handler.store.outbox()
    }

    /// What follows its own events: the mails, and the cache, if other processes read the same one.
    #[must_use]
    pub fn projections(&self) -> Vec<(Arc<dyn Projection>, Marks)> {
        self.projections.clone()
    }

    /// What each replica does with every event by itself, with what it keeps up to date.
    #[must_use]
    pub fn followers(&self) -> Vec<(Arc<dyn Follow>, Followed)> {
        self.followers.clone()
    }

    /// What it needs to be there, besides its peers.
    #[must_use]
    pub fn dependencies(&self) -> Vec<Dependency> {
        let store = self.handler.store.clone();
        let store = Dependency::new("accounts-store", move |cx| {
            let store = store.clone();
            Box::pin(async move { store.ping(cx).await })
        });
        vec![store.critical_to(AccountsServiceServer::NAME)]
    }

    /// Figures for metrics.
    #[must_use]
    pub fn gauges(&self) -> Vec<Gauge> {
        let mut gauges = self.handler.store.observe();
        gauges.extend(self.handler.passwords.observe());
        gauges
    }

    /// Deletes a bounded number of accounts whose time has come, forgets as many old requests and free handles, and offers a
    /// few mails again that were put off; to be called every minute. Returns how many of all these there were.
    ///
    /// # Errors
    /// The store's.
    pub async fn maintain(&self, cx: &Cx) -> Result<usize> {
        let deleted = delete_account::delete_due(&self.handler, cx, DUE_AT_ONCE).await?;
        let pruned = self.handler.store.prune(cx).await?;
        let sent = match &self.mails {
            Some(mails) => mails.send_again(cx).await?,
            None => 0,
        };
        Ok(deleted + pruned + sent)
    }

    /// Finishes work in hand and closes the store.
    pub async fn close(&self) {
        self.handler.exports.disconnect();
        self.handler.passwords.close().await;
        self.handler.store.close().await;
    }
}

/// The engine that the address names.
async fn open_store(config: &Config, env: Env, on_change: OnChange) -> Result<Arc<dyn AccountStore>> {
    let replica = config.read_replica.as_ref().and_then(|replica| replica.server(ServerKind::Postgres));
    Ok(match config.store.server(ServerKind::Postgres) {
        Some(server) => Arc::new(PostgresAccounts::open(server, replica, env, on_change).await?),
        None => Arc::new(SqliteAccounts::open(&config.store, env, on_change)?),
    })
}

/// Copies that only this process has, of a store that others write to as well.
fn followers(
    engine: &Arc<dyn AccountStore>,
    cache: &Arc<dyn AccountCache>,
    freshness: &Freshness,
) -> Vec<(Arc<dyn Follow>, Followed)> {
    let follow = |followed: &Followed| -> (Arc<dyn Follow>, Followed) {
        (Arc::new(OwnCopies::new(engine.clone(), cache.clone())), followed.clone())
    };
    freshness.followed().map(follow).into_iter().collect()
}

/// What sends mails, if any are sent.
fn mails(config: &Config, env: &Env, engine: &Arc<dyn AccountStore>, tokens: &Tokens) -> Result<Option<Arc<Mails>>> {
    let Some(address) = &config.mailer else { return Ok(None) };
    Ok(Some(Arc::new(Mails {
        env: env.clone(),
        store: engine.clone(),
        mailer: mailer::open(address)?,
        letters: config.letters()?,
        tokens: tokens.clone(),
    })))
}

/// A process that dies between its commit and telling the cache has told its outbox.
fn projections(engine: Arc<dyn AccountStore>, cache: Arc<dyn AccountCache>) -> Vec<(Arc<dyn Projection>, Marks)> {
    if !cache.is_shared() {
        return Vec::new();
    }
    let copies = CachedCopies::new(engine, cache);
    let marks = Marks::new(copies.sources());
    vec![(Arc::new(copies), marks)]
}
