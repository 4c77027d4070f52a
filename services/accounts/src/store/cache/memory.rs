//! Copies in the memory of this process. Where other processes write to the same store, this one follows their events.

use std::sync::Arc;

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, Env, Result};
use plaza_stores::{Cache, CacheOptions, Gauge};

use super::{AccountCache, load};
use crate::config::Config;
use crate::domain::{Account, Handle};
use crate::store::{AccountStore, Changed};

pub(crate) struct MemoryCache {
    accounts: Cache<AccountId, Option<Arc<Account>>>,
    handles: Cache<String, Option<AccountId>>,
}

impl MemoryCache {
    pub(crate) fn new(config: &Config, env: &Env) -> Self {
        let (ttl, jitter) = config.cache_ttl();
        let options = |name| CacheOptions { name, max_weight: config.cache_entries, ttl, jitter };
        Self {
            accounts: Cache::new(options("accounts"), env.clone()),
            handles: Cache::new(options("handles"), env.clone()),
        }
    }
}

#[async_trait]
impl AccountCache for MemoryCache {
    async fn get(&self, cx: &Cx, store: &dyn AccountStore, id: AccountId) -> Result<Option<Arc<Account>>> {
        self.accounts.get_or_load(&id, || store.get(cx, id)).await
    }

    async fn batch_get(&self, cx: &Cx, store: &dyn AccountStore, ids: &[AccountId]) -> Result<Vec<Arc<Account>>> {
        let missing = |missing: Vec<AccountId>| async move {
            let loaded = load(cx, store, &missing).await?;
            Ok(missing.into_iter().zip(loaded).collect())
        };
        let accounts = self.accounts.get_many(ids, missing).await?;
        Ok(accounts.into_iter().flatten().flatten().collect())
    }

    async fn id_by_handle(&self, cx: &Cx, store: &dyn AccountStore, handle: &Handle) -> Result<Option<AccountId>> {
        let key = handle.key().to_owned();
        self.handles.get_or_load(&key, || store.id_by_handle(cx, handle)).await
    }

    fn forget(&self, changed: &Changed) {
        self.accounts.invalidate(&changed.id);
        for key in &changed.handle_keys {
            self.handles.invalidate(key);
        }
    }

    async fn settle(&self, _: &Cx) {}

    async fn forget_now(&self, _: &Cx, changed: &Changed) -> Result<()> {
        self.forget(changed);
        Ok(())
    }

    async fn held(&self, _: &Cx, ids: &[AccountId]) -> Vec<Option<Option<Arc<Account>>>> {
        ids.iter().map(|id| self.accounts.get(id)).collect()
    }

    fn forget_own(&self) {
        self.accounts.clear();
        self.handles.clear();
    }

    fn is_shared(&self) -> bool {
        false
    }

    fn observe(&self) -> Vec<Gauge> {
        let mut gauges = self.accounts.observe();
        gauges.extend(self.handles.observe());
        gauges
    }

    async fn close(&self) {}
}

#[cfg(test)]
mod tests {
    use super::super::conformance::{Made, suite};
    use super::*;
    use crate::config::Config;

    async fn make(env: Env) -> Option<Made> {
        Some(Made { caches: vec![Arc::new(MemoryCache::new(&Config::ephemeral(), &env))], keep: Box::new(()) })
    }

    suite!(make);
}
