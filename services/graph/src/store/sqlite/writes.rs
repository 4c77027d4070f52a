//! Changes of follows, blocks and mutes, inside a transaction.

use plaza_core::{AccountId, Env, Error, Position, Result, Timestamp, TraceContext, reason};
use plaza_events::outbox;
use plaza_stores::{SqlResultExt as _, requests};
use rusqlite::{Connection, Params, params};

use super::reads;
use crate::domain::{Action, Change, Mute, Notice, Outcome, Write, refuse_over};

/// A transaction and what it has changed so far.
pub(super) struct Tx<'a> {
    conn: &'a Connection,
    changes: Vec<Change>,
    /// Accounts whose edges changed without anything to tell.
    untold: Vec<AccountId>,
    notices: Vec<Notice>,
}

impl<'a> Tx<'a> {
    pub(super) const fn new(conn: &'a Connection) -> Self {
        Self { conn, changes: Vec::new(), untold: Vec::new(), notices: Vec::new() }
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
        for notice in &self.notices {
            last = Some(outbox::sqlite::append(self.conn, &notice.event(env, trace))?);
        }
        last.map_or_else(|| outbox_end(self.conn), Ok)
    }

    /// Has something told of with the changes.
    pub(super) fn notify(&mut self, notice: Notice) {
        self.notices.push(notice);
    }

    /// The accounts whose edges changed.
    pub(super) fn into_accounts(self) -> Vec<AccountId> {
        let mut accounts: Vec<AccountId> = self.changes.iter().flat_map(|change| change.accounts()).collect();
        accounts.extend(self.untold);
        accounts.sort_unstable();
        accounts.dedup();
        accounts
    }

    /// Adds a follow that is not there.
    fn begin_follow(&mut self, follower: AccountId, followee: AccountId, at: Timestamp) -> Result<()> {
        let sql = "INSERT INTO follows (follower, followee, at) VALUES (?1, ?2, ?3)";
        self.execute(sql, params![follower.get(), followee.get(), at.0])?;
        self.count(follower, 0, 1)?;
        self.count(followee, 1, 0)?;
        self.changes.push(Change::Followed(follower, followee));
        Ok(())
    }

    pub(super) fn end_follow(&mut self, follower: AccountId, followee: AccountId) -> Result<()> {
        let sql = "DELETE FROM follows WHERE follower = ?1 AND followee = ?2";
        if self.execute(sql, params![follower.get(), followee.get()])? {
            self.uncount(follower, 0, 1)?;
            self.uncount(followee, 1, 0)?;
            self.changes.push(Change::Unfollowed(follower, followee));
            self.leave_lists(follower, followee)?;
        }
        Ok(())
    }

    /// Whom an account follows no more is on none of its lists.
    fn leave_lists(&mut self, owner: AccountId, member: AccountId) -> Result<()> {
        let pair = [owner.get(), member.get()];
        let sql = "SELECT list FROM list_members WHERE owner = ?1 AND member = ?2";
        let lists: Vec<i64> = reads::collect(self.conn, sql, pair, |row| row.get(0))?;
        if !lists.is_empty() {
            self.execute("DELETE FROM list_members WHERE owner = ?1 AND member = ?2", pair)?;
            self.notices.extend(lists.into_iter().map(|list| Notice::Members(owner, list)));
        }
        Ok(())
    }

    /// Whether there was one.
    pub(super) fn end_request(&mut self, requester: AccountId, target: AccountId, outcome: Outcome) -> Result<bool> {
        let sql = "DELETE FROM follow_requests WHERE requester = ?1 AND target = ?2";
        let ended = self.execute(sql, params![requester.get(), target.get()])?;
        if ended {
            self.changes.push(Change::RequestEnded(requester, target, outcome));
        }
        Ok(ended)
    }

    /// Whether the first follows the second.
    pub(super) fn follows(&self, follower: AccountId, followee: AccountId) -> Result<bool> {
        let sql = "SELECT EXISTS (SELECT 1 FROM follows WHERE follower = ?1 AND followee = ?2)";
        self.exists(sql, follower, followee)
    }

    /// Refuses one more account for `follower` to follow if it has as many as it may.
    fn require_room(&self, follower: AccountId, write: Write) -> Result<()> {
        let sql = "SELECT coalesce((SELECT following FROM counts WHERE account = ?1), 0)";
        refuse_over(self.number(sql, follower.get())?, write.limits.following)
    }

    pub(super) fn end_block(&mut self, blocker: AccountId, blocked: AccountId) -> Result<()> {
        let sql = "DELETE FROM blocks WHERE blocker = ?1 AND blocked = ?2";
        if self.execute(sql, params![blocker.get(), blocked.get()])? {
            self.changes.push(Change::Unblocked(blocker, blocked));
        }
        Ok(())
    }

