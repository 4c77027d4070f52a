//! Erases the edges of accounts that are gone.

use std::sync::Arc;

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, Result};
use plaza_erasure::EraseAccount;

use crate::store::GraphStore;

/// The edges in the graph's store, as what is to be erased.
pub struct StoredEdges {
    store: Arc<dyn GraphStore>,
    batch: usize,
}

impl std::fmt::Debug for StoredEdges {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredEdges").field("batch", &self.batch).finish_non_exhaustive()
    }
}

impl StoredEdges {
    /// Erases in transactions of up to `batch` edges, at least one.
    #[must_use]
    pub fn new(store: Arc<dyn GraphStore>, batch: usize) -> Self {
        Self { store, batch: batch.max(1) }
    }
}

#[async_trait]
impl EraseAccount for StoredEdges {
    async fn erase(&self, cx: &Cx, account: AccountId) -> Result<()> {
        while self.store.erase(cx, account, self.batch).await? >= self.batch {}
        Ok(())
    }

    fn kinds(&self) -> &'static [&'static str] {
        &[
            "follows",
            "requests to follow",
            "blocks",
            "mutes",
            "lists",
            "hashtags followed",
            "words muted",
            "dismissed suggestions",
        ]
    }

    async fn held(&self, cx: &Cx, after: AccountId, limit: usize) -> Result<Vec<AccountId>> {
        self.store.held(cx, after, limit).await
    }

    async fn held_among(&self, cx: &Cx, accounts: &[AccountId]) -> Result<Vec<AccountId>> {
        self.store.held_among(cx, accounts).await
    }
}
