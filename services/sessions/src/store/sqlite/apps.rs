//! App passwords in SQLite.

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, Error, Result, Scopes, SessionId, Timestamp, reason};
use plaza_stores::{SqlResultExt as _, requests};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{SqliteSessions, rows};
use crate::domain::{App, AppPassword, MAX_APP_PASSWORDS};
use crate::store::{AppStore, Notice};

#[async_trait]
impl AppStore for SqliteSessions {
    async fn create_app(&self, cx: &Cx, account: AccountId, app: AppPassword) -> Result<AppPassword> {
        let (request, now, events) = (cx.request().cloned(), self.env.now(), self.events(cx));
        let job = move |conn: &Connection| {
            requests::once(conn, request.as_ref(), now, || {
                if count(conn, account)? >= i64::try_from(MAX_APP_PASSWORDS).unwrap_or(i64::MAX) {
                    return Err(Error::new(reason::TOO_MANY_APP_PASSWORDS));
                }
                insert(conn, account, &app)?;
                events.append(conn, account, Notice::AppCreated { id: app.id })?;
                Ok(app)
            })
        };
        self.db.write(cx, job).await
    }

    async fn app(&self, cx: &Cx, account: AccountId, id: i64) -> Result<Option<App>> {
        self.db.read(cx, |conn| get(conn, account, id)).await
    }

    async fn list_apps(
        &self,
        cx: &Cx,
        account: AccountId,
        before: Option<i64>,
        limit: usize,
    ) -> Result<Vec<AppPassword>> {
        self.db.read(cx, |conn| list(conn, account, before.unwrap_or(i64::MAX), limit)).await
    }

    async fn revoke_app(&self, cx: &Cx, account: AccountId, id: i64) -> Result<bool> {
        let (request, now) = (cx.request().cloned(), self.env.now());
        let job = move |conn: &Connection| {
            requests::once(conn, request.as_ref(), now, || {
                let gone = conn
                    .prepare_cached("DELETE FROM app_passwords WHERE account_id = ?1 AND app_password_id = ?2")
                    .sql()?
                    .execute([account.get(), id])
                    .sql()?;
                for session in opened_by(conn, account, id, now)? {
                    rows::end(conn, session, now)?;
                }
                Ok(gone > 0)
            })
        };
        self.db.write(cx, job).await
    }
}

/// Notes that an app password signs in; whether there is one.
pub(super) fn used(conn: &Connection, account: AccountId, id: i64, now: Timestamp) -> Result<bool> {
    let found = conn
        .prepare_cached("UPDATE app_passwords SET last_used_at = ?3 WHERE account_id = ?1 AND app_password_id = ?2")
        .sql()?
        .execute([account.get(), id, now.0])
        .sql()?;
    Ok(found > 0)
}

/// Scopes as they are stored.
pub(super) fn scopes(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<Scopes>> {
    row.get(at).map(Scopes::from_bits)
}

fn count(conn: &Connection, account: AccountId) -> Result<i64> {
    conn.prepare_cached("SELECT count(*) FROM app_passwords WHERE account_id = ?1")
        .sql()?
        .query_row([account.get()], |row| row.get(0))
        .sql()
}

fn insert(conn: &Connection, account: AccountId, app: &AppPassword) -> Result<()> {
    conn.prepare_cached(
        "INSERT INTO app_passwords (account_id, app_password_id, name, scopes, created_at, last_used_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )
    .sql()?
    .execute(params![account.get(), app.id, app.name, app.scopes.bits(), app.created_at, app.last_used_at])
    .unique("app_passwords.app_password_id", || Error::new(reason::ID_CLASH))?;
    Ok(())
}

fn get(conn: &Connection, account: AccountId, id: i64) -> Result<Option<App>> {
    let found = conn
        .prepare_cached("SELECT scopes FROM app_passwords WHERE account_id = ?1 AND app_password_id = ?2")
        .sql()?
        .query_row([account.get(), id], |row| scopes(row, 0))
        .optional()
        .sql()?;
    Ok(found.flatten().map(|scopes| App { id, scopes }))
}

fn list(conn: &Connection, account: AccountId, before: i64, limit: usize) -> Result<Vec<AppPassword>> {
    let mut statement = conn
        .prepare_cached(
            "SELECT app_password_id, name, scopes, created_at, last_used_at FROM app_passwords
             WHERE account_id = ?1 AND app_password_id < ?2 ORDER BY app_password_id DESC LIMIT ?3",
        )
        .sql()?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let found = statement
        .query_map([account.get(), before, limit], |row| {
            Ok(AppPassword {
                id: row.get(0)?,
                name: row.get(1)?,
                scopes: scopes(row, 2)?.unwrap_or_default(),
                created_at: row.get(3)?,
                last_used_at: row.get(4)?,
            })
        })
        .sql()?;
    found.collect::<rusqlite::Result<_>>().sql()
}

/// The living sessions that an app password opened.
fn opened_by(conn: &Connection, account: AccountId, id: i64, now: Timestamp) -> Result<Vec<SessionId>> {
    let mut statement = conn
        .prepare_cached(
            "SELECT session_id FROM sessions WHERE account_id = ?1 AND app_password_id = ?2 AND expires_at > ?3",
        )
        .sql()?;
    let ids = statement.query_map([account.get(), id, now.0], |row| row.get(0).map(SessionId)).sql()?;
    ids.collect::<rusqlite::Result<_>>().sql()
}
