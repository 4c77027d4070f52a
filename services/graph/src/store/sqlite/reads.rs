//! Queries.

use plaza_core::{AccountId, Result, Timestamp};
use plaza_stores::{Ids, SqlResultExt as _};
use rusqlite::{Connection, Params, Row, params};

use crate::domain::{Circle, Counts, Direction, Edge, EdgeKey, Mute, Muted, Relation, Scopes, Side};

const FOLLOWERS_NEWEST: &str = "SELECT follower, at FROM follows WHERE followee = ?1 AND (at, follower) < (?2, ?3)
     ORDER BY at DESC, follower DESC LIMIT ?4";
const FOLLOWING_NEWEST: &str = "SELECT followee, at FROM follows WHERE follower = ?1 AND (at, followee) < (?2, ?3)
     ORDER BY at DESC, followee DESC LIMIT ?4";
pub(super) const BLOCKS_NEWEST: &str = "SELECT blocked, at FROM blocks WHERE blocker = ?1 AND (at, blocked) < (?2, ?3)
     ORDER BY at DESC, blocked DESC LIMIT ?4";
pub(super) const REQUESTS_NEWEST: &str = "SELECT requester, at FROM follow_requests
     WHERE target = ?1 AND (at, requester) < (?2, ?3) ORDER BY at DESC, requester DESC LIMIT ?4";
const MUTES_NEWEST: &str = "SELECT muted, at, scopes, until FROM mutes
     WHERE muter = ?1 AND (at, muted) < (?2, ?3) AND (until IS NULL OR until > ?5)
     ORDER BY at DESC, muted DESC LIMIT ?4";
const FOLLOWERS: &str = "SELECT follower FROM follows WHERE followee = ?1 AND follower > ?2 ORDER BY follower LIMIT ?3";
const FOLLOWING: &str = "SELECT followee FROM follows WHERE follower = ?1 AND followee > ?2 ORDER BY followee LIMIT ?3";
const BLOCKING: &str = "SELECT blocked FROM blocks WHERE blocker = ?1 AND blocked > ?2 ORDER BY blocked LIMIT ?3";
const REQUESTED: &str =
    "SELECT target FROM follow_requests WHERE requester = ?1 AND target > ?2 ORDER BY target LIMIT ?3";
const REQUESTED_BY: &str =
    "SELECT requester FROM follow_requests WHERE target = ?1 AND requester > ?2 ORDER BY requester LIMIT ?3";
const MUTING: &str = "SELECT muted, scopes, until FROM mutes WHERE muter = ?1 AND muted > ?2 ORDER BY muted LIMIT ?3";
const BLOCKED_BY: &str = "SELECT blocker FROM blocks WHERE blocked = ?1 AND blocker > ?2 ORDER BY blocker LIMIT ?3";

pub(super) fn relation(conn: &Connection, viewer: AccountId, other: AccountId) -> Result<Relation> {
    relations(conn, viewer, &[other]).map(|found| found.first().copied().unwrap_or_default())
}

pub(super) fn relations(conn: &Connection, viewer: AccountId, others: &[AccountId]) -> Result<Vec<Relation>> {
    let sql = "SELECT EXISTS (SELECT 1 FROM follows WHERE follower = ?1 AND followee = value),
                      EXISTS (SELECT 1 FROM follows WHERE follower = value AND followee = ?1),
                      EXISTS (SELECT 1 FROM blocks WHERE blocker = ?1 AND blocked = value),
                      EXISTS (SELECT 1 FROM blocks WHERE blocker = value AND blocked = ?1),
                      EXISTS (SELECT 1 FROM follow_requests WHERE requester = ?1 AND target = value),
                      EXISTS (SELECT 1 FROM follow_requests WHERE requester = value AND target = ?1),
                      scopes, until
               FROM json_each(?2) LEFT JOIN mutes ON muter = ?1 AND muted = value ORDER BY key";
    collect(conn, sql, params![viewer.get(), Ids(&numbers(others))], |row| {
        let (following, followed_by, blocking, blocked_by) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        let (scopes, until): (Option<i64>, Option<i64>) = (row.get(6)?, row.get(7)?);
        let muting = scopes.map(|scopes| mute(scopes, until));
        let (requested, requested_by) = (row.get(4)?, row.get(5)?);
        Ok(Relation { following, followed_by, blocking, blocked_by, muting, requested, requested_by })
    })
}

