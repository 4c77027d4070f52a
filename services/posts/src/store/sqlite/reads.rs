//! Reads: each one statement, whatever the number of posts.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use plaza_core::{AccountId, Error, PostId, Result};
use plaza_stores::{Ids, SqlResultExt as _};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::rows::{self, Stored};
use crate::domain::{Counts, Post, Sight};
use crate::store::{FEW_MARKS, Only, Tags};

pub(super) fn posts(conn: &Connection, ids: &[PostId]) -> Result<Vec<Option<Arc<Post>>>> {
    let columns = rows::POST_COLUMNS;
    let mut statement = conn
        .prepare_cached(&format!(
            "SELECT {columns} FROM json_each(?1) AS wanted
             JOIN posts AS p ON p.id = wanted.value AND p.deleted_at IS NULL
             LEFT JOIN post_counts AS c ON c.post_id = p.id
             LEFT JOIN polls AS q ON q.post_id = p.id"
        ))
        .sql()?;
    let mut found = HashMap::with_capacity(ids.len());
    for row in statement.query_map(params![Ids(&numbers(ids)), FEW_MARKS], Stored::read).sql()? {
        let post = row.sql()?.decode()?;
        found.insert(post.id, Arc::new(post));
    }
    Ok(ids.iter().map(|id| found.get(id).cloned()).collect())
}

pub(super) fn ids_by_author(
    conn: &Connection,
    author: AccountId,
    sight: Sight,
    before: PostId,
    limit: usize,
) -> Result<Vec<PostId>> {
    // Each sight has an index that holds just its posts, so that a page costs the same whatever else the author wrote.
    let sql = match sight {
        Sight::Nothing | Sight::Mentions => return Ok(Vec::new()),
        Sight::Public => {
            "SELECT id FROM posts INDEXED BY posts_public_by_author
             WHERE author_id = ?1 AND id < ?2 AND deleted_at IS NULL AND visibility IN (1, 3)
             ORDER BY id DESC LIMIT ?3"
        }
        Sight::Followers => {
            "SELECT id FROM posts INDEXED BY posts_for_followers_by_author
             WHERE author_id = ?1 AND id < ?2 AND deleted_at IS NULL AND visibility <> 4
             ORDER BY id DESC LIMIT ?3"
        }
        Sight::Everything => {
            "SELECT id FROM posts INDEXED BY posts_by_author WHERE author_id = ?1 AND id < ?2 AND deleted_at IS NULL
             ORDER BY id DESC LIMIT ?3"
        }
    };
    let mut statement = conn.prepare_cached(sql).sql()?;
    let rows =
        statement.query_map(params![author.0, before.0, rows::limit(limit)], |row| Ok(PostId(row.get(0)?))).sql()?;
    rows.collect::<rusqlite::Result<_>>().sql()
}

pub(super) fn some_by_author(
    conn: &Connection,
    author: AccountId,
    sight: Sight,
    only: Only,
    before: PostId,
    limit: usize,
) -> Result<Vec<PostId>> {
    let shown = match sight {
        Sight::Nothing | Sight::Mentions => return Ok(Vec::new()),
        Sight::Public => "(1, 3)",
        Sight::Followers => "(1, 2, 3)",
        Sight::Everything => "(1, 2, 3, 4)",
    };
    let (index, some) = match (only.media, only.openers) {
        (true, true) => ("posts_media_by_author", "media IS NOT NULL AND reply_to_id IS NULL"),
        (true, false) => ("posts_media_by_author", "media IS NOT NULL"),
        (false, true) => ("posts_openers_by_author", "reply_to_id IS NULL"),
        (false, false) => ("posts_by_author", "true"),
    };
    let sql = format!(
        "SELECT id FROM posts INDEXED BY {index}
         WHERE author_id = ?1 AND id < ?2 AND deleted_at IS NULL AND {some} AND visibility IN {shown}
         ORDER BY id DESC LIMIT ?3"
    );
    let mut statement = conn.prepare_cached(&sql).sql()?;
    let rows =
        statement.query_map(params![author.0, before.0, rows::limit(limit)], |row| Ok(PostId(row.get(0)?))).sql()?;
    rows.collect::<rusqlite::Result<_>>().sql()
}

/// The newest of each tag, of which the newest of all are taken: so no tag is read further than the page needs.
pub(super) fn ids_by_hashtag(conn: &Connection, tags: &Tags, before: PostId, limit: usize) -> Result<Vec<PostId>> {
    let mut statement = conn
        .prepare_cached(
            "SELECT h.post_id FROM hashtags AS h
             CROSS JOIN posts AS p ON p.id = h.post_id AND p.deleted_at IS NULL AND p.visibility = 1
             WHERE h.tag = ?1 AND h.post_id < ?2
               AND NOT EXISTS (SELECT 1 FROM json_each(?3) AS needed WHERE NOT EXISTS (
                    SELECT 1 FROM hashtags WHERE tag = needed.value AND post_id = h.post_id))
               AND NOT EXISTS (SELECT 1 FROM json_each(?4) AS refused JOIN hashtags AS r
                    ON r.tag = refused.value AND r.post_id = h.post_id)
             ORDER BY h.post_id DESC LIMIT ?5",
        )
        .sql()?;
    let json = |tags: &[String]| serde_json::to_string(tags).map_err(|e| Error::internal(e.to_string()));
    let (all, none) = (json(&tags.all)?, json(&tags.none)?);
    let mut found = BTreeSet::new();
    for tag in &tags.any {
        let keys = params![tag, before.0, all, none, rows::limit(limit)];
        for row in statement.query_map(keys, |row| Ok(PostId(row.get(0)?))).sql()? {
            found.insert(row.sql()?);
        }
    }
    Ok(found.into_iter().rev().take(limit).collect())
}

pub(super) fn quotes(conn: &Connection, post: PostId, before: PostId, limit: usize) -> Result<Vec<PostId>> {
    let mut statement = conn
        .prepare_cached(
            "SELECT id FROM posts INDEXED BY posts_by_quote_of
             WHERE quote_of_id = ?1 AND id < ?2 AND deleted_at IS NULL ORDER BY id DESC LIMIT ?3",
        )
        .sql()?;
    let rows =
        statement.query_map(params![post.0, before.0, rows::limit(limit)], |row| Ok(PostId(row.get(0)?))).sql()?;
    rows.collect::<rusqlite::Result<_>>().sql()
}

pub(super) fn recount(conn: &Connection, post: PostId) -> Result<Option<Counts>> {
    let count = |row: &rusqlite::Row<'_>| {
        let (likes, replies, reposts) = (row.get(0)?, row.get(1)?, row.get(2)?);
        Ok(Counts { likes, replies, reposts, quotes: row.get(3)?, bookmarks: row.get(4)? })
    };
    conn.prepare_cached(
        "SELECT (SELECT count(*) FROM marks WHERE post_id = p.id AND kind = 1),
                (SELECT count(*) FROM posts AS r WHERE r.reply_to_id = p.id AND r.deleted_at IS NULL),
                (SELECT count(*) FROM marks WHERE post_id = p.id AND kind = 2),
                (SELECT count(*) FROM posts AS q WHERE q.quote_of_id = p.id AND q.deleted_at IS NULL),
                (SELECT count(*) FROM marks WHERE post_id = p.id AND kind = 3)
         FROM posts AS p WHERE p.id = ?1 AND p.deleted_at IS NULL",
    )
    .sql()?
    .query_row([post.0], count)
    .optional()
    .sql()
}

pub(super) fn numbers(ids: &[PostId]) -> Vec<i64> {
    ids.iter().map(|id| id.0).collect()
}
