//! `feeds-erasure`: erases the read positions of accounts that are gone.

use std::sync::Arc;

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, Result};
use plaza_erasure::EraseAccount;

use crate::store::positions::PositionStore;

/// How many rows one transaction erases.
const BATCH: usize = 1_000;

/// What the service holds of accounts that nothing tells again.
pub(crate) struct StoredPositions(pub(crate) Arc<dyn PositionStore>);

#[async_trait]
impl EraseAccount for StoredPositions {
    async fn erase(&self, cx: &Cx, account: AccountId) -> Result<()> {
        while self.0.erase(cx, account, BATCH).await? >= BATCH {}
        Ok(())
    }

    fn kinds(&self) -> &'static [&'static str] {
        &["read positions"]
    }

    async fn held(&self, cx: &Cx, after: AccountId, limit: usize) -> Result<Vec<AccountId>> {
        self.0.held(cx, after, limit).await
    }

    async fn held_among(&self, cx: &Cx, accounts: &[AccountId]) -> Result<Vec<AccountId>> {
        self.0.held_among(cx, accounts).await
    }
}
