//! Erasing an account that is gone.

use std::collections::BTreeSet;

use plaza_core::{AccountId, Result, Timestamp};
use plaza_stores::{Ids, SqlResultExt as _};
use rusqlite::{Connection, params};

use super::reads::{account_id, collect, numbers, rows};
use super::shelf;
use super::writes::Tx;
use crate::domain::Outcome;

/// Ends up to `limit` edges of `account`, its follows first; returns how many. At `at`, mutes may have run out.
pub(super) fn erase(tx: &mut Tx<'_>, account: AccountId, at: Timestamp, limit: usize) -> Result<usize> {
    tx.execute("INSERT OR IGNORE INTO erased (account) VALUES (?1)", [account.get()])?;
    let mut left = limit;
    for followee in some(tx, "SELECT followee FROM follows WHERE follower = ?1 LIMIT ?2", account, &mut left)? {
        tx.end_follow(account, followee)?;
    }
    for follower in some(tx, "SELECT follower FROM follows WHERE followee = ?1 LIMIT ?2", account, &mut left)? {
        tx.end_follow(follower, account)?;
    }
    let sql = "SELECT target FROM follow_requests WHERE requester = ?1 LIMIT ?2";
    for target in some(tx, sql, account, &mut left)? {
        tx.end_request(account, target, Outcome::Cancelled)?;
    }
    let sql = "SELECT requester FROM follow_requests WHERE target = ?1 LIMIT ?2";
    for requester in some(tx, sql, account, &mut left)? {
        tx.end_request(requester, account, Outcome::Cancelled)?;
    }
    for blocked in some(tx, "SELECT blocked FROM blocks WHERE blocker = ?1 LIMIT ?2", account, &mut left)? {
        tx.end_block(account, blocked)?;
    }
    for blocker in some(tx, "SELECT blocker FROM blocks WHERE blocked = ?1 LIMIT ?2", account, &mut left)? {
        tx.end_block(blocker, account)?;
    }
    for muted in some(tx, "SELECT muted FROM mutes WHERE muter = ?1 LIMIT ?2", account, &mut left)? {
        tx.end_mute(account, muted, at)?;
    }
    for muter in some(tx, "SELECT muter FROM mutes WHERE muted = ?1 LIMIT ?2", account, &mut left)? {
        tx.end_mute(muter, account, at)?;
    }
    erase_shelf(tx, account, &mut left)?;
    Ok(limit - left)
}

/// Ends what an account kept for itself; its follows are gone by then, and with them the members of its lists.
fn erase_shelf(tx: &mut Tx<'_>, account: AccountId, left: &mut usize) -> Result<()> {
    let sql = "SELECT id FROM lists WHERE owner = ?1 LIMIT ?2";
    let lists: Vec<i64> = collect(tx.conn(), sql, params![account.get(), rows(*left)], |row| row.get(0))?;
    *left -= lists.len();
    for list in lists {
        shelf::delete_list(tx, account, list)?;
    }
    for (table, column) in [("followed_tags", "tag"), ("muted_words", "word")] {
        let sql = format!(
            "DELETE FROM {table} WHERE account = ?1 AND {column} IN
             (SELECT {column} FROM {table} WHERE account = ?1 LIMIT ?2)"
        );
        *left -= tx.conn().prepare_cached(&sql).sql()?.execute(params![account.get(), rows(*left)]).sql()?;
    }
    for (own, other) in [("account", "other"), ("other", "account")] {
        let sql = format!(
            "DELETE FROM dismissed WHERE {own} = ?1 AND {other} IN
             (SELECT {other} FROM dismissed WHERE {own} = ?1 LIMIT ?2)"
        );
        *left -= tx.conn().prepare_cached(&sql).sql()?.execute(params![account.get(), rows(*left)]).sql()?;
    }
    Ok(())
}

/// Up to `left` accounts at the other ends; takes them off `left`.
fn some(tx: &Tx<'_>, sql: &str, account: AccountId, left: &mut usize) -> Result<Vec<AccountId>> {
    let found = collect(tx.conn(), sql, params![account.get(), rows(*left)], account_id)?;
    *left -= found.len();
    Ok(found)
}

/// Who may have edges: each column by an index that begins with it. `counts` has a row for each account that follows or is
/// followed.
const HOLDERS: [(&str, &str); 12] = [
    ("counts", "account"),
    ("blocks", "blocker"),
    ("blocks", "blocked"),
    ("mutes", "muter"),
    ("mutes", "muted"),
    ("follow_requests", "requester"),
    ("follow_requests", "target"),
    ("followed_tags", "account"),
    ("muted_words", "account"),
    ("lists", "owner"),
    ("dismissed", "account"),
    ("dismissed", "other"),
];

/// Accounts with edges. Each column is walked from one id to the next, so that an account blocked by very many costs one
/// step.
pub(super) fn held(conn: &Connection, after: AccountId, limit: usize) -> Result<Vec<AccountId>> {
    let mut found = BTreeSet::new();
    for (table, column) in HOLDERS {
        let sql = format!(
            "WITH RECURSIVE walk (reached) AS (
                SELECT min({column}) FROM {table} WHERE {column} > ?1
                UNION ALL
                SELECT (SELECT min({column}) FROM {table} WHERE {column} > reached) FROM walk WHERE reached IS NOT NULL
                LIMIT ?2)
             SELECT reached FROM walk WHERE reached IS NOT NULL"
        );
        found.extend(collect(conn, &sql, params![after.get(), rows(limit)], account_id)?);
    }
    Ok(found.into_iter().take(limit).collect())
}

pub(super) fn held_among(conn: &Connection, accounts: &[AccountId]) -> Result<Vec<AccountId>> {
    let sql = "SELECT DISTINCT value FROM json_each(?1)
               WHERE EXISTS (SELECT 1 FROM follows WHERE follower = value)
                  OR EXISTS (SELECT 1 FROM follows WHERE followee = value)
                  OR EXISTS (SELECT 1 FROM blocks WHERE blocker = value)
                  OR EXISTS (SELECT 1 FROM blocks WHERE blocked = value)
                  OR EXISTS (SELECT 1 FROM mutes WHERE muter = value)
                  OR EXISTS (SELECT 1 FROM mutes WHERE muted = value)
                  OR EXISTS (SELECT 1 FROM follow_requests WHERE requester = value)
                  OR EXISTS (SELECT 1 FROM follow_requests WHERE target = value)
                  OR EXISTS (SELECT 1 FROM followed_tags WHERE account = value)
                  OR EXISTS (SELECT 1 FROM muted_words WHERE account = value)
                  OR EXISTS (SELECT 1 FROM lists WHERE owner = value)
                  OR EXISTS (SELECT 1 FROM dismissed WHERE account = value)
                  OR EXISTS (SELECT 1 FROM dismissed WHERE other = value)
               ORDER BY value";
    collect(conn, sql, params![Ids(&numbers(accounts))], account_id)
}
