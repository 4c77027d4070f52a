//! Accounts in SQLite.

mod erasures;
mod handles;
mod rows;
mod tickets;

use std::sync::Arc;

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, Env, Error, Position, Result, Timestamp, TraceContext, reason};
use plaza_events::{NewEvent, Outbox, SqliteOutbox, outbox};
use plaza_proto::accounts::v1::{AccountCreated, AccountDeleted, ErasureReported, MailRequested};
use plaza_stores::{Gauge, Migration, Sqlite, StoreAddress, requests};
use prost::{Message, Name};
use rusqlite::Connection;

use super::{AccountStore, Changed, Created, Credential, Ended, OnChange, TAKEN_MS, Written, events};
use crate::SOURCE;
use crate::domain::erasure::{Receipt, Report};
use crate::domain::kept::Kept;
use crate::domain::ticket::{Noted, Redemption, Reset, Ticket};
use crate::domain::{Account, Change, Deletion, Edit, Email, Handle, Login, NewAccount};

/// The schema, step by step.
const MIGRATIONS: &[Migration] = &[
    Migration { name: "0001_accounts", sql: include_str!("../../../migrations/sqlite/0001_accounts.sql") },
    Migration { name: "0002_requests", sql: requests::SCHEMA },
    Migration { name: "0003_outbox", sql: outbox::sqlite::SCHEMA },
    Migration { name: "0004_preferences", sql: include_str!("../../../migrations/sqlite/0004_preferences.sql") },
    Migration { name: "0005_kept_handles", sql: include_str!("../../../migrations/sqlite/0005_kept_handles.sql") },
    Migration { name: "0006_hidden", sql: include_str!("../../../migrations/sqlite/0006_hidden.sql") },
    Migration { name: "0007_tickets", sql: include_str!("../../../migrations/sqlite/0007_tickets.sql") },
    Migration { name: "0008_erasures", sql: include_str!("../../../migrations/sqlite/0008_erasures.sql") },
    Migration { name: "0009_mails_put_off", sql: include_str!("../../../migrations/sqlite/0009_mails_put_off.sql") },
    Migration {
        name: "0010_reading_languages",
        sql: include_str!("../../../migrations/sqlite/0010_reading_languages.sql"),
    },
];

/// The store in one SQLite file.
pub(crate) struct SqliteAccounts {
    db: Sqlite,
    env: Env,
    on_change: OnChange,
}

impl SqliteAccounts {
    /// Opens the file and brings its schema up to date.
    ///
    /// # Errors
    /// `STORE_UNAVAILABLE` with a message for the operator.
    pub(crate) fn open(address: &StoreAddress, env: Env, on_change: OnChange) -> Result<Self> {
        Ok(Self { db: Sqlite::at(address, MIGRATIONS)?, env, on_change })
    }

    /// Appends events; moved into a write.
    fn events(&self, cx: &Cx) -> Events {
        Events { env: self.env.clone(), trace: cx.trace() }
    }
}

/// Writes the events of one call.
struct Events {
    env: Env,
    trace: Option<TraceContext>,
}

impl Events {
    fn append<M: Message + Name>(&self, conn: &Connection, id: AccountId, message: &M) -> Result<Position> {
        self.append_event(conn, &events::event(&self.env, self.trace, id, message))
    }

    fn append_change(&self, conn: &Connection, change: &Change) -> Result<Position> {
        self.append_event(conn, &events::changed(&self.env, self.trace, change))
    }

    fn append_event(&self, conn: &Connection, event: &NewEvent) -> Result<Position> {
        outbox::sqlite::append(conn, event)
    }
}

#[async_trait]
impl AccountStore for SqliteAccounts {
    async fn create(&self, cx: &Cx, account: NewAccount, credential: Credential) -> Result<Written<Created>> {
        let (request, now, events) = (cx.request().cloned(), self.env.now(), self.events(cx));
        let changed = Changed { id: account.id, handle_keys: vec![account.handle.key().to_owned()] };
        let on_change = self.on_change.clone();
        let job = move |conn: &Connection| {
            requests::once(conn, request.as_ref(), now, || {
                rows::insert(conn, &account, &credential, now)?;
                let position = events.append(conn, account.id, &AccountCreated { account_id: account.id.get() })?;
                Ok(Written { value: Created { id: account.id, at: account.at.0 }, position })
            })
        };
        self.db.write_then(cx, job, move |_| on_change(&changed)).await
    }

    async fn recall_created(&self, cx: &Cx) -> Result<Option<Written<Created>>> {
        let now = self.env.now();
        self.db.read(cx, |conn| requests::recall(conn, cx.request(), now)).await
    }

    async fn check_free(&self, cx: &Cx, handle: &Handle, email: &Email) -> Result<()> {
        let now = self.env.now();
        self.db.read(cx, |conn| rows::check_free(conn, handle, email, now)).await
    }

    async fn get(&self, cx: &Cx, id: AccountId) -> Result<Option<Arc<Account>>> {
        self.db.read(cx, |conn| rows::get(conn, id)).await.map(|found| found.map(Arc::new))
    }

