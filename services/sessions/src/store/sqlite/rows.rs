//! The statements, one function each.

use plaza_core::{AccountId, Error, Result, SessionId, Timestamp, reason};
use plaza_stores::{Ids, SqlResultExt as _};
use rusqlite::{Connection, OptionalExtension as _, Row, params};

use crate::domain::{Ending, REVOCATION_MS, Session};
use crate::store::{BARRED_MS, ERASED_MS, PRUNE_LIMIT, Revoked};
use crate::tokens::StoredKey;

const COLUMNS: &str =
    "session_id, account_id, device_name, created_at, last_used_at, expires_at, generation, rotated_at, address";

fn session(row: &Row<'_>) -> rusqlite::Result<Session> {
    Ok(Session {
        id: SessionId(row.get(0)?),
        account: AccountId(row.get(1)?),
        device_name: row.get(2)?,
        created_at: row.get(3)?,
        last_used_at: row.get(4)?,
        expires_at: row.get(5)?,
        generation: row.get(6)?,
        rotated_at: row.get(7)?,
        address: row.get(8)?,
    })
}

pub(super) fn insert(conn: &Connection, s: &Session) -> Result<()> {
    conn.prepare_cached(
        "INSERT INTO sessions (session_id, account_id, device_name, created_at, last_used_at, expires_at, generation,
            rotated_at, address)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )
    .sql()?
    .execute(params![
        s.id.get(),
        s.account.get(),
        s.device_name,
        s.created_at,
        s.last_used_at,
        s.expires_at,
        s.generation,
        s.rotated_at,
        s.address
    ])
    .unique("sessions.session_id", || Error::new(reason::ID_CLASH))?;
    Ok(())
}

pub(super) fn get(conn: &Connection, id: SessionId) -> Result<Option<Session>> {
    conn.prepare_cached(&format!("SELECT {COLUMNS} FROM sessions WHERE session_id = ?1"))
        .sql()?
        .query_row([id.get()], session)
        .optional()
        .sql()
}

pub(super) fn store_rotation(conn: &Connection, s: &Session) -> Result<()> {
    conn.prepare_cached(
        "UPDATE sessions SET last_used_at = ?2, expires_at = ?3, generation = ?4, rotated_at = ?5, address = ?6
         WHERE session_id = ?1",
    )
    .sql()?
    .execute(params![s.id.get(), s.last_used_at, s.expires_at, s.generation, s.rotated_at, s.address])
    .sql()?;
    Ok(())
}

/// The living sessions of the account beyond the `keep` used last.
pub(super) fn past_limit(conn: &Connection, account: AccountId, keep: usize, now: Timestamp) -> Result<Vec<SessionId>> {
    let mut statement = conn
        .prepare_cached(
            "SELECT session_id FROM sessions WHERE account_id = ?1 AND expires_at > ?2
             ORDER BY last_used_at DESC, session_id DESC LIMIT -1 OFFSET ?3",
        )
        .sql()?;
    let ids = statement.query_map(params![account.get(), now.0, count(keep)], |row| row.get(0).map(SessionId)).sql()?;
    ids.collect::<rusqlite::Result<_>>().sql()
}

/// Ends a session: its row goes, and those who verify access tokens hear of it.
pub(super) fn end(conn: &Connection, id: SessionId, now: Timestamp) -> Result<()> {
    conn.prepare_cached("DELETE FROM sessions WHERE session_id = ?1").sql()?.execute([id.get()]).sql()?;
    conn.prepare_cached("INSERT INTO revocations (session_id, ended_at) VALUES (?1, ?2)")
        .sql()?
        .execute(params![id.get(), now.0])
        .sql()?;
    Ok(())
}

/// Ends the living sessions of the account as told; how many.
pub(super) fn end_all(conn: &Connection, account: AccountId, ending: Ending, now: Timestamp) -> Result<u64> {
    let ids = {
        let mut statement = conn
            .prepare_cached(
                "SELECT session_id FROM sessions
                 WHERE account_id = ?1 AND created_at <= ?2 AND session_id != ?3 AND expires_at > ?4",
            )
            .sql()?;
        let kept = ending.keep.map_or(0, SessionId::get);
        let ids = statement
            .query_map(params![account.get(), ending.before.0, kept, now.0], |row| row.get(0).map(SessionId))
            .sql()?;
        ids.collect::<rusqlite::Result<Vec<_>>>().sql()?
    };
    for id in &ids {
        end(conn, *id, now)?;
    }
    conn.prepare_cached(
        "INSERT INTO barred_sign_ins (account_id, until) VALUES (?1, ?2)
         ON CONFLICT (account_id) DO UPDATE SET until = max(until, excluded.until)",
    )
    .sql()?
    .execute(params![account.get(), ending.before.0])
    .sql()?;
    Ok(ids.len() as u64)
}

