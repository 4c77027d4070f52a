//! `posts-erasure`: the posts and marks of accounts that are gone.

use std::sync::Arc;

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, Result};
use plaza_erasure::EraseAccount;

use crate::store::PostStore;

/// Erases an account's drafts and posts, with their events, then its likes, reposts and bookmarks of others' posts, and its
/// votes in their polls.
pub struct StoredPosts {
    store: Arc<dyn PostStore>,
    batch: usize,
}

impl StoredPosts {
    /// Erases in transactions of up to `batch` rows, at least one.
    #[must_use]
    pub fn new(store: Arc<dyn PostStore>, batch: usize) -> Self {
        Self { store, batch: batch.max(1) }
    }
}

#[async_trait]
impl EraseAccount for StoredPosts {
    async fn erase(&self, cx: &Cx, account: AccountId) -> Result<()> {
        while self.store.erase_posts(cx, account, self.batch).await? >= self.batch {}
        while self.store.erase_marks(cx, account, self.batch).await? >= self.batch {}
        while self.store.erase_votes(cx, account, self.batch).await? >= self.batch {}
        Ok(())
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["posts", "drafts", "likes", "reposts", "bookmarks", "votes"]
    }

    async fn held(&self, cx: &Cx, after: AccountId, limit: usize) -> Result<Vec<AccountId>> {
        self.store.held(cx, after, limit).await
    }

    async fn held_among(&self, cx: &Cx, accounts: &[AccountId]) -> Result<Vec<AccountId>> {
        self.store.held_among(cx, accounts).await
    }
}
