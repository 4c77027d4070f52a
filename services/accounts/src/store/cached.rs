//! A read-through cache in front of any engine.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, Env, Result};
use plaza_events::Outbox;
use plaza_stores::{Cache, CacheOptions, Gauge};

use super::{AccountStore, Changed, Created, Credential, OnChange, Written};
use crate::config::Config;
use crate::domain::{Account, Email, Handle, Login, NewAccount, ProfileChange};

/// What is cached; unknown accounts and handles too.
struct Caches {
    accounts: Cache<AccountId, Option<Arc<Account>>>,
    handles: Cache<String, Option<AccountId>>,
}

/// Serves reads of accounts from memory. The engine tells it of each change.
pub(crate) struct CachedAccounts {
    engine: Arc<dyn AccountStore>,
    caches: Arc<Caches>,
}

impl CachedAccounts {
    /// Puts a cache in front of the engine that `open` makes; `open` gets what the engine calls after each change.
    pub(crate) fn new(
        config: &Config,
        env: &Env,
        open: impl FnOnce(OnChange) -> Result<Arc<dyn AccountStore>>,
    ) -> Result<Self> {
        let ttl = config.cache_ttl();
        let jitter = Duration::min(ttl / 10, Duration::from_secs(30));
        let options = |name| CacheOptions { name, max_weight: config.cache_entries, ttl, jitter };
        let caches = Arc::new(Caches {
            accounts: Cache::new(options("accounts"), env.clone()),
            handles: Cache::new(options("handles"), env.clone()),
        });
        let forget = caches.clone();
        let engine = open(Arc::new(move |changed: &Changed| {
            forget.accounts.invalidate(&changed.id);
            if let Some(key) = &changed.handle_key {
                forget.handles.invalidate(key);
            }
        }))?;
        Ok(Self { engine, caches })
    }

    async fn load(&self, cx: &Cx, ids: Vec<AccountId>) -> Result<Vec<(AccountId, Option<Arc<Account>>)>> {
        let found = self.engine.batch_get(cx, &ids).await?;
        let mut loaded: Vec<_> = ids.into_iter().map(|id| (id, None)).collect();
        loaded.sort_unstable_by_key(|(id, _)| *id);
        for account in found {
            if let Ok(at) = loaded.binary_search_by_key(&account.id, |(id, _)| *id) {
                loaded[at].1 = Some(account);
            }
        }
        Ok(loaded)
    }
}

#[async_trait]
impl AccountStore for CachedAccounts {
    async fn get(&self, cx: &Cx, id: AccountId) -> Result<Option<Arc<Account>>> {
        self.caches.accounts.get_or_load(&id, || self.engine.get(cx, id)).await
    }

    async fn batch_get(&self, cx: &Cx, ids: &[AccountId]) -> Result<Vec<Arc<Account>>> {
        let accounts = self.caches.accounts.get_many(ids, |missing| self.load(cx, missing)).await?;
        Ok(accounts.into_iter().flatten().flatten().collect())
    }

    async fn id_by_handle(&self, cx: &Cx, handle: &Handle) -> Result<Option<AccountId>> {
        let key = handle.key().to_owned();
        self.caches.handles.get_or_load(&key, || self.engine.id_by_handle(cx, handle)).await
    }

    async fn create(&self, cx: &Cx, account: NewAccount, credential: Credential) -> Result<Written<Created>> {
        self.engine.create(cx, account, credential).await
    }

    async fn recall_created(&self, cx: &Cx) -> Result<Option<Written<Created>>> {
        self.engine.recall_created(cx).await
    }

    async fn check_free(&self, cx: &Cx, handle: &Handle, email: &Email) -> Result<()> {
        self.engine.check_free(cx, handle, email).await
    }

    async fn update_profile(&self, cx: &Cx, change: ProfileChange) -> Result<Written<Account>> {
        self.engine.update_profile(cx, change).await
    }

    async fn delete(&self, cx: &Cx, id: AccountId) -> Result<Written<()>> {
        self.engine.delete(cx, id).await
    }

    async fn list_ids(&self, cx: &Cx, after: AccountId, limit: usize) -> Result<Vec<AccountId>> {
        self.engine.list_ids(cx, after, limit).await
    }

    async fn credential(&self, cx: &Cx, login: &Login) -> Result<Option<(AccountId, Credential)>> {
        self.engine.credential(cx, login).await
    }

    async fn prune(&self, cx: &Cx) -> Result<usize> {
        self.engine.prune(cx).await
    }

    fn outbox(&self) -> Arc<dyn Outbox> {
        self.engine.outbox()
    }

    async fn ping(&self, cx: &Cx) -> Result<()> {
        self.engine.ping(cx).await
    }

    fn observe(&self) -> Vec<Gauge> {
        let mut gauges = self.engine.observe();
        gauges.extend(self.caches.accounts.observe());
        gauges.extend(self.caches.handles.observe());
        gauges
    }

    async fn close(&self) {
        self.engine.close().await;
    }
}

#[cfg(test)]
mod tests {
    use plaza_stores::StoreAddress;

    use super::*;
    use crate::store::SqliteAccounts;

    /// The suite's own listener comes behind the cache's.
    fn make(env: Env, told: OnChange) -> Arc<dyn AccountStore> {
        let cached = CachedAccounts::new(&Config::ephemeral(), &env.clone(), |forget| {
            let both: OnChange = Arc::new(move |changed: &Changed| {
                forget(changed);
                told(changed);
            });
            Ok(Arc::new(SqliteAccounts::open(&StoreAddress::Memory, env, both)?))
        });
        Arc::new(cached.unwrap())
    }

    crate::store::conformance::suite!(make);
}
