//! A store that fails when a test says so.

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, PostId, RequestKey, Result};
use plaza_stores::{Faults, Gauge};

use super::{FeedStore, Reading, Ticket};
use crate::domain::{Entry, Window};

/// Asks the switchboard before each call whether to fail or to wait.
pub struct FaultyFeeds {
    inner: Arc<dyn FeedStore>,
    faults: Faults,
}

impl std::fmt::Debug for FaultyFeeds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FaultyFeeds").field("faults", &self.faults).finish_non_exhaustive()
    }
}

impl FaultyFeeds {
    /// `inner`, as reliable as `faults` says.
    #[must_use]
    pub fn new(inner: Arc<dyn FeedStore>, faults: Faults) -> Self {
        Self { inner, faults }
    }
}

#[async_trait]
impl FeedStore for FaultyFeeds {
    async fn page(&self, cx: &Cx, owner: AccountId, before: Option<PostId>, limit: usize) -> Result<Option<Reading>> {
        self.faults.check().await?;
        self.inner.page(cx, owner, before, limit).await
    }

    async fn windows(&self, cx: &Cx, owners: &[AccountId]) -> Result<Vec<Option<Window>>> {
        self.faults.check().await?;
        self.inner.windows(cx, owners).await
    }

    async fn held(&self, cx: &Cx, owners: &[AccountId]) -> Result<Vec<AccountId>> {
        self.faults.check().await?;
        self.inner.held(cx, owners).await
    }

    async fn is_idle(&self, cx: &Cx) -> Result<bool> {
        self.faults.check().await?;
        self.inner.is_idle(cx).await
    }

    async fn push(&self, cx: &Cx, owners: &[AccountId], entries: &[Entry]) -> Result<()> {
        self.faults.check().await?;
        self.inner.push(cx, owners, entries).await
    }

    async fn remove(&self, cx: &Cx, owners: &[AccountId], posts: &[PostId]) -> Result<()> {
        self.faults.check().await?;
        self.inner.remove(cx, owners, posts).await
    }

    async fn merge(&self, cx: &Cx, owner: AccountId, entries: &[Entry], floor: PostId) -> Result<()> {
        self.faults.check().await?;
        self.inner.merge(cx, owner, entries, floor).await
    }

    async fn purge(&self, cx: &Cx, owner: AccountId, authors: &[AccountId]) -> Result<()> {
        self.faults.check().await?;
        self.inner.purge(cx, owner, authors).await
    }

    async fn begin_build(&self, cx: &Cx, owner: AccountId) -> Result<Ticket> {
        self.faults.check().await?;
        self.inner.begin_build(cx, owner).await
    }

    async fn finish_build(
        &self,
        cx: &Cx,
        owner: AccountId,
        ticket: Ticket,
        entries: &[Entry],
        floor: PostId,
    ) -> Result<Option<usize>> {
        self.faults.check().await?;
        self.inner.finish_build(cx, owner, ticket, entries, floor).await
    }

    async fn drop_feeds(&self, cx: &Cx, owners: &[AccountId]) -> Result<()> {
        self.faults.check().await?;
        self.inner.drop_feeds(cx, owners).await
    }

    async fn mark_celebrities(&self, cx: &Cx, authors: &[AccountId]) -> Result<()> {
        self.faults.check().await?;
        self.inner.mark_celebrities(cx, authors).await
    }

    async fn celebrities(&self, cx: &Cx) -> Result<Arc<HashSet<AccountId>>> {
        self.faults.check().await?;
        self.inner.celebrities(cx).await
    }

    async fn answered(&self, cx: &Cx, request: &RequestKey) -> Result<Option<usize>> {
        self.faults.check().await?;
        self.inner.answered(cx, request).await
    }

    async fn remember(&self, cx: &Cx, request: &RequestKey, entries: usize) -> Result<()> {
        self.faults.check().await?;
        self.inner.remember(cx, request, entries).await
    }

    async fn ping(&self, cx: &Cx) -> Result<()> {
        self.faults.check().await?;
        self.inner.ping(cx).await
    }

    fn observe(&self) -> Vec<Gauge> {
        self.inner.observe()
    }
}
