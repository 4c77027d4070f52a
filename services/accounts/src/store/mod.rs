//! What the service asks of its store.

pub(crate) mod cache;
mod cached;
#[cfg(test)]
mod conformance;
pub(crate) mod events;
mod postgres;
mod sqlite;

use std::sync::Arc;

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, Position, Result};
use plaza_events::Outbox;
use plaza_stores::Gauge;
use serde::{Deserialize, Serialize};

use crate::domain::{Account, Change, Email, Handle, Login, NewAccount};

pub(crate) use cache::AccountCache;
pub(crate) use cached::CachedAccounts;
pub(crate) use postgres::PostgresAccounts;
pub(crate) use sqlite::SqliteAccounts;

/// A stored password hash (a PHC string). It has no `Debug`, and nothing but the password check reads it.
#[derive(Clone)]
pub(crate) struct Credential(String);

impl Credential {
    pub(crate) fn new(phc: String) -> Self {
        Self(phc)
    }

    pub(crate) fn phc(&self) -> &str {
        &self.0
    }
}

/// What a write answered, with its place in the outbox; remembered with the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Written<T> {
    pub(crate) value: T,
    pub(crate) position: Position,
}

/// What is remembered of a creation. The rest of the first answer is in the request itself, so that nothing personal
/// outlives the account in the table of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Created {
    pub(crate) id: AccountId,
    /// Milliseconds since the Unix epoch.
    pub(crate) at: i64,
}

/// An account of which cached copies are out of date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Changed {
    pub(crate) id: AccountId,
    /// Set if the handle points elsewhere now.
    pub(crate) handle_key: Option<String>,
}

/// Called after each commit that changed an account, also when the caller has given up.
pub(crate) type OnChange = Arc<dyn Fn(&Changed) + Send + Sync>;

/// The truth about accounts. Writes put their event into the outbox in the same transaction and happen once for each
/// request of the context.
#[async_trait]
pub(crate) trait AccountStore: Send + Sync + 'static {
    /// Stores a new account. Errors: `HANDLE_TAKEN`, `EMAIL_TAKEN`, `ID_CLASH`.
    async fn create(&self, cx: &Cx, account: NewAccount, credential: Credential) -> Result<Written<Created>>;

    /// The outcome of the context's request, if it was performed before. Errors: `REQUEST_ID_REUSED`.
    async fn recall_created(&self, cx: &Cx) -> Result<Option<Written<Created>>>;

    /// Whether a creation would clash now; the creation itself decides. Errors: `HANDLE_TAKEN`, `EMAIL_TAKEN`.
    async fn check_free(&self, cx: &Cx, handle: &Handle, email: &Email) -> Result<()>;

    /// A living account.
    async fn get(&self, cx: &Cx, id: AccountId) -> Result<Option<Arc<Account>>>;

    /// The living accounts among `ids`, each once, in any order.
    async fn batch_get(&self, cx: &Cx, ids: &[AccountId]) -> Result<Vec<Arc<Account>>>;

    /// Whose handle this is, among the living.
    async fn id_by_handle(&self, cx: &Cx, handle: &Handle) -> Result<Option<AccountId>>;

    /// Changes an account. Errors: `ACCOUNT_NOT_FOUND`, `ETAG_MISMATCH`.
    async fn change(&self, cx: &Cx, change: Change) -> Result<Written<Account>>;

    /// Ends an account: erases all that is personal, also in remembered requests, and keeps the handle taken. Errors:
    /// `ACCOUNT_NOT_FOUND`.
    async fn delete(&self, cx: &Cx, id: AccountId) -> Result<Written<()>>;

    /// Up to `limit` ids of living accounts above `after`, rising.
    async fn list_ids(&self, cx: &Cx, after: AccountId, limit: usize) -> Result<Vec<AccountId>>;

    /// A living account's credential.
    async fn credential(&self, cx: &Cx, login: &Login) -> Result<Option<(AccountId, Credential)>>;

    /// Forgets a bounded number of requests that are over 24 hours old; returns how many.
    async fn prune(&self, cx: &Cx) -> Result<usize>;

    /// The events of its writes.
    fn outbox(&self) -> Arc<dyn Outbox>;

    /// Whether the store answers; asked about every second. Errors: `STORE_UNAVAILABLE`.
    async fn ping(&self, cx: &Cx) -> Result<()>;

    /// Figures for metrics.
    fn observe(&self) -> Vec<Gauge>;

    /// Finishes what waits and closes.
    async fn close(&self);
}
