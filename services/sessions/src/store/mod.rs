//! What the service asks of its store.

mod apps;
#[cfg(test)]
mod conformance;
mod factors;
mod guesses;
mod notices;
mod redis;
mod sqlite;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, Error, Result, SessionId, reason};
use plaza_events::Outbox;
use plaza_stores::Gauge;
use serde::{Deserialize, Serialize};

use crate::domain::{Ending, Grant, NewSession, Session, SignedIn, Use};
use crate::tokens::StoredKey;

pub(crate) use apps::AppStore;
pub(crate) use factors::FactorStore;
pub(crate) use guesses::GuessStore;
pub(crate) use notices::{Notice, Stamp};
pub(crate) use redis::RedisSessions;
pub(crate) use sqlite::SqliteSessions;

/// How many rows of a kind one prune deletes at most.
const PRUNE_LIMIT: usize = 1_000;
/// How long no session is opened for an erased account: far longer than any sign-in takes, so that one that had its
/// password checked before the erasure cannot open a session after it.
const ERASED_MS: i64 = 60 * 60 * 1_000;
/// How long it is known that an account ended its sessions: as long, for the same reason.
const BARRED_MS: i64 = ERASED_MS;

/// What came of a refresh; remembered with the request, and committed in both cases.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Refreshed {
    /// The session goes on.
    Granted(Grant),
    /// A used token came back, and its session was ended.
    Reused,
}

/// A page of ended sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Revoked {
    pub(crate) sessions: Vec<SessionId>,
    /// Where the next page begins.
    pub(crate) cursor: i64,
}

/// All that the service keeps.
pub(crate) trait Store: SessionStore + GuessStore + FactorStore + AppStore {}

impl<T: SessionStore + GuessStore + FactorStore + AppStore> Store for T {}

/// What a code is answered that is wrong, or was spent.
pub(crate) fn code_invalid() -> Error {
    Error::new(reason::CODE_INVALID).on_field("code")
}

/// What a guess is answered that has to wait.
fn too_many_guesses(wait_ms: i64) -> Error {
    Error::new(reason::TOO_MANY_GUESSES).retry_after(Duration::from_millis(wait_ms.unsigned_abs()))
}

/// The truth about sessions. Writes happen once for each request of the context.
#[async_trait]
pub(crate) trait SessionStore: Send + Sync + 'static {
    /// Opens a session whose tokens `kid` signs, and tells of a device that the account does not know; or opens none, if
    /// the account has a second factor and no code is given, which else is spent. Past the account's limit the session
    /// unused for longest ends. Errors:
    /// `ID_CLASH`; `SIGN_IN_FAILED` if the account was erased a moment ago, or ended its sessions since its password was
    /// checked, or the app password was revoked; `CODE_INVALID` if the code was used by now.
    async fn open(&self, cx: &Cx, new: NewSession, kid: &str) -> Result<SignedIn>;

    /// The outcome of the context's request to open a session, if it was performed before. Errors: `REQUEST_ID_REUSED`.
    async fn recall_opened(&self, cx: &Cx) -> Result<Option<SignedIn>>;

    /// Uses a genuine refresh token, and tells of one that came back; also answers the device's name, empty if the session is gone by now. Errors:
    /// `REFRESH_TOKEN_INVALID`.
    async fn refresh(&self, cx: &Cx, used: Use, kid: &str) -> Result<(Refreshed, String)>;

    /// Ends a session of this account; whether there was one.
    async fn end(&self, cx: &Cx, account: AccountId, session: SessionId) -> Result<bool>;

    /// Ends the sessions of this account but one, and opens none for sign-ins under way; how many ended.
    async fn end_all(&self, cx: &Cx, account: AccountId, ending: Ending) -> Result<u64>;

    /// Up to `limit` living sessions of the account, by falling id, below `before`.
    async fn list(&self, cx: &Cx, account: AccountId, before: Option<SessionId>, limit: usize) -> Result<Vec<Session>>;

    /// When the devices that the account knows last signed in, the last one first, in milliseconds; there are few.
    async fn devices(&self, cx: &Cx, account: AccountId) -> Result<Vec<i64>>;

    /// Up to `limit` sessions that ended after the cursor `after`, in the order they ended; for 0, or a cursor that this
    /// store never gave, those whose access tokens may still be good. None is missed between two pages.
    async fn revoked_after(&self, cx: &Cx, after: i64, limit: usize) -> Result<Revoked>;

    /// The signing keys, the newest first. If there is none, `candidate` becomes the first. A store that may lose its
    /// data gets back those that this process knows.
    async fn signing_keys(&self, cx: &Cx, candidate: StoredKey) -> Result<Vec<StoredKey>>;

    /// Adds a key, unless there is one that was made after `after` already: of several replicas one adds.
    async fn add_key(&self, cx: &Cx, key: StoredKey, after: i64) -> Result<()>;

    /// Forgets keys.
    async fn drop_keys(&self, cx: &Cx, kids: &[String]) -> Result<()>;

    /// Ends all sessions of these accounts, forgets their rows, and opens none for them for a while.
    async fn erase(&self, cx: &Cx, accounts: &[AccountId]) -> Result<()>;

    /// Up to `limit` accounts above `after` of which something is kept, rising.
    async fn held(&self, cx: &Cx, after: AccountId, limit: usize) -> Result<Vec<AccountId>>;

    /// Of which of these accounts something is kept, rising.
    async fn held_among(&self, cx: &Cx, accounts: &[AccountId]) -> Result<Vec<AccountId>>;

    /// Forgets a bounded number of rows that no longer matter: expired sessions, old revocations and requests. Returns
    /// how many.
    async fn prune(&self, cx: &Cx) -> Result<usize>;

    /// Whether the store answers; asked about every second. Errors: `STORE_UNAVAILABLE`.
    async fn ping(&self, cx: &Cx) -> Result<()>;

    /// The events of its writes.
    fn outbox(&self) -> Arc<dyn Outbox>;

    /// Figures for metrics.
    fn observe(&self) -> Vec<Gauge>;

    /// Finishes what waits and closes.
    async fn close(&self);
}