    async fn batch_get(&self, cx: &Cx, ids: &[AccountId]) -> Result<Vec<Arc<Account>>> {
        self.db.read(cx, |conn| rows::batch_get(conn, ids)).await
    }

    async fn id_by_handle(&self, cx: &Cx, handle: &Handle) -> Result<Option<AccountId>> {
        self.db.read(cx, |conn| rows::id_by_handle(conn, handle.key())).await
    }

    async fn change(&self, cx: &Cx, change: Change) -> Result<Written<Account>> {
        let (request, now, events) = (cx.request().cloned(), self.env.now(), self.events(cx));
        let on_change = self.on_change.clone();
        let job = move |conn: &Connection| {
            let mut handle_keys = Vec::new();
            let written = requests::once(conn, request.as_ref(), now, || {
                let before = rows::get(conn, change.id)?.ok_or_else(not_found)?;
                let account = change.apply(before.clone())?;
                handle_keys = perform(conn, &before, &change, now)?;
                rows::store(conn, &account)?;
                let position = events.append_change(conn, &change)?;
                Ok(Written { value: account, position })
            })?;
            Ok((written, Changed { id: change.id, handle_keys }))
        };
        let (written, _) = self.db.write_then(cx, job, move |(_, changed)| on_change(changed)).await?;
        Ok(written)
    }

    async fn recall_changed(&self, cx: &Cx) -> Result<Option<Written<Account>>> {
        let now = self.env.now();
        self.db.read(cx, |conn| requests::recall(conn, cx.request(), now)).await
    }

    async fn redeem(&self, cx: &Cx, redemption: Redemption) -> Result<Written<()>> {
        let (request, now, events) = (cx.request().cloned(), self.env.now(), self.events(cx));
        let changed = Changed { id: redemption.account, handle_keys: Vec::new() };
        let on_change = self.on_change.clone();
        let job = move |conn: &Connection| {
            requests::once(conn, request.as_ref(), now, || {
                let account = rows::get(conn, redemption.account)?.ok_or_else(not_found)?;
                let ticket = tickets::get(conn, account.id, redemption.purpose())?;
                let after = redemption.apply(&account, ticket)?;
                tickets::redeem(conn, &redemption, &after)?;
                rows::store(conn, &after)?;
                let event = events::redeemed(&events.env, events.trace, &redemption);
                Ok(Written { value: (), position: events.append_event(conn, &event)? })
            })
        };
        self.db.write_then(cx, job, move |_| on_change(&changed)).await
    }

    async fn recall_deleted(&self, cx: &Cx) -> Result<Option<Ended>> {
        let now = self.env.now();
        self.db.read(cx, |conn| requests::recall(conn, cx.request(), now)).await
    }

    async fn recall_redeemed(&self, cx: &Cx) -> Result<Option<Written<()>>> {
        let now = self.env.now();
        self.db.read(cx, |conn| requests::recall(conn, cx.request(), now)).await
    }

    async fn request_reset(&self, cx: &Cx, reset: Reset) -> Result<()> {
        let (request, now, events) = (cx.request().cloned(), self.env.now(), self.events(cx));
        let job = move |conn: &Connection| {
            requests::once(conn, request.as_ref(), now, || {
                if let Some(id) = tickets::reset(conn, &reset)? {
                    events.append(conn, id, &MailRequested { account_id: id.get() })?;
                }
                Ok(())
            })
        };
        self.db.write(cx, job).await
    }

    async fn report_erasure(&self, cx: &Cx, report: Report) -> Result<Written<()>> {
        let (request, now, events) = (cx.request().cloned(), self.env.now(), self.events(cx));
        let job = move |conn: &Connection| {
            requests::once(conn, request.as_ref(), now, || {
                erasures::report(conn, &report)?;
                let message = ErasureReported { account_id: report.account.get() };
                Ok(Written { value: (), position: events.append(conn, report.account, &message)? })
            })
        };
        self.db.write(cx, job).await
    }

    async fn receipt(&self, cx: &Cx, id: AccountId) -> Result<Receipt> {
        self.db.read(cx, |conn| erasures::receipt(conn, id)).await
    }

    async fn unsent(&self, cx: &Cx, id: AccountId) -> Result<Vec<Ticket>> {
        let now = self.env.now();
        self.db.read(cx, |conn| tickets::unsent(conn, id, now)).await
    }

    async fn take_put_off(&self, cx: &Cx, limit: usize) -> Result<Vec<Ticket>> {
        let now = self.env.now();
        self.db.write(cx, move |conn| tickets::take_put_off(conn, now, now.plus_ms(TAKEN_MS), limit)).await
    }

    async fn kept(&self, cx: &Cx, id: AccountId) -> Result<Kept> {
        let now = self.env.now();
        let read = |conn: &Connection| {
            Ok(Kept { handles: handles::kept(conn, id, now)?, tickets: tickets::good(conn, id, now)? })
        };
        self.db.read(cx, read).await
    }

