//! Queries over the follows of several accounts, each with a bound on what it looks at.

use plaza_core::{AccountId, Result};
use plaza_stores::SqlResultExt as _;
use rusqlite::{Connection, params};

use crate::domain::{Arm, Common, Direction, Familiar};

use super::reads::{account_id, collect, rows};

/// The columns of an arm's own end and of the other.
const fn ends(way: Direction) -> (&'static str, &'static str) {
    match way {
        Direction::Followers => ("followee", "follower"),
        Direction::Following => ("follower", "followee"),
    }
}

pub(super) fn common(conn: &Connection, one: Arm, other: Arm, after: AccountId, scan: usize) -> Result<Common> {
    // One snapshot for both queries, so that what was looked at is what was found in.
    let snapshot = conn.unchecked_transaction().sql()?;
    let ((own, far), (other_own, other_far)) = (ends(one.way), ends(other.way));
    let looked = format!("SELECT {far} AS id FROM follows WHERE {own} = ?1 AND {far} > ?2 ORDER BY {far} LIMIT ?3");
    let found = format!(
        "SELECT id FROM ({looked})
         WHERE EXISTS (SELECT 1 FROM follows WHERE {other_own} = ?4 AND {other_far} = id) ORDER BY id"
    );
    let (account, scan_rows) = (one.account.get(), rows(scan));
    let params = params![account, after.get(), scan_rows, other.account.get()];
    let found = collect(&snapshot, &found, params, account_id)?;
    let end = format!("SELECT count(*), max(id) FROM ({looked})");
    let read = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
    let ends: Vec<(i64, Option<i64>)> = collect(&snapshot, &end, params![account, after.get(), scan_rows], read)?;
    let looked_to = ends.first().filter(|(looked, _)| *looked == scan_rows).and_then(|(_, last)| last.map(AccountId));
    Ok(Common { found, looked_to })
}

pub(super) fn familiar(
    conn: &Connection,
    viewer: AccountId,
    accounts: &[AccountId],
    bounds: Familiar,
) -> Result<Vec<Vec<AccountId>>> {
    let snapshot = conn.unchecked_transaction().sql()?;
    let count = |sql: &str, account: AccountId| -> Result<i64> {
        let found = collect(&snapshot, sql, [account.get()], |row| row.get(0))?;
        Ok(found.first().copied().unwrap_or_default())
    };
    let following = count("SELECT following FROM counts WHERE account = ?1", viewer)?;
    let of_account = "
        SELECT id FROM (SELECT follower AS id, at FROM follows WHERE followee = ?2
                        ORDER BY at DESC, follower DESC LIMIT ?3)
        WHERE EXISTS (SELECT 1 FROM follows WHERE follower = ?1 AND followee = id)
        ORDER BY at DESC, id DESC LIMIT ?4";
    let of_viewer = "
        SELECT id FROM (SELECT followee AS id, at FROM follows WHERE follower = ?1
                        ORDER BY at DESC, followee DESC LIMIT ?3)
        WHERE EXISTS (SELECT 1 FROM follows WHERE follower = id AND followee = ?2)
        ORDER BY at DESC, id DESC LIMIT ?4";
    let mut all = Vec::with_capacity(accounts.len());
    for account in accounts {
        let followers = count("SELECT followers FROM counts WHERE account = ?1", *account)?;
        let sql = if followers <= following { of_account } else { of_viewer };
        let params = params![viewer.get(), account.get(), rows(bounds.scan), rows(bounds.few)];
        all.push(collect(&snapshot, sql, params, account_id)?);
    }
    Ok(all)
}