/// Whether the account ended its sessions after `proved_at`.
pub(super) fn is_barred(conn: &Connection, account: AccountId, proved_at: Timestamp) -> Result<bool> {
    conn.prepare_cached("SELECT EXISTS (SELECT 1 FROM barred_sign_ins WHERE account_id = ?1 AND until > ?2)")
        .sql()?
        .query_row([account.get(), proved_at.0], |row| row.get(0))
        .sql()
}

pub(super) fn list(
    conn: &Connection,
    account: AccountId,
    before: Option<SessionId>,
    limit: usize,
    now: Timestamp,
) -> Result<Vec<Session>> {
    let mut statement = conn
        .prepare_cached(&format!(
            "SELECT {COLUMNS} FROM sessions WHERE account_id = ?1 AND session_id < ?2 AND expires_at > ?3
             ORDER BY session_id DESC LIMIT ?4"
        ))
        .sql()?;
    let before = before.map_or(i64::MAX, SessionId::get);
    let found = statement.query_map(params![account.get(), before, now.0, count(limit)], session).sql()?;
    found.collect::<rusqlite::Result<_>>().sql()
}

pub(super) fn revoked_after(conn: &Connection, after: i64, since: Timestamp, limit: usize) -> Result<Revoked> {
    // Read before the rows: what is added in between has a higher number and comes with the next page.
    let last: i64 = conn
        .prepare_cached("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'revocations'")
        .sql()?
        .query_row([], |row| row.get(0))
        .sql()?;
    let after = if after > last { 0 } else { after };
    let mut statement = conn
        .prepare_cached(
            "SELECT sequence, session_id FROM revocations WHERE sequence > ?1 AND ended_at > ?2
             ORDER BY sequence LIMIT ?3",
        )
        .sql()?;
    let rows =
        statement.query_map(params![after, since.0, count(limit)], |row| Ok((row.get(0)?, row.get(1)?))).sql()?;
    let rows: Vec<(i64, i64)> = rows.collect::<rusqlite::Result<_>>().sql()?;
    let cursor = rows.last().map_or(last, |(sequence, _)| *sequence);
    Ok(Revoked { sessions: rows.into_iter().map(|(_, id)| SessionId(id)).collect(), cursor })
}

pub(super) fn signing_keys(conn: &Connection) -> Result<Vec<StoredKey>> {
    let mut statement =
        conn.prepare_cached("SELECT kid, seed, created_at FROM signing_keys ORDER BY created_at DESC, kid").sql()?;
    let keys = statement
        .query_map([], |row| Ok(StoredKey { kid: row.get(0)?, seed: row.get(1)?, created_at: row.get(2)? }))
        .sql()?;
    keys.collect::<rusqlite::Result<_>>().sql()
}

pub(super) fn insert_key(conn: &Connection, key: &StoredKey) -> Result<()> {
    conn.prepare_cached("INSERT INTO signing_keys (kid, seed, created_at) VALUES (?1, ?2, ?3)")
        .sql()?
        .execute(params![key.kid, key.seed, key.created_at])
        .sql()?;
    Ok(())
}

pub(super) fn drop_key(conn: &Connection, kid: &str) -> Result<()> {
    conn.prepare_cached("DELETE FROM signing_keys WHERE kid = ?1").sql()?.execute([kid]).sql()?;
    Ok(())
}

pub(super) fn is_erased(conn: &Connection, account: AccountId, now: Timestamp) -> Result<bool> {
    conn.prepare_cached("SELECT EXISTS (SELECT 1 FROM erased_accounts WHERE account_id = ?1 AND erased_at > ?2)")
        .sql()?
        .query_row([account.get(), now.plus_ms(-ERASED_MS).0], |row| row.get(0))
        .sql()
}

