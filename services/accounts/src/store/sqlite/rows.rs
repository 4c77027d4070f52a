//! The statements, one function each. A row with `deleted_at` is nobody's any more.

use std::sync::Arc;

use plaza_core::{AccountId, Error, Result, Timestamp, reason};
use plaza_stores::sqlite::is_unique_violation;
use plaza_stores::{Ids, SqlResultExt as _};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use super::{handles, tickets};
use crate::domain::{Account, Credential, Deletion, Email, Handle, Login, NewAccount, PasswordEdit, Preferences};

const COLUMNS: &str = "account_id, handle, email, display_name, bio, version, created_at, updated_at, avatar, header,
    protected, discoverable, language, default_visibility, deactivated_at, delete_at,
    email_verified, reading_languages";

fn account(row: &Row<'_>) -> rusqlite::Result<Account> {
    Ok(Account {
        id: AccountId(row.get(0)?),
        handle: row.get(1)?,
        email: row.get(2)?,
        display_name: row.get(3)?,
        bio: row.get(4)?,
        version: row.get(5)?,
        created_at: row.get(6)?,
        updated_at: row.get(7)?,
        avatar: row.get(8)?,
        header: row.get(9)?,
        preferences: Preferences {
            protected: row.get(10)?,
            discoverable: row.get(11)?,
            language: row.get(12)?,
            default_visibility: row.get(13)?,
            reading_languages: Preferences::reading_of(row.get_ref(17)?.as_str()?),
        },
        deactivated_at: row.get(14)?,
        delete_at: row.get(15)?,
        email_verified: row.get(16)?,
    })
}

pub(super) fn clash(error: rusqlite::Error) -> Error {
    for (column, reason) in [
        ("accounts.handle_key", reason::HANDLE_TAKEN),
        ("accounts.email_key", reason::EMAIL_TAKEN),
        ("accounts.account_id", reason::ID_CLASH),
    ] {
        if is_unique_violation(&error, column) {
            return Error::new(reason);
        }
    }
    plaza_stores::sqlite::map_err(error)
}

pub(super) fn insert(conn: &Connection, new: &NewAccount, credential: &Credential, now: Timestamp) -> Result<()> {
    if handles::is_kept(conn, new.handle.key(), None, now)? {
        return Err(Error::new(reason::HANDLE_TAKEN));
    }
    conn.prepare_cached(
        "INSERT INTO accounts (account_id, handle_key, handle, email, email_key, password_hash, display_name, bio,
            version, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, '', 1, ?8, ?8)",
    )
    .sql()?
    .execute(params![
        new.id.get(),
        new.handle.key(),
        new.handle.as_str(),
        new.email.as_str(),
        new.email.key(),
        credential.phc(),
        new.display_name,
        new.at.0,
    ])
    .map_err(clash)?;
    Ok(())
}

pub(super) fn check_free(conn: &Connection, handle: &Handle, email: &Email, now: Timestamp) -> Result<()> {
    let (handle_taken, email_taken): (bool, bool) = conn
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM accounts WHERE handle_key = ?1),
                    EXISTS (SELECT 1 FROM accounts WHERE email_key = ?2)",
        )
        .sql()?
        .query_row([handle.key(), email.key()], |row| Ok((row.get(0)?, row.get(1)?)))
        .sql()?;
    let handle_taken = handle_taken || handles::is_kept(conn, handle.key(), None, now)?;
    match (handle_taken, email_taken) {
        (true, _) => Err(Error::new(reason::HANDLE_TAKEN)),
        (_, true) => Err(Error::new(reason::EMAIL_TAKEN)),
        _ => Ok(()),
    }
}

pub(super) fn get(conn: &Connection, id: AccountId) -> Result<Option<Account>> {
    conn.prepare_cached(&format!("SELECT {COLUMNS} FROM accounts WHERE account_id = ?1 AND deleted_at IS NULL"))
        .sql()?
        .query_row([id.get()], account)
        .optional()
        .sql()
}

pub(super) fn batch_get(conn: &Connection, ids: &[AccountId]) -> Result<Vec<Arc<Account>>> {
    let ids: Vec<i64> = ids.iter().map(|id| id.get()).collect();
    let mut statement = conn
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM accounts
             WHERE account_id IN (SELECT value FROM json_each(?1)) AND deleted_at IS NULL"
        ))
        .sql()?;
    let found = statement.query_map([Ids(&ids)], |row| account(row).map(Arc::new)).sql()?;
    found.collect::<rusqlite::Result<_>>().sql()
}

pub(super) fn id_by_handle(conn: &Connection, key: &str) -> Result<Option<AccountId>> {
    conn.prepare_cached("SELECT account_id FROM accounts WHERE handle_key = ?1 AND deleted_at IS NULL")
        .sql()?
        .query_row([key], |row| row.get(0).map(AccountId))
        .optional()
        .sql()
}

