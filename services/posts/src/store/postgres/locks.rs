//! Which transactions exclude one another.
//!
//! A write to a post (a like, a reply) holds the post's lock shared, its deletion exclusively; who publishes holds the
//! account's lock shared, likes of an account and its erasure hold it exclusively. So what was found to live lives until
//! the commit, and an erasure sees every write that was let through. They are Postgres' advisory locks, which stand in
//! memory and are granted in line: rows' own share locks are written to the row, and would let likes of a hot post keep
//! its deletion waiting for ever.
//!
//! All locks of a transaction are taken in one order, accounts before posts, so that none wait in a circle; and all before
//! it first writes, as this is when it gets its number, which the places of its events are made of. So the events of
//! transactions that exclude one another stand in the order of their commits.

use std::collections::BTreeMap;

use plaza_core::{AccountId, PostId, Result};
use plaza_stores::PgResultExt as _;
use sqlx::PgConnection;

/// The first halves of the locks' keys: `acct` and `post`. Their order is that in which locks are taken.
const ACCOUNTS: i32 = 0x6163_6374;
const POSTS: i32 = 0x706f_7374;

/// The locks that a transaction needs. Two things whose second halves are equal share a lock, which only costs time.
#[derive(Debug, Default)]
pub(super) struct Locks(BTreeMap<(i32, i32), bool>);

impl Locks {
    /// Keeps the account from being erased and its likes from changing.
    pub(super) fn share_account(&mut self, account: AccountId) {
        self.add(ACCOUNTS, account.0, false);
    }

    /// Waits for writes of the account, and keeps others out.
    pub(super) fn own_account(&mut self, account: AccountId) {
        self.add(ACCOUNTS, account.0, true);
    }

    /// Keeps the post from being deleted.
    pub(super) fn share_post(&mut self, post: PostId) {
        self.add(POSTS, post.0, false);
    }

    /// Waits for likes of the post and replies to it, and keeps others out.
    pub(super) fn own_post(&mut self, post: PostId) {
        self.add(POSTS, post.0, true);
    }

    /// What is asked for in both ways is taken exclusively at once, as a shared lock cannot be raised without danger.
    fn add(&mut self, class: i32, id: i64, exclusive: bool) {
        let key = i32::try_from(id % i64::from(i32::MAX)).unwrap_or_default();
        *self.0.entry((class, key)).or_default() |= exclusive;
    }

    /// Takes them all, to be held until the transaction ends. What the next statement reads is newer than the locks.
    pub(super) async fn take(self, conn: &mut PgConnection) -> Result<()> {
        if self.0.is_empty() {
            return Ok(());
        }
        let (mut classes, mut keys, mut exclusive) = (Vec::new(), Vec::new(), Vec::new());
        for ((class, key), own) in self.0 {
            classes.push(class);
            keys.push(key);
            exclusive.push(own);
        }
        sqlx::query(
            "SELECT CASE WHEN own THEN pg_advisory_xact_lock(class, key)::text
                    ELSE pg_advisory_xact_lock_shared(class, key)::text END
             FROM unnest($1::int4[], $2::int4[], $3::bool[]) AS wanted (class, key, own)",
        )
        .bind(classes)
        .bind(keys)
        .bind(exclusive)
        .execute(conn)
        .await
        .sql()?;
        Ok(())
    }
}
