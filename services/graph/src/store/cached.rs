//! A cache of accounts' edges in front of an engine.
//!
//! Every page of every feed asks how its reader stands to the page's authors. So the reader's edges are kept in memory,
//! as four sorted lists, and the answer costs a few binary searches. A side with very many edges (the followers of a
//! celebrity) is not kept; then the engine answers, by point queries.
//!
//! Entries go when a write of this process touches either end, after its commit and before its answer. Where others write
//! to the same store, their events make entries go, and a call whose token is ahead of those is answered by the engine.

use std::sync::Arc;

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, Env, Result, Timestamp};
use plaza_events::{Freshness, Outbox};
use plaza_stores::{Cache, CacheOptions, Gauge};

use super::{GraphStore, OnChange};
use crate::domain::{
    Action, Arm, Circle, Common, Counts, Direction, Edge, EdgeKey, Familiar, List, Muted, OwnWrite, OwnWritten, Path,
    Reach, Relation, Suggestion, Tag, Word, Write, Written,
};

/// The cache itself: made first, since the engine has to be told how to invalidate it.
#[derive(Clone, Debug)]
pub struct Circles {
    cache: Arc<Cache<AccountId, Arc<Circle>>>,
    side_limit: usize,
}

impl Circles {
    /// An empty cache; a side of more than `side_limit` edges is not kept. The weight is in bytes.
    #[must_use]
    pub fn new(options: CacheOptions, side_limit: usize, env: Env) -> Self {
        let cache = Cache::weighted(options, env, |_, circle: &Arc<Circle>| circle.weight());
        Self { cache: Arc::new(cache), side_limit }
    }

    /// What the engine calls after a commit.
    #[must_use]
    pub fn invalidation(&self) -> OnChange {
        let cache = self.cache.clone();
        Arc::new(move |accounts| accounts.iter().for_each(|account| cache.invalidate(account)))
    }

    /// Forgets everything.
    pub fn clear(&self) {
        self.cache.clear();
    }
}

/// An engine with the cache in front.
pub struct CachedGraph<S> {
    inner: S,
    circles: Circles,
    freshness: Freshness,
}

impl<S: std::fmt::Debug> std::fmt::Debug for CachedGraph<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CachedGraph").field("inner", &self.inner).finish_non_exhaustive()
    }
}

impl<S: GraphStore> CachedGraph<S> {
    /// Puts `circles` in front of an engine that was told [`Circles::invalidation`], and whose store nobody else writes to.
    #[must_use]
    pub const fn new(inner: S, circles: Circles) -> Self {
        Self { inner, circles, freshness: Freshness::Always }
    }

    /// Uses the cache for what `freshness` says.
    #[must_use]
    pub fn with_freshness(mut self, freshness: Freshness) -> Self {
        self.freshness = freshness;
        self
    }

    async fn circle_of(&self, cx: &Cx, account: AccountId) -> Result<Arc<Circle>> {
        let load = || async { self.inner.circle(cx, account, self.circles.side_limit).await.map(Arc::new) };
        self.circles.cache.get_or_load(&account, load).await
    }
}

#[async_trait]
impl<S: GraphStore> GraphStore for CachedGraph<S> {
    async fn change(&self, cx: &Cx, action: Action, write: Write) -> Result<Written> {
        self.inner.change(cx, action, write).await
    }

    async fn relations(&self, cx: &Cx, viewer: AccountId, others: &[AccountId]) -> Result<Vec<Relation>> {
        if !self.freshness.covers(cx) {
            return self.inner.relations(cx, viewer, others).await;
        }
        let circle = self.circle_of(cx, viewer).await?;
        if circle.is_whole() {
            return Ok(others.iter().map(|other| circle.relation(*other)).collect());
        }
        self.inner.relations(cx, viewer, others).await
    }

    async fn circle(&self, cx: &Cx, account: AccountId, limit: usize) -> Result<Circle> {
        self.inner.circle(cx, account, limit).await
    }

    async fn counts(&self, cx: &Cx, accounts: &[AccountId]) -> Result<Vec<Counts>> {
        self.inner.counts(cx, accounts).await
    }

    async fn edges(
        &self,
        cx: &Cx,
        account: AccountId,
        way: Direction,
        after: EdgeKey,
        limit: usize,
    ) -> Result<Vec<Edge>> {
        self.inner.edges(cx, account, way, after, limit).await
    }

