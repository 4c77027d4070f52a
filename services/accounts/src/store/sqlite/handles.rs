//! Handles: who has which, and which are kept from others.

use plaza_core::{AccountId, Error, Result, Timestamp, reason};
use plaza_stores::SqlResultExt as _;
use rusqlite::{Connection, OptionalExtension as _, params};

use super::rows::clash;
use crate::domain::kept::KeptHandle;
use crate::domain::{Account, HandleEdit};

/// How many one [`prune`] forgets at most.
const PRUNE_LIMIT: i64 = 1_000;

/// Whether the handle is kept for somebody; `None` is everybody else.
pub(super) fn is_kept(conn: &Connection, key: &str, from: Option<AccountId>, now: Timestamp) -> Result<bool> {
    let kept: Option<Option<i64>> = conn
        .prepare_cached("SELECT account_id FROM kept_handles WHERE handle_key = ?1 AND free_at > ?2")
        .sql()?
        .query_row(params![key, now.0], |row| row.get(0))
        .optional()
        .sql()?;
    Ok(kept.is_some_and(|owner| owner.is_none() || owner != from.map(AccountId::get)))
}

/// Gives `account` its new handle and keeps the old one for it. Returns the keys that point elsewhere now.
pub(super) fn change(conn: &Connection, account: &Account, edit: &HandleEdit, now: Timestamp) -> Result<Vec<String>> {
    let (id, old, new) = (account.id, account.handle.to_ascii_lowercase(), edit.handle.key());
    if is_kept(conn, new, Some(id), now)? {
        return Err(Error::new(reason::HANDLE_TAKEN));
    }
    conn.prepare_cached("UPDATE accounts SET handle = ?2, handle_key = ?3 WHERE account_id = ?1")
        .sql()?
        .execute(params![id.get(), edit.handle.as_str(), new])
        .map_err(clash)?;
    if old == new {
        return Ok(Vec::new());
    }
    conn.prepare_cached("DELETE FROM kept_handles WHERE handle_key = ?1").sql()?.execute([new]).sql()?;
    keep(conn, &old, Some(id), edit.keep_until)?;
    let kept: i64 = conn
        .prepare_cached("SELECT COUNT(*) FROM kept_handles WHERE account_id = ?1 AND free_at > ?2")
        .sql()?
        .query_row(params![id.get(), now.0], |row| row.get(0))
        .sql()?;
    if usize::try_from(kept).unwrap_or(usize::MAX) > edit.max_kept {
        return Err(Error::new(reason::TOO_MANY_HANDLES));
    }
    Ok(vec![old, new.to_owned()])
}

/// Keeps a handle from all but its owner.
pub(super) fn keep(conn: &Connection, key: &str, owner: Option<AccountId>, until: Timestamp) -> Result<()> {
    conn.prepare_cached("INSERT OR REPLACE INTO kept_handles (handle_key, account_id, free_at) VALUES (?1, ?2, ?3)")
        .sql()?
        .execute(params![key, owner.map(AccountId::get), until.0])
        .sql()?;
    Ok(())
}

/// The handles that are kept for an account.
pub(super) fn kept(conn: &Connection, owner: AccountId, now: Timestamp) -> Result<Vec<KeptHandle>> {
    let sql = "SELECT handle_key, free_at FROM kept_handles WHERE account_id = ?1 AND free_at > ?2 ORDER BY handle_key";
    let mut statement = conn.prepare_cached(sql).sql()?;
    let kept = |row: &rusqlite::Row<'_>| Ok(KeptHandle { handle: row.get(0)?, free_at: row.get(1)? });
    statement.query_map(params![owner.get(), now.0], kept).sql()?.collect::<rusqlite::Result<_>>().sql()
}

/// Forgets whose the handles were that are kept for one who is gone.
pub(super) fn disown(conn: &Connection, owner: AccountId) -> Result<()> {
    let sql = "UPDATE kept_handles SET account_id = NULL WHERE account_id = ?1";
    conn.prepare_cached(sql).sql()?.execute([owner.get()]).sql()?;
    Ok(())
}

/// Forgets handles that are free.
pub(super) fn prune(conn: &Connection, now: Timestamp) -> Result<usize> {
    conn.prepare_cached(
        "DELETE FROM kept_handles WHERE handle_key IN
            (SELECT handle_key FROM kept_handles WHERE free_at <= ?1 ORDER BY free_at LIMIT ?2)",
    )
    .sql()?
    .execute([now.0, PRUNE_LIMIT])
    .sql()
}
