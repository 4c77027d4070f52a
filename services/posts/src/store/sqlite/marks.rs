//! Likes, reposts and bookmarks: set, taken back, listed.

use plaza_core::{AccountId, Position, PostId, Result};
use plaza_proto::posts::v1::{PostBookmarked, PostLiked, PostUnbookmarked, PostUnliked, RepostUndone, Reposted};
use plaza_stores::{Ids, SqlResultExt as _};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::rows;
use super::writes::{Write, no_post};
use crate::domain::Mark;
use crate::store::{MarkChange, Marked, Place, columns};

/// The column of a mark's counter.
const fn counter(mark: Mark) -> &'static str {
    match mark {
        Mark::Like => "likes",
        Mark::Repost => "reposts",
        Mark::Bookmark => "bookmarks",
    }
}

impl Write<'_> {
    pub(super) fn set_mark(&mut self, change: MarkChange) -> Result<Marked> {
        let MarkChange { mark, post, account, set } = change;
        self.present(account)?;
        let author = self.living(post)?.ok_or_else(no_post)?.author;
        let before = self.mark(change)?;
        if before.is_some() == set {
            return Ok(Marked { count: self.count(post, mark, 0)?, id: before.unwrap_or(0), position: None });
        }
        let key = (post.0, account.0, columns::mark(mark));
        let id = before.unwrap_or_else(|| self.env.next_id());
        if set {
            let insert = "INSERT INTO marks (post_id, account_id, kind, id) VALUES (?1, ?2, ?3, ?4)";
            self.run(insert, params![key.0, key.1, key.2, id])?;
        } else {
            self.run("DELETE FROM marks WHERE post_id = ?1 AND account_id = ?2 AND kind = ?3", key)?;
        }
        let count = self.count(post, mark, if set { 1 } else { -1 })?;
        self.changed.posts.push(post);
        let position = Some(self.tell(change, author, id)?);
        Ok(Marked { count, id, position })
    }

    /// The id of the mark that a change is about, if it is there.
    fn mark(&self, change: MarkChange) -> Result<Option<i64>> {
        self.conn
            .prepare_cached("SELECT id FROM marks WHERE post_id = ?1 AND account_id = ?2 AND kind = ?3")
            .sql()?
            .query_row((change.post.0, change.account.0, columns::mark(change.mark)), |row| row.get(0))
            .optional()
            .sql()
    }

    /// Adds to a counter of a living post and returns what it is.
    pub(super) fn count(&self, post: PostId, mark: Mark, more: i64) -> Result<i64> {
        let column = counter(mark);
        let sql = format!("UPDATE post_counts SET {column} = {column} + ?2 WHERE post_id = ?1 RETURNING {column}");
        self.conn.prepare_cached(&sql).sql()?.query_row((post.0, more), |row| row.get(0)).sql()
    }

    /// The event of a mark that was set or taken back.
    pub(super) fn tell(&self, change: MarkChange, author: AccountId, repost_id: i64) -> Result<Position> {
        let MarkChange { mark, post, account, set } = change;
        let (post_id, author_id, account_id) = (post.0, author.0, account.0);
        match (mark, set) {
            (Mark::Like, true) => self.emit(post, &PostLiked { post_id, author_id, account_id }),
            (Mark::Like, false) => self.emit(post, &PostUnliked { post_id, author_id, account_id }),
            (Mark::Repost, true) => self.emit(post, &Reposted { post_id, author_id, account_id, repost_id }),
            (Mark::Repost, false) => self.emit(post, &RepostUndone { post_id, author_id, account_id, repost_id }),
            (Mark::Bookmark, true) => self.emit(post, &PostBookmarked { post_id, author_id }),
            (Mark::Bookmark, false) => self.emit(post, &PostUnbookmarked { post_id, author_id }),
        }
    }
}

pub(super) fn marked(conn: &Connection, account: AccountId, ids: &[PostId]) -> Result<Vec<(PostId, Mark)>> {
    let ids: Vec<i64> = ids.iter().map(|id| id.0).collect();
    let mut statement = conn
        .prepare_cached(
            "SELECT m.post_id, m.kind FROM json_each(?2) AS wanted
             CROSS JOIN marks AS m ON m.post_id = wanted.value AND m.account_id = ?1",
        )
        .sql()?;
    let row = |row: &rusqlite::Row<'_>| Ok((PostId(row.get(0)?), row.get(1)?));
    let rows = statement.query_map(params![account.0, Ids(&ids)], row).sql()?;
    rows.map(|row| row.sql().and_then(|(post, kind)| Ok((post, columns::mark_of(kind)?)))).collect()
}

pub(super) fn markers(
    conn: &Connection,
    post: PostId,
    mark: Mark,
    before: Place<AccountId>,
    limit: usize,
) -> Result<Vec<Place<AccountId>>> {
    let mut statement = conn
        .prepare_cached(
            "SELECT id, account_id FROM marks INDEXED BY marks_by_post
             WHERE post_id = ?1 AND kind = ?2 AND (id, account_id) < (?3, ?4)
             ORDER BY id DESC, account_id DESC LIMIT ?5",
        )
        .sql()?;
    let keys = params![post.0, columns::mark(mark), before.id, before.of.0, rows::limit(limit)];
    let rows = statement.query_map(keys, |row| Ok(Place { id: row.get(0)?, of: AccountId(row.get(1)?) })).sql()?;
    rows.collect::<rusqlite::Result<_>>().sql()
}

pub(super) fn marked_by(
    conn: &Connection,
    account: AccountId,
    mark: Mark,
    before: Place<PostId>,
    limit: usize,
) -> Result<Vec<Place<PostId>>> {
    let mut statement = conn
        .prepare_cached(
            "SELECT id, post_id FROM marks INDEXED BY marks_by_account
             WHERE account_id = ?1 AND kind = ?2 AND (id, post_id) < (?3, ?4)
             ORDER BY id DESC, post_id DESC LIMIT ?5",
        )
        .sql()?;
    let keys = params![account.0, columns::mark(mark), before.id, before.of.0, rows::limit(limit)];
    let rows = statement.query_map(keys, |row| Ok(Place { id: row.get(0)?, of: PostId(row.get(1)?) })).sql()?;
    rows.collect::<rusqlite::Result<_>>().sql()
}
