//! `sessions-erasure`: ends all sessions of deleted accounts.

use std::sync::Arc;

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, Result};
use plaza_erasure::EraseAccount;

use crate::store::Store;

/// What the service holds of accounts: their sessions.
pub(crate) struct StoredSessions(pub(crate) Arc<dyn Store>);

#[async_trait]
impl EraseAccount for StoredSessions {
    async fn erase(&self, cx: &Cx, account: AccountId) -> Result<()> {
        self.0.erase(cx, &[account]).await
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["sessions", "app passwords", "second factor", "known devices"]
    }

    async fn held(&self, cx: &Cx, after: AccountId, limit: usize) -> Result<Vec<AccountId>> {
        self.0.held(cx, after, limit).await
    }

    async fn held_among(&self, cx: &Cx, accounts: &[AccountId]) -> Result<Vec<AccountId>> {
        self.0.held_among(cx, accounts).await
    }
}