/// Stores what changes without clashing with others.
pub(super) fn store(conn: &Connection, account: &Account) -> Result<()> {
    let preferences = &account.preferences;
    conn.prepare_cached(
        "UPDATE accounts
         SET display_name = ?2, bio = ?3, version = ?4, updated_at = ?5, avatar = ?6, header = ?7, protected = ?8,
             discoverable = ?9, language = ?10, default_visibility = ?11, deactivated_at = ?12, delete_at = ?13,
             email_verified = ?14, reading_languages = ?15
         WHERE account_id = ?1",
    )
    .sql()?
    .execute(params![
        account.id.get(),
        account.display_name,
        account.bio,
        account.version,
        account.updated_at,
        account.avatar,
        account.header,
        preferences.protected,
        preferences.discoverable,
        preferences.language,
        preferences.default_visibility,
        account.deactivated_at,
        account.delete_at,
        account.email_verified,
        preferences.reading_text(),
    ])
    .sql()?;
    Ok(())
}

/// Stores a password, unless it is another by now than that which was checked.
pub(super) fn store_password(conn: &Connection, id: AccountId, edit: &PasswordEdit) -> Result<()> {
    let stored = conn
        .prepare_cached("UPDATE accounts SET password_hash = ?3 WHERE account_id = ?1 AND password_hash = ?2")
        .sql()?
        .execute(params![id.get(), edit.old.phc(), edit.new.phc()])
        .sql()?;
    if stored == 0 { Err(Error::new(reason::PASSWORD_WRONG)) } else { Ok(()) }
}

/// Erases what is personal, also in the answers that are remembered for the account's requests, and keeps the handle from
/// others. Returns the handle's key; `None` if there is no such living account.
pub(super) fn erase(conn: &Connection, deletion: Deletion, now: Timestamp) -> Result<Option<String>> {
    let Deletion { id, handle_free_at, .. } = deletion;
    let Some(account) = get(conn, id)?.filter(|account| deletion.applies_to(account, now)) else { return Ok(None) };
    let handle_key = account.handle.to_ascii_lowercase();
    conn.prepare_cached(
        "UPDATE accounts
         SET handle = '', handle_key = '#' || account_id, email = '', email_key = NULL, email_verified = 0, password_hash = '',
             display_name = '', bio = '', avatar = '', header = '', protected = 0, discoverable = 0, language = '',
             default_visibility = 0, reading_languages = '', deactivated_at = NULL, delete_at = NULL, version = version + 1, updated_at = ?2, deleted_at = ?2
         WHERE account_id = ?1",
    )
    .sql()?
    .execute(params![id.get(), now.0])
    .sql()?;
    tickets::erase(conn, id)?;
    handles::disown(conn, id)?;
    handles::keep(conn, &handle_key, None, handle_free_at)?;
    conn.prepare_cached("DELETE FROM requests WHERE caller = ?1").sql()?.execute([id.get()]).sql()?;
    Ok(Some(handle_key))
}

pub(super) fn due_deletions(conn: &Connection, now: Timestamp, limit: usize) -> Result<Vec<AccountId>> {
    let mut statement = conn
        .prepare_cached("SELECT account_id FROM accounts WHERE delete_at <= ?1 ORDER BY delete_at, account_id LIMIT ?2")
        .sql()?;
    let ids = statement.query_map(params![now.0, count(limit)], |row| row.get(0).map(AccountId)).sql()?;
    ids.collect::<rusqlite::Result<_>>().sql()
}

pub(super) fn list_ids(conn: &Connection, after: AccountId, limit: usize) -> Result<Vec<AccountId>> {
    let mut statement = conn
        .prepare_cached(
            "SELECT account_id FROM accounts WHERE account_id > ?1 AND deleted_at IS NULL ORDER BY account_id LIMIT ?2",
        )
        .sql()?;
    let ids = statement.query_map(params![after.get(), count(limit)], |row| row.get(0).map(AccountId)).sql()?;
    ids.collect::<rusqlite::Result<_>>().sql()
}

pub(super) fn credential(conn: &Connection, login: &Login) -> Result<Option<(AccountId, Credential)>> {
    let (sql, key) = match login {
        Login::Handle(key) => {
            ("SELECT account_id, password_hash FROM accounts WHERE handle_key = ?1 AND deleted_at IS NULL", key)
        }
        Login::Email(key) => {
            ("SELECT account_id, password_hash FROM accounts WHERE email_key = ?1 AND deleted_at IS NULL", key)
        }
    };
    conn.prepare_cached(sql)
        .sql()?
        .query_row([key], |row| Ok((AccountId(row.get(0)?), Credential::new(row.get(1)?))))
        .optional()
        .sql()
}

pub(super) fn credential_of(conn: &Connection, id: AccountId) -> Result<Option<Credential>> {
    conn.prepare_cached("SELECT password_hash FROM accounts WHERE account_id = ?1 AND deleted_at IS NULL")
        .sql()?
        .query_row([id.get()], |row| row.get(0).map(Credential::new))
        .optional()
        .sql()
}

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
