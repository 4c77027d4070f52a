//! Changes of follows and blocks, inside a transaction.

use plaza_core::{AccountId, Env, Error, Position, Result, TraceContext, reason};
use plaza_events::outbox;
use plaza_stores::SqlResultExt as _;
use rusqlite::{Connection, Params, params};

use crate::domain::{Change, Write};

/// A transaction and what it has changed so far.
pub(super) struct Tx<'a> {
    conn: &'a Connection,
    changes: Vec<Change>,
}

impl<'a> Tx<'a> {
    pub(super) const fn new(conn: &'a Connection) -> Self {
        Self { conn, changes: Vec::new() }
    }

    pub(super) const fn conn(&self) -> &'a Connection {
        self.conn
    }

    /// Puts the events of all changes into the outbox; returns where it ends now.
    pub(super) fn publish(&self, env: &Env, trace: Option<TraceContext>) -> Result<Position> {
        let mut last = None;
        for change in &self.changes {
            last = Some(outbox::sqlite::append(self.conn, &change.event(env, trace))?);
        }
        last.map_or_else(|| outbox_end(self.conn), Ok)
    }

    /// The accounts whose edges changed.
    pub(super) fn into_accounts(self) -> Vec<AccountId> {
        let mut accounts: Vec<AccountId> = self.changes.iter().flat_map(|change| change.accounts()).collect();
        accounts.sort_unstable();
        accounts.dedup();
        accounts
    }

    pub(super) fn end_follow(&mut self, follower: AccountId, followee: AccountId) -> Result<()> {
        let sql = "DELETE FROM follows WHERE follower = ?1 AND followee = ?2";
        if self.execute(sql, params![follower.get(), followee.get()])? {
            self.uncount(follower, 0, 1)?;
            self.uncount(followee, 1, 0)?;
            self.changes.push(Change::Unfollowed(follower, followee));
        }
        Ok(())
    }

    pub(super) fn end_block(&mut self, blocker: AccountId, blocked: AccountId) -> Result<()> {
        let sql = "DELETE FROM blocks WHERE blocker = ?1 AND blocked = ?2";
        if self.execute(sql, params![blocker.get(), blocked.get()])? {
            self.changes.push(Change::Unblocked(blocker, blocked));
        }
        Ok(())
    }

    /// Runs a statement; whether it changed a row.
    pub(super) fn execute(&self, sql: &str, params: impl Params) -> Result<bool> {
        self.conn.prepare_cached(sql).sql()?.execute(params).sql().map(|rows| rows > 0)
    }

    fn count(&self, account: AccountId, followers: i64, following: i64) -> Result<()> {
        let sql = "INSERT INTO counts (account, followers, following) VALUES (?1, ?2, ?3) ON CONFLICT (account) DO
                   UPDATE SET followers = followers + excluded.followers, following = following + excluded.following";
        self.execute(sql, params![account.get(), followers, following]).map(drop)
    }

    fn uncount(&self, account: AccountId, followers: i64, following: i64) -> Result<()> {
        let sql = "UPDATE counts SET followers = followers - ?2, following = following - ?3 WHERE account = ?1";
        self.execute(sql, params![account.get(), followers, following])?;
        let sql = "DELETE FROM counts WHERE account = ?1 AND followers = 0 AND following = 0";
        self.execute(sql, [account.get()]).map(drop)
    }

    fn exists(&self, sql: &str, a: AccountId, b: AccountId) -> Result<bool> {
        self.conn.prepare_cached(sql).sql()?.query_row([a.get(), b.get()], |row| row.get(0)).sql()
    }

    /// Both accounts must be there. The row in `erased` decides for one that was deleted after the caller looked.
    fn require_both(&self, write: Write) -> Result<()> {
        let sql = "SELECT EXISTS (SELECT 1 FROM erased WHERE account IN (?1, ?2))";
        if !write.target_exists || self.exists(sql, write.actor, write.target)? {
            return Err(Error::new(reason::ACCOUNT_NOT_FOUND).with("account_id", write.target));
        }
        Ok(())
    }
}

pub(super) fn follow(tx: &mut Tx<'_>, write: Write) -> Result<()> {
    tx.require_both(write)?;
    let Write { actor, target, at, .. } = write;
    let blocked = "SELECT EXISTS (SELECT 1 FROM blocks WHERE blocker = ?1 AND blocked = ?2)
                       OR EXISTS (SELECT 1 FROM blocks WHERE blocker = ?2 AND blocked = ?1)";
    if tx.exists(blocked, actor, target)? {
        return Err(Error::new(reason::BLOCKED));
    }
    let sql = "INSERT OR IGNORE INTO follows (follower, followee, at) VALUES (?1, ?2, ?3)";
    if tx.execute(sql, params![actor.get(), target.get(), at.0])? {
        tx.count(actor, 0, 1)?;
        tx.count(target, 1, 0)?;
        tx.changes.push(Change::Followed(actor, target));
    }
    Ok(())
}

pub(super) fn block(tx: &mut Tx<'_>, write: Write) -> Result<()> {
    tx.require_both(write)?;
    let Write { actor, target, at, .. } = write;
    let sql = "INSERT OR IGNORE INTO blocks (blocker, blocked, at) VALUES (?1, ?2, ?3)";
    if tx.execute(sql, params![actor.get(), target.get(), at.0])? {
        tx.end_follow(actor, target)?;
        tx.end_follow(target, actor)?;
        tx.changes.push(Change::Blocked(actor, target));
    }
    Ok(())
}

fn outbox_end(conn: &Connection) -> Result<Position> {
    conn.prepare_cached("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'outbox'")
        .sql()?
        .query_row([], |row| row.get(0))
        .sql()
}
