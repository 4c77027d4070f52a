//! Copies of accounts in front of the store.

#[cfg(test)]
mod conformance;
mod memory;
mod shared;

use std::sync::Arc;

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, Env, Result};
use plaza_stores::{Gauge, ServerKind};

use super::{AccountStore, Changed, OnChange};
use crate::config::Config;
use crate::domain::{Account, Handle};

use memory::MemoryCache;
use shared::RedisCache;

/// Serves reads of accounts from copies, and asks the store for what it has none of. That there is no account of an id or
/// a handle is a copy too. Whatever becomes of the copies, reads are answered.
#[async_trait]
pub(crate) trait AccountCache: Send + Sync + 'static {
    /// A living account.
    async fn get(&self, cx: &Cx, store: &dyn AccountStore, id: AccountId) -> Result<Option<Arc<Account>>>;

    /// The living accounts among `ids`, each once, in any order.
    async fn batch_get(&self, cx: &Cx, store: &dyn AccountStore, ids: &[AccountId]) -> Result<Vec<Arc<Account>>>;

    /// Whose handle this is, among the living.
    async fn id_by_handle(&self, cx: &Cx, store: &dyn AccountStore, handle: &Handle) -> Result<Option<AccountId>>;

    /// Forgets what a commit has changed, also for reads that are under way. Quick: the store calls it before its answer.
    fn forget(&self, changed: &Changed);

    /// Waits, for a moment, until what [`AccountCache::forget`] was told so far is forgotten everywhere.
    async fn settle(&self, cx: &Cx);

    /// Forgets what is held of an account that an event tells of, and of its handle if it is known. Errors: whether it is
    /// forgotten everywhere is not known.
    async fn forget_now(&self, cx: &Cx, changed: &Changed) -> Result<()>;

    /// The copies that are held of these accounts, in order: nothing, or what stands for the account or its absence.
    async fn held(&self, cx: &Cx, ids: &[AccountId]) -> Vec<Option<Option<Arc<Account>>>>;

    /// Forgets the copies that this process has for itself; those that others read as well stay.
    fn forget_own(&self);

    /// Whether other processes read the same copies.
    fn is_shared(&self) -> bool;

    /// Figures for metrics.
    fn observe(&self) -> Vec<Gauge>;

    /// Finishes what waits and closes.
    async fn close(&self);
}

/// The cache that the settings name. It does not wait for its server.
pub(crate) fn open(config: &Config, env: &Env) -> Result<Arc<dyn AccountCache>> {
    Ok(match config.cache.server(ServerKind::Redis) {
        Some(server) => Arc::new(RedisCache::open(server, config, env)?),
        None => Arc::new(MemoryCache::new(config, env)),
    })
}

/// What the store calls after each change.
pub(crate) fn on_change(cache: &Arc<dyn AccountCache>) -> OnChange {
    let cache = cache.clone();
    Arc::new(move |changed: &Changed| cache.forget(changed))
}

/// The accounts of `ids`, each once and in that order, as the store has them now; `None` for one that is none.
async fn load(cx: &Cx, store: &dyn AccountStore, ids: &[AccountId]) -> Result<Vec<Option<Arc<Account>>>> {
    let mut found = store.batch_get(cx, ids).await?;
    found.sort_unstable_by_key(|account| account.id);
    let of = |id: &AccountId| found.binary_search_by_key(id, |account| account.id).ok().map(|at| found[at].clone());
    Ok(ids.iter().map(of).collect())
}
