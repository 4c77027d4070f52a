//! Known devices in SQLite.

use plaza_core::{AccountId, Result, Timestamp};
use plaza_stores::SqlResultExt as _;
use rusqlite::{Connection, OptionalExtension as _, params};

use crate::domain::{Device, KNOWN_MS, MAX_DEVICES};
use crate::store::PRUNE_LIMIT;

/// Notes that a device was used; whether it was not known.
pub(super) fn saw(conn: &Connection, account: AccountId, device: Device, now: Timestamp) -> Result<bool> {
    let known = conn
        .prepare_cached("SELECT 1 FROM known_devices WHERE account_id = ?1 AND device = ?2 AND seen_at > ?3")
        .sql()?
        .query_row(params![account.get(), device.0, now.plus_ms(-KNOWN_MS).0], |_| Ok(()))
        .optional()
        .sql()?;
    conn.prepare_cached("INSERT OR REPLACE INTO known_devices (account_id, device, seen_at) VALUES (?1, ?2, ?3)")
        .sql()?
        .execute(params![account.get(), device.0, now.0])
        .sql()?;
    conn.prepare_cached(
        "DELETE FROM known_devices WHERE account_id = ?1 AND device IN
         (SELECT device FROM known_devices WHERE account_id = ?1 ORDER BY seen_at DESC, hex(device) LIMIT -1 OFFSET ?2)",
    )
    .sql()?
    .execute(params![account.get(), count(MAX_DEVICES)])
    .sql()?;
    Ok(known.is_none())
}

/// When those that are known were seen last, the last one first.
pub(super) fn list(conn: &Connection, account: AccountId, now: Timestamp) -> Result<Vec<i64>> {
    let sql = "SELECT seen_at FROM known_devices WHERE account_id = ?1 AND seen_at > ?2 ORDER BY seen_at DESC LIMIT ?3";
    let mut statement = conn.prepare_cached(sql).sql()?;
    let known = params![account.get(), now.plus_ms(-KNOWN_MS).0, count(MAX_DEVICES)];
    statement.query_map(known, |row| row.get(0)).sql()?.collect::<rusqlite::Result<_>>().sql()
}

/// Forgets devices that were not used for long.
pub(super) fn prune(conn: &Connection, now: Timestamp) -> Result<usize> {
    conn.prepare_cached(
        "DELETE FROM known_devices WHERE (account_id, device) IN
         (SELECT account_id, device FROM known_devices WHERE seen_at <= ?1 ORDER BY seen_at LIMIT ?2)",
    )
    .sql()?
    .execute(params![now.plus_ms(-KNOWN_MS).0, count(PRUNE_LIMIT)])
    .sql()
}

fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
