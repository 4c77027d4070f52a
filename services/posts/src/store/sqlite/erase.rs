//! Erasing what is held of accounts that are gone.

use plaza_core::{AccountId, Error, PostId, Result, reason};
use plaza_stores::{Ids, SqlResultExt as _};
use rusqlite::{Connection, params};

use super::writes::Write;
use super::{prune, rows};
use crate::domain::Mark;
use crate::store::{MarkChange, columns};

impl Write<'_> {
    /// Refuses a write of an account that was erased.
    pub(super) fn present(&self, account: AccountId) -> Result<()> {
        let mut statement = self.conn.prepare_cached("SELECT 1 FROM gone WHERE account_id = ?1").sql()?;
        if statement.exists([account.0]).sql()? { Err(Error::new(reason::ACCOUNT_NOT_FOUND)) } else { Ok(()) }
    }

    pub(super) fn mark_gone(&self, account: AccountId) -> Result<()> {
        self.run("INSERT OR IGNORE INTO gone (account_id) VALUES (?1)", [account.0]).map(drop)
    }

    pub(super) fn erase_posts(&mut self, account: AccountId, limit: usize) -> Result<usize> {
        self.mark_gone(account)?;
        let posts = self.ids(
            "SELECT id FROM posts INDEXED BY posts_by_author WHERE author_id = ?1 AND deleted_at IS NULL LIMIT ?2",
            account,
            limit,
        )?;
        for post in &posts {
            if let Some(target) = self.living(*post)? {
                self.bury(*post, &target, false)?;
            }
        }
        self.run("DELETE FROM drafts WHERE account_id = ?1", [account.0])?;
        let graves =
            self.ids("SELECT post_id FROM graves WHERE author_id = ?1 LIMIT ?2", account, limit - posts.len())?;
        prune::purge(self.conn, &graves)?;
        Ok(posts.len() + graves.len())
    }

    pub(super) fn erase_marks(&mut self, account: AccountId, limit: usize) -> Result<usize> {
        self.mark_gone(account)?;
        let marks = self.marks(account, limit)?;
        for (post, mark, id) in &marks {
            let (post, change) = (*post, MarkChange { mark: *mark, post: *post, account, set: false });
            let key = (post.0, account.0, columns::mark(*mark));
            self.run("DELETE FROM marks WHERE post_id = ?1 AND account_id = ?2 AND kind = ?3", key)?;
            // A deleted post has no count, and nobody is to be told of it.
            let Some(target) = self.living(post)? else { continue };
            self.count(post, *mark, -1)?;
            self.changed.posts.push(post);
            self.tell(change, target.author, *id)?;
        }
        Ok(marks.len())
    }

    /// Marks of an account, with their ids.
    fn marks(&self, account: AccountId, limit: usize) -> Result<Vec<(PostId, Mark, i64)>> {
        let sql = "SELECT post_id, kind, id FROM marks WHERE account_id = ?1 LIMIT ?2";
        let mut statement = self.conn.prepare_cached(sql).sql()?;
        let row = |row: &rusqlite::Row<'_>| Ok((PostId(row.get(0)?), row.get(1)?, row.get(2)?));
        let rows = statement.query_map(params![account.0, rows::limit(limit)], row).sql()?;
        rows.map(|row| row.sql().and_then(|(post, kind, id)| Ok((post, columns::mark_of(kind)?, id)))).collect()
    }

    fn ids(&self, sql: &str, account: AccountId, limit: usize) -> Result<Vec<PostId>> {
        let mut statement = self.conn.prepare_cached(sql).sql()?;
        let rows = statement.query_map(params![account.0, rows::limit(limit)], |row| Ok(PostId(row.get(0)?))).sql()?;
        rows.collect::<rusqlite::Result<_>>().sql()
    }
}

/// Each step of the recursions jumps to the next account in an index, past all rows of the one before.
pub(super) fn held(conn: &Connection, after: AccountId, limit: usize) -> Result<Vec<AccountId>> {
    let mut statement = conn
        .prepare_cached(
            "WITH RECURSIVE
             authors (id) AS (
                SELECT min(author_id) FROM posts INDEXED BY posts_by_author WHERE author_id > ?1 AND deleted_at IS NULL
                UNION ALL
                SELECT (SELECT min(author_id) FROM posts INDEXED BY posts_by_author
                        WHERE author_id > authors.id AND deleted_at IS NULL)
                FROM authors WHERE authors.id IS NOT NULL LIMIT ?2),
             buried (id) AS (
                SELECT min(author_id) FROM graves WHERE author_id > ?1
                UNION ALL
                SELECT (SELECT min(author_id) FROM graves WHERE author_id > buried.id)
                FROM buried WHERE buried.id IS NOT NULL LIMIT ?2),
             drafters (id) AS (
                SELECT min(account_id) FROM drafts WHERE account_id > ?1
                UNION ALL
                SELECT (SELECT min(account_id) FROM drafts WHERE account_id > drafters.id)
                FROM drafters WHERE drafters.id IS NOT NULL LIMIT ?2),
             markers (id) AS (
                SELECT min(account_id) FROM marks WHERE account_id > ?1
                UNION ALL
                SELECT (SELECT min(account_id) FROM marks WHERE account_id > markers.id)
                FROM markers WHERE markers.id IS NOT NULL LIMIT ?2),
             voters (id) AS (
                SELECT min(account_id) FROM votes WHERE account_id > ?1
                UNION ALL
                SELECT (SELECT min(account_id) FROM votes WHERE account_id > voters.id)
                FROM voters WHERE voters.id IS NOT NULL LIMIT ?2)
             SELECT id FROM authors WHERE id IS NOT NULL UNION SELECT id FROM buried WHERE id IS NOT NULL
             UNION SELECT id FROM drafters WHERE id IS NOT NULL UNION SELECT id FROM markers WHERE id IS NOT NULL
             UNION SELECT id FROM voters WHERE id IS NOT NULL
             ORDER BY id LIMIT ?2",
        )
        .sql()?;
    let rows = statement.query_map(params![after.0, rows::limit(limit)], |row| Ok(AccountId(row.get(0)?))).sql()?;
    rows.collect::<rusqlite::Result<_>>().sql()
}

pub(super) fn held_among(conn: &Connection, accounts: &[AccountId]) -> Result<Vec<AccountId>> {
    let ids: Vec<i64> = accounts.iter().map(|a| a.0).collect();
    let mut statement = conn
        .prepare_cached(
            "SELECT value FROM json_each(?1) AS account
             WHERE EXISTS (SELECT 1 FROM posts INDEXED BY posts_by_author
                           WHERE author_id = account.value AND deleted_at IS NULL)
                OR EXISTS (SELECT 1 FROM graves WHERE author_id = account.value)
                OR EXISTS (SELECT 1 FROM drafts WHERE account_id = account.value)
                OR EXISTS (SELECT 1 FROM marks WHERE account_id = account.value)
                OR EXISTS (SELECT 1 FROM votes WHERE account_id = account.value)",
        )
        .sql()?;
    let rows = statement.query_map([Ids(&ids)], |row| Ok(AccountId(row.get(0)?))).sql()?;
    rows.collect::<rusqlite::Result<_>>().sql()
}
