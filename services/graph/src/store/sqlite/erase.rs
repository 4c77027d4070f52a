//! Erasing an account that is gone.

use plaza_core::{AccountId, Result};
use plaza_stores::Ids;
use rusqlite::{Connection, params};

use super::reads::{account_id, collect, numbers, rows};
use super::writes::Tx;

/// Ends up to `limit` edges of `account`, its follows first; returns how many.
pub(super) fn erase(tx: &mut Tx<'_>, account: AccountId, limit: usize) -> Result<usize> {
    tx.execute("INSERT OR IGNORE INTO erased (account) VALUES (?1)", [account.get()])?;
    let mut left = limit;
    for followee in some(tx, "SELECT followee FROM follows WHERE follower = ?1 LIMIT ?2", account, &mut left)? {
        tx.end_follow(account, followee)?;
    }
    for follower in some(tx, "SELECT follower FROM follows WHERE followee = ?1 LIMIT ?2", account, &mut left)? {
        tx.end_follow(follower, account)?;
    }
    for blocked in some(tx, "SELECT blocked FROM blocks WHERE blocker = ?1 LIMIT ?2", account, &mut left)? {
        tx.end_block(account, blocked)?;
    }
    for blocker in some(tx, "SELECT blocker FROM blocks WHERE blocked = ?1 LIMIT ?2", account, &mut left)? {
        tx.end_block(blocker, account)?;
    }
    Ok(limit - left)
}

/// Up to `left` accounts at the other ends; takes them off `left`.
fn some(tx: &Tx<'_>, sql: &str, account: AccountId, left: &mut usize) -> Result<Vec<AccountId>> {
    let found = collect(tx.conn(), sql, params![account.get(), rows(*left)], account_id)?;
    *left -= found.len();
    Ok(found)
}

/// Accounts with edges. `counts` has a row for each account that follows or is followed; the ends of blocks are walked
/// from one id to the next, so that an account blocked by very many costs one step.
pub(super) fn held(conn: &Connection, after: AccountId, limit: usize) -> Result<Vec<AccountId>> {
    let sql = "
        WITH RECURSIVE
          blockers (id) AS (
            SELECT min(blocker) FROM blocks WHERE blocker > ?1
            UNION ALL
            SELECT (SELECT min(blocker) FROM blocks WHERE blocker > id) FROM blockers WHERE id IS NOT NULL
            LIMIT ?2),
          blocked_ones (id) AS (
            SELECT min(blocked) FROM blocks WHERE blocked > ?1
            UNION ALL
            SELECT (SELECT min(blocked) FROM blocks WHERE blocked > id) FROM blocked_ones WHERE id IS NOT NULL
            LIMIT ?2)
        SELECT id FROM (
            SELECT * FROM (SELECT account AS id FROM counts WHERE account > ?1 ORDER BY account LIMIT ?2)
            UNION SELECT id FROM blockers
            UNION SELECT id FROM blocked_ones)
        WHERE id IS NOT NULL ORDER BY id LIMIT ?2";
    collect(conn, sql, params![after.get(), rows(limit)], account_id)
}

pub(super) fn held_among(conn: &Connection, accounts: &[AccountId]) -> Result<Vec<AccountId>> {
    let sql = "SELECT DISTINCT value FROM json_each(?1)
               WHERE EXISTS (SELECT 1 FROM follows WHERE follower = value)
                  OR EXISTS (SELECT 1 FROM follows WHERE followee = value)
                  OR EXISTS (SELECT 1 FROM blocks WHERE blocker = value)
                  OR EXISTS (SELECT 1 FROM blocks WHERE blocked = value)
               ORDER BY value";
    collect(conn, sql, params![Ids(&numbers(accounts))], account_id)
}
