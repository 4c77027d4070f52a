//! What the service asks of its store about app passwords.

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, Result};

use crate::domain::{App, AppPassword};

/// App passwords. Writes happen once for each request of the context.
#[async_trait]
pub(crate) trait AppStore: Send + Sync + 'static {
    /// Keeps a new one; answers that of this request. Errors: `TOO_MANY_APP_PASSWORDS`, `ID_CLASH`.
    async fn create_app(&self, cx: &Cx, account: AccountId, app: AppPassword) -> Result<AppPassword>;

    /// What a session of one may do, unless it was revoked.
    async fn app(&self, cx: &Cx, account: AccountId, id: i64) -> Result<Option<App>>;

    /// Up to `limit` of an account, by falling id, below `before`.
    async fn list_apps(
        &self,
        cx: &Cx,
        account: AccountId,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<AppPassword>>;

    /// Takes one away, and ends the sessions that it opened; whether there was one.
    async fn revoke_app(&self, cx: &Cx, account: AccountId, id: i64) -> Result<bool>;
}
