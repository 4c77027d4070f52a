//! Threads: upwards and downwards, tombstones included.

use plaza_core::{PostId, Result};
use plaza_stores::{Ids, SqlResultExt as _};
use rusqlite::{Connection, params};

use super::rows;
use crate::domain::Node;
use crate::store::columns;

pub(super) fn ancestors(conn: &Connection, post: PostId, limit: usize) -> Result<Vec<Node>> {
    let mut statement = conn
        .prepare_cached(
            "WITH RECURSIVE up (id, reply_to_id, living, kept, step) AS (
                SELECT id, reply_to_id, deleted_at IS NULL, kept, 1 FROM posts WHERE id = ?1
                UNION ALL
                SELECT p.id, p.reply_to_id, p.deleted_at IS NULL, p.kept, up.step + 1
                FROM up JOIN posts AS p ON p.id = up.reply_to_id WHERE up.step < ?2)
             SELECT id, reply_to_id, living, kept FROM up ORDER BY step LIMIT ?2",
        )
        .sql()?;
    let rows = statement.query_map(params![post.0, rows::limit(limit)], node).sql()?;
    rows.collect::<rusqlite::Result<_>>().sql()
}

pub(super) fn replies(conn: &Connection, parents: &[PostId], after: PostId, limit: usize) -> Result<Vec<Node>> {
    let ids: Vec<i64> = parents.iter().map(|id| id.0).collect();
    let mut statement = conn
        .prepare_cached(
            "SELECT p.id, p.reply_to_id, p.deleted_at IS NULL, p.kept FROM json_each(?1) AS parent
             CROSS JOIN posts AS p ON p.id IN (
                SELECT id FROM posts INDEXED BY posts_by_reply_to
                WHERE reply_to_id = parent.value AND id > ?2 AND (deleted_at IS NULL OR kept) ORDER BY id LIMIT ?3)
             ORDER BY p.id",
        )
        .sql()?;
    let rows = statement.query_map(params![Ids(&ids), after.0, rows::limit(limit)], node).sql()?;
    rows.collect::<rusqlite::Result<_>>().sql()
}

fn node(row: &rusqlite::Row<'_>) -> rusqlite::Result<Node> {
    let reply_to = row.get::<_, Option<i64>>(1)?.map(PostId);
    Ok(Node { id: PostId(row.get(0)?), reply_to, stands: columns::stands(row.get(2)?, row.get(3)?) })
}