    async fn ids(
        &self,
        cx: &Cx,
        account: AccountId,
        way: Direction,
        after: AccountId,
        limit: usize,
    ) -> Result<Vec<AccountId>> {
        self.inner.ids(cx, account, way, after, limit).await
    }

    async fn blocks(&self, cx: &Cx, account: AccountId, after: EdgeKey, limit: usize) -> Result<Vec<Edge>> {
        self.inner.blocks(cx, account, after, limit).await
    }

    async fn requests(&self, cx: &Cx, account: AccountId, after: EdgeKey, limit: usize) -> Result<Vec<Edge>> {
        self.inner.requests(cx, account, after, limit).await
    }

    async fn requested(&self, cx: &Cx, account: AccountId, after: AccountId, limit: usize) -> Result<Vec<Edge>> {
        self.inner.requested(cx, account, after, limit).await
    }

    async fn mutes(
        &self,
        cx: &Cx,
        account: AccountId,
        now: Timestamp,
        after: EdgeKey,
        limit: usize,
    ) -> Result<Vec<Muted>> {
        self.inner.mutes(cx, account, now, after, limit).await
    }

    async fn common(&self, cx: &Cx, one: Arm, other: Arm, after: AccountId, scan: usize) -> Result<Common> {
        self.inner.common(cx, one, other, after, scan).await
    }

    async fn familiar(
        &self,
        cx: &Cx,
        viewer: AccountId,
        accounts: &[AccountId],
        bounds: Familiar,
    ) -> Result<Vec<Vec<AccountId>>> {
        self.inner.familiar(cx, viewer, accounts, bounds).await
    }

    async fn path(&self, cx: &Cx, from: AccountId, to: AccountId) -> Result<Path> {
        self.inner.path(cx, from, to).await
    }

    async fn suggestions(
        &self,
        cx: &Cx,
        account: AccountId,
        now: Timestamp,
        reach: Reach,
        limit: usize,
    ) -> Result<Vec<Suggestion>> {
        self.inner.suggestions(cx, account, now, reach, limit).await
    }

    async fn own(&self, cx: &Cx, write: OwnWrite) -> Result<OwnWritten> {
        self.inner.own(cx, write).await
    }

    async fn tags(&self, cx: &Cx, account: AccountId, before: i64, limit: usize) -> Result<Vec<Tag>> {
        self.inner.tags(cx, account, before, limit).await
    }

    async fn words(&self, cx: &Cx, account: AccountId, now: Timestamp, before: i64, limit: usize) -> Result<Vec<Word>> {
        self.inner.words(cx, account, now, before, limit).await
    }

    async fn list(&self, cx: &Cx, list: i64) -> Result<Option<List>> {
        self.inner.list(cx, list).await
    }

    async fn lists(
        &self,
        cx: &Cx,
        account: AccountId,
        only_public: bool,
        before: i64,
        limit: usize,
    ) -> Result<Vec<List>> {
        self.inner.lists(cx, account, only_public, before, limit).await
    }

    async fn dismissed(&self, cx: &Cx, account: AccountId, after: AccountId, limit: usize) -> Result<Vec<AccountId>> {
        self.inner.dismissed(cx, account, after, limit).await
    }

    async fn members(&self, cx: &Cx, list: i64, after: AccountId, limit: usize) -> Result<Vec<AccountId>> {
        self.inner.members(cx, list, after, limit).await
    }

    async fn erase(&self, cx: &Cx, account: AccountId, limit: usize) -> Result<usize> {
        self.inner.erase(cx, account, limit).await
    }

    async fn held(&self, cx: &Cx, after: AccountId, limit: usize) -> Result<Vec<AccountId>> {
        self.inner.held(cx, after, limit).await
    }

    async fn held_among(&self, cx: &Cx, accounts: &[AccountId]) -> Result<Vec<AccountId>> {
        self.inner.held_among(cx, accounts).await
    }

    async fn prune(&self, cx: &Cx) -> Result<usize> {
        self.inner.prune(cx).await
    }

    fn outbox(&self) -> Arc<dyn Outbox> {
        self.inner.outbox()
    }

    async fn ping(&self, cx: &Cx) -> Result<()> {
        self.inner.ping(cx).await
    }

    fn observe(&self) -> Vec<Gauge> {
        let mut gauges = self.inner.observe();
        gauges.extend(self.circles.cache.observe());
        gauges
    }

    async fn close(&self) {
        self.inner.close().await;
    }
}