pub(super) fn erase(conn: &Connection, accounts: &[AccountId], now: Timestamp) -> Result<()> {
    let accounts = numbers(accounts);
    for sql in [
        "INSERT OR REPLACE INTO erased_accounts (account_id, erased_at) SELECT value, ?2 FROM json_each(?1)",
        "INSERT INTO revocations (session_id, ended_at)
         SELECT session_id, ?2 FROM sessions WHERE account_id IN (SELECT value FROM json_each(?1))",
    ] {
        conn.prepare_cached(sql).sql()?.execute(params![Ids(&accounts), now.0]).sql()?;
    }
    for sql in [
        "DELETE FROM sessions WHERE account_id IN (SELECT value FROM json_each(?1))",
        "DELETE FROM second_factors WHERE account_id IN (SELECT value FROM json_each(?1))",
        "DELETE FROM known_devices WHERE account_id IN (SELECT value FROM json_each(?1))",
        "DELETE FROM barred_sign_ins WHERE account_id IN (SELECT value FROM json_each(?1))",
        "DELETE FROM requests WHERE caller IN (SELECT value FROM json_each(?1))",
    ] {
        conn.prepare_cached(sql).sql()?.execute([Ids(&accounts)]).sql()?;
    }
    Ok(())
}

pub(super) fn held(conn: &Connection, after: AccountId, limit: usize) -> Result<Vec<AccountId>> {
    let mut statement = conn
        .prepare_cached(
            "SELECT account_id FROM sessions WHERE account_id > ?1
             UNION SELECT account_id FROM known_devices WHERE account_id > ?1
             UNION SELECT account_id FROM second_factors WHERE account_id > ?1 AND confirmed_at > 0
             ORDER BY account_id LIMIT ?2",
        )
        .sql()?;
    let ids = statement.query_map(params![after.get(), count(limit)], |row| row.get(0).map(AccountId)).sql()?;
    ids.collect::<rusqlite::Result<_>>().sql()
}

pub(super) fn held_among(conn: &Connection, accounts: &[AccountId]) -> Result<Vec<AccountId>> {
    let mut statement = conn
        .prepare_cached(
            "WITH asked AS (SELECT value AS account_id FROM json_each(?1))
             SELECT DISTINCT account_id FROM asked
             WHERE EXISTS (SELECT 1 FROM sessions WHERE sessions.account_id = asked.account_id)
                OR EXISTS (SELECT 1 FROM known_devices WHERE known_devices.account_id = asked.account_id)
                OR EXISTS (SELECT 1 FROM second_factors f WHERE f.account_id = asked.account_id AND confirmed_at > 0)
             ORDER BY account_id",
        )
        .sql()?;
    let ids = statement.query_map([Ids(&numbers(accounts))], |row| row.get(0).map(AccountId)).sql()?;
    ids.collect::<rusqlite::Result<_>>().sql()
}

pub(super) fn prune(conn: &Connection, now: Timestamp) -> Result<usize> {
    let mut pruned = 0;
    for (sql, before) in [
        (
            "DELETE FROM sessions WHERE session_id IN
             (SELECT session_id FROM sessions WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)",
            now,
        ),
        (
            "DELETE FROM revocations WHERE sequence IN
             (SELECT sequence FROM revocations WHERE ended_at <= ?1 ORDER BY ended_at LIMIT ?2)",
            now.plus_ms(-REVOCATION_MS),
        ),
        (
            "DELETE FROM erased_accounts WHERE account_id IN
             (SELECT account_id FROM erased_accounts WHERE erased_at <= ?1 ORDER BY erased_at LIMIT ?2)",
            now.plus_ms(-ERASED_MS),
        ),
        (
            "DELETE FROM barred_sign_ins WHERE account_id IN
             (SELECT account_id FROM barred_sign_ins WHERE until <= ?1 ORDER BY until LIMIT ?2)",
            now.plus_ms(-BARRED_MS),
        ),
    ] {
        pruned += conn.prepare_cached(sql).sql()?.execute(params![before.0, count(PRUNE_LIMIT)]).sql()?;
    }
    Ok(pruned)
}

fn numbers(accounts: &[AccountId]) -> Vec<i64> {
    accounts.iter().map(|account| account.get()).collect()
}

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