    /// Ends a mute that may have run out at `at`, of which nobody needs to be told then; whether there was one.
    pub(super) fn end_mute(&mut self, muter: AccountId, muted: AccountId, at: Timestamp) -> Result<bool> {
        let Some(mute) = reads::muting(self.conn, muter, muted)? else { return Ok(false) };
        self.execute("DELETE FROM mutes WHERE muter = ?1 AND muted = ?2", params![muter.get(), muted.get()])?;
        if mute.stands(at) {
            self.changes.push(Change::Unmuted(muter, muted));
        } else {
            self.untold.extend([muter, muted]);
        }
        Ok(true)
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

    pub(super) fn number(&self, sql: &str, id: i64) -> Result<i64> {
        self.conn.prepare_cached(sql).sql()?.query_row([id], |row| row.get(0)).sql()
    }

    /// Refuses an account that is gone.
    pub(super) fn require_present(&self, account: AccountId) -> Result<()> {
        let sql = "SELECT EXISTS (SELECT 1 FROM erased WHERE account IN (?1, ?2))";
        let erased = self.exists(sql, account, account)?;
        if erased { Err(Error::new(reason::ACCOUNT_NOT_FOUND).with("account_id", account)) } else { Ok(()) }
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

/// Performs a change of one pair.
pub(super) fn perform(tx: &mut Tx<'_>, action: Action, write: Write) -> Result<()> {
    let Write { actor, target, .. } = write;
    match action {
        Action::Follow => follow(tx, write),
        Action::Unfollow => {
            tx.end_request(actor, target, Outcome::Cancelled)?;
            tx.end_follow(actor, target)
        }
        Action::RemoveFollower => tx.end_follow(target, actor),
        Action::Block => block(tx, write),
        Action::Unblock => tx.end_block(actor, target),
        Action::Mute(how) => mute(tx, write, how),
        Action::Unmute => tx.end_mute(actor, target, write.at).map(drop),
        Action::AcceptRequest => accept(tx, write),
        Action::RejectRequest => tx.end_request(target, actor, Outcome::Rejected).map(drop),
        Action::CancelRequest => tx.end_request(actor, target, Outcome::Cancelled).map(drop),
    }
}

fn follow(tx: &mut Tx<'_>, write: Write) -> Result<()> {
    tx.require_both(write)?;
    let Write { actor, target, at, .. } = write;
    let blocked = "SELECT EXISTS (SELECT 1 FROM blocks WHERE blocker = ?1 AND blocked = ?2)
                       OR EXISTS (SELECT 1 FROM blocks WHERE blocker = ?2 AND blocked = ?1)";
    if tx.exists(blocked, actor, target)? {
        return Err(Error::new(reason::BLOCKED));
    }
    if tx.follows(actor, target)? {
        return Ok(());
    }
    tx.require_room(actor, write)?;
    if write.target_protected {
        return request(tx, write);
    }
    // What was asked for while the target was protected is granted with this.
    tx.end_request(actor, target, Outcome::Accepted)?;
    tx.begin_follow(actor, target, at)
}

fn request(tx: &mut Tx<'_>, write: Write) -> Result<()> {
    let Write { actor, target, at, .. } = write;
    let sql = "INSERT OR IGNORE INTO follow_requests (requester, target, at) VALUES (?1, ?2, ?3)";
    if tx.execute(sql, params![actor.get(), target.get(), at.0])? {
        let sql = "SELECT count(*) - 1 FROM follow_requests WHERE requester = ?1";
        refuse_over(tx.number(sql, actor.get())?, write.limits.requests)?;
        tx.changes.push(Change::Requested(actor, target));
    }
    Ok(())
}

fn accept(tx: &mut Tx<'_>, write: Write) -> Result<()> {
    tx.require_both(write)?;
    let Write { actor, target, at, .. } = write;
    if tx.end_request(target, actor, Outcome::Accepted)? {
        tx.require_room(target, write)?;
        return tx.begin_follow(target, actor, at);
    }
    if tx.follows(target, actor)? { Ok(()) } else { Err(Error::new(reason::FOLLOW_REQUEST_NOT_FOUND)) }
}

fn block(tx: &mut Tx<'_>, write: Write) -> Result<()> {
    tx.require_both(write)?;
    let Write { actor, target, at, .. } = write;
    let sql = "INSERT OR IGNORE INTO blocks (blocker, blocked, at) VALUES (?1, ?2, ?3)";
    if tx.execute(sql, params![actor.get(), target.get(), at.0])? {
        tx.end_follow(actor, target)?;
        tx.end_follow(target, actor)?;
        tx.end_request(actor, target, Outcome::Cancelled)?;
        tx.end_request(target, actor, Outcome::Cancelled)?;
        tx.changes.push(Change::Blocked(actor, target));
    }
    Ok(())
}

fn mute(tx: &mut Tx<'_>, write: Write, how: Mute) -> Result<()> {
    tx.require_both(write)?;
    let Write { actor, target, at, .. } = write;
    let before = reads::muting(tx.conn, actor, target)?;
    if before == Some(how) && how.stands(at) {
        return Ok(());
    }
    if before.is_none() {
        refuse_over(tx.number("SELECT count(*) FROM mutes WHERE muter = ?1", actor.get())?, write.limits.mutes)?;
    }
    let sql = "INSERT OR REPLACE INTO mutes (muter, muted, at, scopes, until) VALUES (?1, ?2, ?3, ?4, ?5)";
    let until = how.until.map(|until| until.0);
    tx.execute(sql, params![actor.get(), target.get(), at.0, how.scopes.bits(), until])?;
    tx.changes.push(Change::Muted(actor, target));
    Ok(())
}

/// Deletes a bounded number of mutes that have run out; returns how many.
pub(super) fn prune_mutes(conn: &Connection, now: Timestamp) -> Result<usize> {
    let sql = "DELETE FROM mutes WHERE (muter, muted) IN
               (SELECT muter, muted FROM mutes WHERE until <= ?1 ORDER BY until LIMIT ?2)";
    conn.prepare_cached(sql).sql()?.execute(params![now.0, requests::PRUNE_LIMIT]).sql()
}

fn outbox_end(conn: &Connection) -> Result<Position> {
    conn.prepare_cached("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'outbox'")
        .sql()?
        .query_row([], |row| row.get(0))
        .sql()
}
