//! Reads through a cache, in front of any engine.

use std::sync::Arc;

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, Result, Timestamp};
use plaza_events::{Freshness, Outbox};
use plaza_stores::Gauge;

use super::cache::AccountCache;
use super::{AccountStore, Created, Credential, Ended, Written};
use crate::domain::erasure::{Receipt, Report};
use crate::domain::kept::Kept;
use crate::domain::ticket::{Noted, Redemption, Reset, Ticket};
use crate::domain::{Account, Change, Deletion, Email, Handle, Login, NewAccount};

/// Serves reads of accounts from copies. The engine must tell the cache of each change, by [`super::cache::on_change`].
pub(crate) struct CachedAccounts {
    engine: Arc<dyn AccountStore>,
    cache: Arc<dyn AccountCache>,
    freshness: Freshness,
}

impl CachedAccounts {
    /// Puts `cache` in front of `engine`, whose changes it always knows.
    pub(crate) fn new(engine: Arc<dyn AccountStore>, cache: Arc<dyn AccountCache>) -> Self {
        Self { engine, cache, freshness: Freshness::Always }
    }

    /// Uses the cache for what `freshness` says.
    pub(crate) fn with_freshness(mut self, freshness: Freshness) -> Self {
        self.freshness = freshness;
        self
    }
}

#[async_trait]
impl AccountStore for CachedAccounts {
    async fn get(&self, cx: &Cx, id: AccountId) -> Result<Option<Arc<Account>>> {
        if !self.freshness.covers(cx) {
            return self.engine.get(cx, id).await;
        }
        self.cache.get(cx, &*self.engine, id).await
    }

    async fn batch_get(&self, cx: &Cx, ids: &[AccountId]) -> Result<Vec<Arc<Account>>> {
        if !self.freshness.covers(cx) {
            return self.engine.batch_get(cx, ids).await;
        }
        self.cache.batch_get(cx, &*self.engine, ids).await
    }

    async fn id_by_handle(&self, cx: &Cx, handle: &Handle) -> Result<Option<AccountId>> {
        if !self.freshness.covers(cx) {
            return self.engine.id_by_handle(cx, handle).await;
        }
        self.cache.id_by_handle(cx, &*self.engine, handle).await
    }

    async fn create(&self, cx: &Cx, account: NewAccount, credential: Credential) -> Result<Written<Created>> {
        let written = self.engine.create(cx, account, credential).await?;
        self.cache.settle(cx).await;
        Ok(written)
    }

    async fn recall_created(&self, cx: &Cx) -> Result<Option<Written<Created>>> {
        self.engine.recall_created(cx).await
    }

    async fn check_free(&self, cx: &Cx, handle: &Handle, email: &Email) -> Result<()> {
        self.engine.check_free(cx, handle, email).await
    }

    async fn change(&self, cx: &Cx, change: Change) -> Result<Written<Account>> {
        let written = self.engine.change(cx, change).await?;
        self.cache.settle(cx).await;
        Ok(written)
    }

    async fn delete(&self, cx: &Cx, deletion: Deletion) -> Result<Written<()>> {
        let written = self.engine.delete(cx, deletion).await?;
        self.cache.settle(cx).await;
        Ok(written)
    }

    async fn list_ids(&self, cx: &Cx, after: AccountId, limit: usize) -> Result<Vec<AccountId>> {
        self.engine.list_ids(cx, after, limit).await
    }

    async fn credential(&self, cx: &Cx, login: &Login) -> Result<Option<(AccountId, Credential)>> {
        self.engine.credential(cx, login).await
    }

    async fn due_deletions(&self, cx: &Cx, now: Timestamp, limit: usize) -> Result<Vec<AccountId>> {
        self.engine.due_deletions(cx, now, limit).await
    }

    async fn redeem(&self, cx: &Cx, redemption: Redemption) -> Result<Written<()>> {
        let written = self.engine.redeem(cx, redemption).await?;
        self.cache.settle(cx).await;
        Ok(written)
    }

    async fn recall_deleted(&self, cx: &Cx) -> Result<Option<Ended>> {
        self.engine.recall_deleted(cx).await
    }

    async fn recall_redeemed(&self, cx: &Cx) -> Result<Option<Written<()>>> {
        self.engine.recall_redeemed(cx).await
    }

    async fn request_reset(&self, cx: &Cx, reset: Reset) -> Result<()> {
        self.engine.request_reset(cx, reset).await
    }

    async fn unsent(&self, cx: &Cx, id: AccountId) -> Result<Vec<Ticket>> {
        self.engine.unsent(cx, id).await
    }

    async fn take_put_off(&self, cx: &Cx, limit: usize) -> Result<Vec<Ticket>> {
        self.engine.take_put_off(cx, limit).await
    }

    async fn kept(&self, cx: &Cx, id: AccountId) -> Result<Kept> {
        self.engine.kept(cx, id).await
    }

    async fn note_mail(&self, cx: &Cx, ticket: &Ticket, noted: Noted) -> Result<()> {
        self.engine.note_mail(cx, ticket, noted).await
    }

    async fn report_erasure(&self, cx: &Cx, report: Report) -> Result<Written<()>> {
        self.engine.report_erasure(cx, report).await
    }

    async fn receipt(&self, cx: &Cx, id: AccountId) -> Result<Receipt> {
        self.engine.receipt(cx, id).await
    }

    async fn recall_changed(&self, cx: &Cx) -> Result<Option<Written<Account>>> {
        self.engine.recall_changed(cx).await
    }

    async fn credential_of(&self, cx: &Cx, id: AccountId) -> Result<Option<Credential>> {
        self.engine.credential_of(cx, id).await
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
        gauges.extend(self.cache.observe());
        gauges
    }

    async fn close(&self) {
        self.engine.close().await;
        self.cache.close().await;
    }
}

#[cfg(test)]
mod tests {
    use plaza_core::Env;
    use plaza_stores::StoreAddress;

    use super::*;
    use crate::config::Config;
    use crate::store::conformance::Made;
    use crate::store::{Changed, OnChange, SqliteAccounts, cache};

    /// The suite's own listener comes behind the cache's.
    async fn make(env: Env, told: OnChange) -> Option<Made> {
        let cache = cache::open(&Config::ephemeral(), &env).unwrap();
        let forget = cache::on_change(&cache);
        let both: OnChange = Arc::new(move |changed: &Changed| {
            forget(changed);
            told(changed);
        });
        let engine = SqliteAccounts::open(&StoreAddress::Memory, env, both).unwrap();
        let store = Arc::new(CachedAccounts::new(Arc::new(engine), cache));
        Some(Made { store, keep: Box::new(()) })
    }

    crate::store::conformance::suite!(make);
}