    async fn note_mail(&self, cx: &Cx, ticket: &Ticket, noted: Noted) -> Result<()> {
        let ticket = ticket.clone();
        self.db.write(cx, move |conn| tickets::note(conn, &ticket, noted)).await
    }

    async fn delete(&self, cx: &Cx, deletion: Deletion) -> Result<Written<()>> {
        let id = deletion.id;
        let (request, now, events) = (cx.request().cloned(), self.env.now(), self.events(cx));
        let on_change = self.on_change.clone();
        let job = move |conn: &Connection| {
            let mut handle_keys = Vec::new();
            let written = requests::once(conn, request.as_ref(), now, || {
                handle_keys.push(rows::erase(conn, deletion, now)?.ok_or_else(not_found)?);
                let position = events.append(conn, id, &AccountDeleted { account_id: id.get() })?;
                Ok(Written { value: (), position })
            })?;
            Ok((written, Changed { id, handle_keys }))
        };
        let (written, _) = self.db.write_then(cx, job, move |(_, changed)| on_change(changed)).await?;
        Ok(written)
    }

    async fn due_deletions(&self, cx: &Cx, now: Timestamp, limit: usize) -> Result<Vec<AccountId>> {
        self.db.read(cx, |conn| rows::due_deletions(conn, now, limit)).await
    }

    async fn list_ids(&self, cx: &Cx, after: AccountId, limit: usize) -> Result<Vec<AccountId>> {
        self.db.read(cx, |conn| rows::list_ids(conn, after, limit)).await
    }

    async fn credential(&self, cx: &Cx, login: &Login) -> Result<Option<(AccountId, Credential)>> {
        self.db.read(cx, |conn| rows::credential(conn, login)).await
    }

    async fn credential_of(&self, cx: &Cx, id: AccountId) -> Result<Option<Credential>> {
        self.db.read(cx, |conn| rows::credential_of(conn, id)).await
    }

    async fn prune(&self, cx: &Cx) -> Result<usize> {
        let now = self.env.now();
        self.db
            .write(cx, move |conn| {
                Ok(requests::prune(conn, now)? + handles::prune(conn, now)? + tickets::prune(conn, now)?)
            })
            .await
    }

    fn outbox(&self) -> Arc<dyn Outbox> {
        Arc::new(SqliteOutbox::new(SOURCE, self.db.clone()))
    }

    async fn ping(&self, cx: &Cx) -> Result<()> {
        self.db.ping(cx).await
    }

    fn observe(&self) -> Vec<Gauge> {
        self.db.observe()
    }

    async fn close(&self) {
        self.db.close().await;
    }
}

/// Changes what can clash with others, or is no part of the account itself. Returns the handles that point elsewhere now.
fn perform(conn: &Connection, before: &Account, change: &Change, now: Timestamp) -> Result<Vec<String>> {
    match &change.edit {
        Edit::Handle(edit) => handles::change(conn, before, edit, now),
        Edit::Password(edit) => rows::store_password(conn, before.id, edit).map(|()| Vec::new()),
        Edit::Mail(ticket) => tickets::put(conn, before.id, ticket).map(|()| Vec::new()),
        _ => Ok(Vec::new()),
    }
}

fn not_found() -> Error {
    Error::new(reason::ACCOUNT_NOT_FOUND)
}

#[cfg(test)]
mod tests {
    use plaza_core::ManualClock;
    use plaza_stores::SqlResultExt as _;

    use super::*;
    use crate::store::conformance::Made;

    async fn make(env: Env, on_change: OnChange) -> Option<Made> {
        let store = SqliteAccounts::open(&StoreAddress::Memory, env, on_change).unwrap();
        Some(Made { store: Arc::new(store), keep: Box::new(()) })
    }

    crate::store::conformance::suite!(make);

    #[tokio::test]
    async fn handles_of_those_gone_before_there_was_a_time_for_it_are_free_after_90_days() {
        let folder = tempfile::tempdir().unwrap();
        let address = StoreAddress::sqlite(folder.path().join("accounts.db"));
        let cx = Cx::background("test", std::time::Duration::from_secs(10));
        let before = Sqlite::open(address.sqlite_options().unwrap(), &MIGRATIONS[..4]).unwrap();
        let gone = "INSERT INTO accounts VALUES (7, 'ada', '', '', NULL, '', '', '', 2, 1, 5, 5, '', '', 0, 0, '', 0)";
        before.write(&cx, |conn| conn.execute(gone, []).sql()).await.unwrap();
        before.close().await;
        let day = 86_400_000;
        for (at, free) in [(90 * day + 4, false), (90 * day + 5, true)] {
            let env = Env::manual(ManualClock::new(Timestamp(at)), 7);
            let store = SqliteAccounts::open(&address, env, Arc::new(|_| ())).unwrap();
            let (handle, email) = (Handle::parse("Ada").unwrap(), Email::new("ada@example.org"));
            assert_eq!(store.check_free(&cx, &handle, &email).await.is_ok(), free);
            store.close().await;
        }
    }
}
