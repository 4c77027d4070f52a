//! Removing what has served its time, a bounded part at once.

use plaza_core::{PostId, Result, Timestamp};
use plaza_stores::{SqlResultExt as _, requests};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::rows;

/// How many likes of a deleted post one write removes.
pub(super) const LIKES_AT_ONCE: usize = 500;

pub(super) fn some(conn: &Connection, now: Timestamp) -> Result<usize> {
    let requests = requests::prune(conn, now)?;
    let leftover = conn
        .prepare_cached("SELECT post_id FROM leftovers LIMIT 1")
        .sql()?
        .query_row([], |row| Ok(PostId(row.get(0)?)))
        .optional()
        .sql()?;
    let likes = leftover.map_or(Ok(0), |post| drop_likes(conn, post))?;
    Ok(requests + likes)
}

/// Removes likes of a deleted post; notes it among the leftovers while there may be more.
pub(super) fn drop_likes(conn: &Connection, post: PostId) -> Result<usize> {
    let dropped = conn
        .prepare_cached(
            "DELETE FROM likes WHERE post_id = ?1 AND account_id IN
             (SELECT account_id FROM likes WHERE post_id = ?1 LIMIT ?2)",
        )
        .sql()?
        .execute(params![post.0, rows::limit(LIKES_AT_ONCE)])
        .sql()?;
    let note = if dropped < LIKES_AT_ONCE {
        "DELETE FROM leftovers WHERE post_id = ?1"
    } else {
        "INSERT OR IGNORE INTO leftovers (post_id) VALUES (?1)"
    };
    conn.prepare_cached(note).sql()?.execute([post.0]).sql()?;
    Ok(dropped)
}
