//! Removing what has served its time, a bounded part at once.

use plaza_core::{PostId, Result, Timestamp};
use plaza_stores::{SqlResultExt as _, requests};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::rows;

/// How many marks of a deleted post one write removes, and how many votes.
pub(super) const MARKS_AT_ONCE: usize = 500;

/// How many deleted posts one write purges.
const GRAVES_AT_ONCE: usize = 200;

/// Posts deleted at `graves_until` or before can be restored no more.
pub(super) fn some(conn: &Connection, now: Timestamp, graves_until: Timestamp) -> Result<usize> {
    let requests = requests::prune(conn, now)?;
    let leftover = conn
        .prepare_cached("SELECT post_id FROM leftovers LIMIT 1")
        .sql()?
        .query_row([], |row| Ok(PostId(row.get(0)?)))
        .optional()
        .sql()?;
    let marks = leftover.map_or(Ok(0), |post| drop_marks(conn, post).map(|dropped| dropped + 1))?;
    let graves = graves(conn, graves_until)?;
    purge(conn, &graves)?;
    Ok(requests + marks + graves.len())
}

fn graves(conn: &Connection, until: Timestamp) -> Result<Vec<PostId>> {
    let mut statement = conn.prepare_cached("SELECT post_id FROM graves WHERE at <= ?1 ORDER BY at LIMIT ?2").sql()?;
    let rows = statement.query_map((until.0, rows::limit(GRAVES_AT_ONCE)), |row| Ok(PostId(row.get(0)?))).sql()?;
    rows.collect::<rusqlite::Result<_>>().sql()
}

/// Removes what is set aside of deleted posts; their marks and votes are left to the next rounds.
pub(super) fn purge(conn: &Connection, posts: &[PostId]) -> Result<()> {
    for post in posts {
        for sql in [
            "DELETE FROM graves WHERE post_id = ?1",
            "DELETE FROM revisions WHERE post_id = ?1",
            "DELETE FROM polls WHERE post_id = ?1",
            "INSERT OR IGNORE INTO leftovers (post_id) VALUES (?1)",
        ] {
            conn.prepare_cached(sql).sql()?.execute([post.0]).sql()?;
        }
    }
    Ok(())
}

/// Removes marks and votes of a deleted post; notes it among the leftovers while there may be more.
pub(super) fn drop_marks(conn: &Connection, post: PostId) -> Result<usize> {
    let dropped = conn
        .prepare_cached(
            "DELETE FROM marks WHERE (post_id, account_id, kind) IN
             (SELECT post_id, account_id, kind FROM marks WHERE post_id = ?1 LIMIT ?2)",
        )
        .sql()?
        .execute(params![post.0, rows::limit(MARKS_AT_ONCE)])
        .sql()?;
    let votes = conn
        .prepare_cached(
            "DELETE FROM votes WHERE (post_id, account_id) IN
             (SELECT post_id, account_id FROM votes WHERE post_id = ?1 LIMIT ?2)",
        )
        .sql()?
        .execute(params![post.0, rows::limit(MARKS_AT_ONCE)])
        .sql()?;
    let note = if dropped.max(votes) < MARKS_AT_ONCE {
        "DELETE FROM leftovers WHERE post_id = ?1"
    } else {
        "INSERT OR IGNORE INTO leftovers (post_id) VALUES (?1)"
    };
    conn.prepare_cached(note).sql()?.execute([post.0]).sql()?;
    Ok(dropped + votes)
}
