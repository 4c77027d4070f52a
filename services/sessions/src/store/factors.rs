//! What the service asks of its store about second factors.

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, Result};

use crate::domain::{Factor, Nonce, Proof};

/// Second factors. Writes happen once for each request of the context.
#[async_trait]
pub(crate) trait FactorStore: Send + Sync + 'static {
    /// The factor of an account, also one that is being set up.
    async fn factor(&self, cx: &Cx, account: AccountId) -> Result<Option<Factor>>;

    /// Begins to set one up, in place of one that was begun; answers the nonce of this request. Errors:
    /// `SECOND_FACTOR_ACTIVE`.
    async fn begin_factor(&self, cx: &Cx, account: AccountId, nonce: Nonce) -> Result<Nonce>;

    /// Confirms the one that was begun with this nonce, by the code of a step. Errors: `SECOND_FACTOR_ACTIVE`,
    /// `SECOND_FACTOR_NOT_FOUND`.
    async fn confirm_factor(&self, cx: &Cx, account: AccountId, nonce: Nonce, step: i64) -> Result<Nonce>;

    /// Takes it away, for a code. Errors: `CODE_INVALID` if that was used by now.
    async fn drop_factor(&self, cx: &Cx, account: AccountId, proof: Proof) -> Result<Nonce>;

    /// The nonce that the context's request was answered, if it was performed before. Errors: `REQUEST_ID_REUSED`.
    async fn recall_factor(&self, cx: &Cx) -> Result<Option<Nonce>>;
}