pub(super) fn circle(conn: &Connection, account: AccountId, limit: usize) -> Result<Circle> {
    // One snapshot for all of them: else a block between two of them would show neither the follow nor the block.
    let snapshot = conn.unchecked_transaction().sql()?;
    let side = |sql: &str| {
        let ids = collect(&snapshot, sql, params![account.get(), i64::MIN, rows(limit + 1)], |row| row.get(0))?;
        Ok(Side::new(ids, limit))
    };
    let params = params![account.get(), i64::MIN, rows(limit + 1)];
    let muting = collect(&snapshot, MUTING, params, |row| Ok((row.get(0)?, mute(row.get(1)?, row.get(2)?))))?;
    Ok(Circle {
        following: side(FOLLOWING)?,
        followers: side(FOLLOWERS)?,
        blocking: side(BLOCKING)?,
        blocked_by: side(BLOCKED_BY)?,
        muting: Side::new(muting, limit),
        requested: side(REQUESTED)?,
        requested_by: side(REQUESTED_BY)?,
    })
}

/// The mute that one account has of another, run out or not.
pub(super) fn muting(conn: &Connection, muter: AccountId, muted: AccountId) -> Result<Option<Mute>> {
    let sql = "SELECT scopes, until FROM mutes WHERE muter = ?1 AND muted = ?2";
    let found = collect(conn, sql, [muter.get(), muted.get()], |row| Ok(mute(row.get(0)?, row.get(1)?)))?;
    Ok(found.first().copied())
}

fn mute(scopes: i64, until: Option<i64>) -> Mute {
    Mute { scopes: Scopes::from_bits(scopes), until: until.map(Timestamp) }
}

pub(super) fn counts(conn: &Connection, accounts: &[AccountId]) -> Result<Vec<Counts>> {
    let sql = "SELECT coalesce(followers, 0), coalesce(following, 0)
               FROM json_each(?1) LEFT JOIN counts ON account = value ORDER BY key";
    collect(conn, sql, params![Ids(&numbers(accounts))], |row| {
        Ok(Counts { followers: row.get(0)?, following: row.get(1)? })
    })
}

pub(super) fn edges(
    conn: &Connection,
    account: AccountId,
    way: Direction,
    after: EdgeKey,
    limit: usize,
) -> Result<Vec<Edge>> {
    let sql = match way {
        Direction::Followers => FOLLOWERS_NEWEST,
        Direction::Following => FOLLOWING_NEWEST,
    };
    newest(conn, sql, account, after, limit)
}

/// A page of one of the lists that are ordered newest first.
pub(super) fn newest(
    conn: &Connection,
    sql: &str,
    account: AccountId,
    after: EdgeKey,
    limit: usize,
) -> Result<Vec<Edge>> {
    collect(conn, sql, params![account.get(), after.at.0, after.other.get(), rows(limit)], edge)
}

pub(super) fn requested(conn: &Connection, account: AccountId, after: AccountId, limit: usize) -> Result<Vec<Edge>> {
    let sql = "SELECT target, at FROM follow_requests WHERE requester = ?1 AND target > ?2 ORDER BY target LIMIT ?3";
    collect(conn, sql, params![account.get(), after.get(), rows(limit)], edge)
}

pub(super) fn mutes(
    conn: &Connection,
    account: AccountId,
    now: Timestamp,
    after: EdgeKey,
    limit: usize,
) -> Result<Vec<Muted>> {
    let params = params![account.get(), after.at.0, after.other.get(), rows(limit), now.0];
    collect(conn, MUTES_NEWEST, params, |row| Ok(Muted { edge: edge(row)?, mute: mute(row.get(2)?, row.get(3)?) }))
}

fn edge(row: &Row<'_>) -> rusqlite::Result<Edge> {
    Ok(Edge { other: AccountId(row.get(0)?), at: Timestamp(row.get(1)?) })
}

pub(super) fn ids(
    conn: &Connection,
    account: AccountId,
    way: Direction,
    after: AccountId,
    limit: usize,
) -> Result<Vec<AccountId>> {
    let sql = match way {
        Direction::Followers => FOLLOWERS,
        Direction::Following => FOLLOWING,
    };
    collect(conn, sql, params![account.get(), after.get(), rows(limit)], account_id)
}

pub(super) fn numbers(accounts: &[AccountId]) -> Vec<i64> {
    accounts.iter().map(|account| account.get()).collect()
}

/// A limit as SQLite counts.
pub(super) fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

pub(super) fn account_id(row: &Row<'_>) -> rusqlite::Result<AccountId> {
    row.get(0).map(AccountId)
}

pub(super) fn collect<T>(
    conn: &Connection,
    sql: &str,
    params: impl Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>> {
    let mut statement = conn.prepare_cached(sql).sql()?;
    let rows = statement.query_map(params, read).sql()?;
    rows.collect::<rusqlite::Result<_>>().sql()
}
