//! Accounts in SQLite.

mod rows;

use std::sync::Arc;

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, Env, Error, Position, Result, TraceContext, reason};
use plaza_events::{NewEvent, Outbox, SqliteOutbox, outbox};
use plaza_proto::accounts::v1::{AccountCreated, AccountDeleted};
use plaza_stores::{Gauge, Migration, Sqlite, StoreAddress, requests};
use prost::{Message, Name};
use rusqlite::Connection;

use super::{AccountStore, Changed, Created, Credential, OnChange, Written, events};
use crate::SOURCE;
use crate::domain::{Account, Change, Email, Handle, Login, NewAccount};

/// The schema, step by step.
const MIGRATIONS: &[Migration] = &[
    Migration { name: "0001_accounts", sql: include_str!("../../../migrations/sqlite/0001_accounts.sql") },
    Migration { name: "0002_requests", sql: requests::SCHEMA },
    Migration { name: "0003_outbox", sql: outbox::sqlite::SCHEMA },
    Migration { name: "0004_preferences", sql: include_str!("../../../migrations/sqlite/0004_preferences.sql") },
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
        let db = match address.sqlite_options() {
            Some(options) => Sqlite::open(options, MIGRATIONS)?,
            None => Sqlite::ephemeral(MIGRATIONS)?,
        };
        Ok(Self { db, env, on_change })
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
        let changed = Changed { id: account.id, handle_key: Some(account.handle.key().to_owned()) };
        let on_change = self.on_change.clone();
        let job = move |conn: &Connection| {
            requests::once(conn, request.as_ref(), now, || {
                rows::insert(conn, &account, &credential)?;
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
        self.db.read(cx, |conn| rows::check_free(conn, handle, email)).await
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
        let changed = Changed { id: change.id, handle_key: None };
        let on_change = self.on_change.clone();
        let job = move |conn: &Connection| {
            requests::once(conn, request.as_ref(), now, || {
                let account = rows::get(conn, change.id)?.ok_or_else(not_found)?;
                let account = change.apply(account)?;
                rows::store(conn, &account)?;
                let position = events.append_change(conn, &change)?;
                Ok(Written { value: account, position })
            })
        };
        self.db.write_then(cx, job, move |_| on_change(&changed)).await
    }

    async fn delete(&self, cx: &Cx, id: AccountId) -> Result<Written<()>> {
        let (request, now, events) = (cx.request().cloned(), self.env.now(), self.events(cx));
        let on_change = self.on_change.clone();
        let job = move |conn: &Connection| {
            let mut handle_key = None;
            let written = requests::once(conn, request.as_ref(), now, || {
                handle_key = Some(rows::erase(conn, id, now)?.ok_or_else(not_found)?);
                let position = events.append(conn, id, &AccountDeleted { account_id: id.get() })?;
                Ok(Written { value: (), position })
            })?;
            Ok((written, Changed { id, handle_key }))
        };
        let (written, _) = self.db.write_then(cx, job, move |(_, changed)| on_change(changed)).await?;
        Ok(written)
    }

    async fn list_ids(&self, cx: &Cx, after: AccountId, limit: usize) -> Result<Vec<AccountId>> {
        self.db.read(cx, |conn| rows::list_ids(conn, after, limit)).await
    }

    async fn credential(&self, cx: &Cx, login: &Login) -> Result<Option<(AccountId, Credential)>> {
        self.db.read(cx, |conn| rows::credential(conn, login)).await
    }

    async fn prune(&self, cx: &Cx) -> Result<usize> {
        let now = self.env.now();
        self.db.write(cx, move |conn| requests::prune(conn, now)).await
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

fn not_found() -> Error {
    Error::new(reason::ACCOUNT_NOT_FOUND)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance::Made;

    async fn make(env: Env, on_change: OnChange) -> Option<Made> {
        let store = SqliteAccounts::open(&StoreAddress::Memory, env, on_change).unwrap();
        Some(Made { store: Arc::new(store), keep: Box::new(()) })
    }

    crate::store::conformance::suite!(make);
}
