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
use plaza_core::{AccountId, Cx, Position, Result, Timestamp};
use plaza_events::Outbox;
use plaza_stores::Gauge;
use serde::{Deserialize, Serialize};

use crate::domain::erasure::{Receipt, Report};
use crate::domain::kept::Kept;
use crate::domain::ticket::{Noted, Redemption, Reset, Ticket};
use crate::domain::{Account, Change, Deletion, Email, Handle, Login, NewAccount};

pub(crate) use crate::domain::Credential;
pub(crate) use cache::AccountCache;
pub(crate) use cached::CachedAccounts;
pub(crate) use postgres::PostgresAccounts;
pub(crate) use sqlite::SqliteAccounts;

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

/// What a deletion answered, by whichever setting it was made.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(crate) enum Ended {
    /// The account waits for its deletion.
    Later(Box<Written<Account>>),
    /// It is gone.
    Now(Written<()>),
}

/// An account of which cached copies are out of date.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Changed {
    pub(crate) id: AccountId,
    /// Those that point elsewhere now.
    pub(crate) handle_keys: Vec<String>,
}

/// How long a mail that is offered again is kept from other replicas, in milliseconds.
const TAKEN_MS: i64 = 60_000;

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

    /// Changes an account. Errors: `ACCOUNT_NOT_FOUND`, `ETAG_MISMATCH`; for a handle `HANDLE_TAKEN`, also if it is kept for
    /// another, and `TOO_MANY_HANDLES`; for a password `PASSWORD_WRONG`.
    async fn change(&self, cx: &Cx, change: Change) -> Result<Written<Account>>;

    /// The outcome of the context's request, if it was a change that was made before. Errors: `REQUEST_ID_REUSED`.
    async fn recall_changed(&self, cx: &Cx) -> Result<Option<Written<Account>>>;

    /// Takes a ticket that came back; it is worthless afterwards. Errors: `ACCOUNT_NOT_FOUND`, `TOKEN_INVALID`; for an address
    /// `EMAIL_TAKEN`.
    async fn redeem(&self, cx: &Cx, redemption: Redemption) -> Result<Written<()>>;

    /// The outcome of the context's request, if it was a redemption that was done before. Errors: `REQUEST_ID_REUSED`.
    async fn recall_redeemed(&self, cx: &Cx) -> Result<Option<Written<()>>>;

    /// Stores a ticket for whoever has its address, unless they have one that is younger than said. It commits, and does the
    /// same work, whether somebody has it.
    async fn request_reset(&self, cx: &Cx, reset: Reset) -> Result<()>;

    /// The tickets of an account that are to be sent now: not those that a server put off until later.
    async fn unsent(&self, cx: &Cx, id: AccountId) -> Result<Vec<Ticket>>;

    /// Up to `limit` tickets that were put off and are to be sent again now, the one that waits for longest first. For a
    /// minute nobody else is told of them, so that of several replicas one sends a mail.
    async fn take_put_off(&self, cx: &Cx, limit: usize) -> Result<Vec<Ticket>>;

    /// What is kept of an account besides itself.
    async fn kept(&self, cx: &Cx, id: AccountId) -> Result<Kept>;

    /// Notes what became of a ticket's mail, unless another ticket is there by now.
    async fn note_mail(&self, cx: &Cx, ticket: &Ticket, noted: Noted) -> Result<()>;

    /// Ends an account: erases all that is personal, also in remembered requests, and keeps the handle from others for
    /// a while. Errors: `ACCOUNT_NOT_FOUND`, also if it is not due and should be.
    async fn delete(&self, cx: &Cx, deletion: Deletion) -> Result<Written<()>>;

    /// The outcome of the context's request, if it was a deletion that was made before, at once or as a change. Errors:
    /// `REQUEST_ID_REUSED`.
    async fn recall_deleted(&self, cx: &Cx) -> Result<Option<Ended>>;

    /// Up to `limit` accounts that are to be deleted by `now`.
    async fn due_deletions(&self, cx: &Cx, now: Timestamp, limit: usize) -> Result<Vec<AccountId>>;

    /// Notes what another service has erased; its first report counts. Errors: `ACCOUNT_NOT_FOUND` unless there was such an
    /// account, and is no more.
    async fn report_erasure(&self, cx: &Cx, report: Report) -> Result<Written<()>>;

    /// What is known of an account's erasure.
    async fn receipt(&self, cx: &Cx, id: AccountId) -> Result<Receipt>;

    /// Up to `limit` ids of living accounts above `after`, rising.
    async fn list_ids(&self, cx: &Cx, after: AccountId, limit: usize) -> Result<Vec<AccountId>>;

    /// A living account's credential.
    async fn credential(&self, cx: &Cx, login: &Login) -> Result<Option<(AccountId, Credential)>>;

    /// The credential of a living account.
    async fn credential_of(&self, cx: &Cx, id: AccountId) -> Result<Option<Credential>>;

    /// Forgets a bounded number of requests that are over 24 hours old, and of handles and tickets whose time is over;
    /// returns how many.
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
