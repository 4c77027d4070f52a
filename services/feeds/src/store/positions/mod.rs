//! The store of read positions. It is truth: unlike feeds, nothing tells them again.

#[cfg(test)]
pub(crate) mod conformance;

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, Result};
use plaza_stores::Gauge;

use crate::domain::{FeedKind, ReadPosition, ReadTo};

/// How far accounts have read.
#[async_trait]
pub trait PositionStore: Send + Sync + 'static {
    /// How far `account` has read in `feed`, if it ever said so.
    async fn get(&self, cx: &Cx, account: AccountId, feed: FeedKind) -> Result<Option<ReadPosition>>;

    /// Moves a position as [`ReadTo::moves`] says, and returns where it is then. Performed once for the context's
    /// request: a retry gets the first answer.
    ///
    /// # Errors
    /// `ACCOUNT_NOT_FOUND` if the account was erased; `REQUEST_ID_REUSED` if another request had its id.
    async fn set(&self, cx: &Cx, to: ReadTo) -> Result<ReadPosition>;

    /// Erases up to `limit` rows of an account that is gone; returns how many. Nothing of it is taken in from then on.
    async fn erase(&self, cx: &Cx, account: AccountId, limit: usize) -> Result<usize>;

    /// Up to `limit` accounts above `after` that have positions, by rising id.
    async fn held(&self, cx: &Cx, after: AccountId, limit: usize) -> Result<Vec<AccountId>>;

    /// Those of `accounts` that have positions.
    async fn held_among(&self, cx: &Cx, accounts: &[AccountId]) -> Result<Vec<AccountId>>;

    /// Forgets a bounded number of remembered answers that are over 24 hours old; returns how many.
    async fn prune(&self, cx: &Cx) -> Result<usize>;

    /// Whether the store answers; asked about every second. Errors: `STORE_UNAVAILABLE`.
    async fn ping(&self, cx: &Cx) -> Result<()>;

    /// Figures about it.
    fn observe(&self) -> Vec<Gauge>;

    /// Finishes what is under way and closes the store.
    async fn close(&self);
}
