//! Removing what has served its time, a bounded part at once.

use plaza_core::{Result, Timestamp};
use plaza_stores::PgResultExt as _;
use plaza_stores::postgres::requests;
use sqlx::PgConnection;

use super::bury::MARKS_AT_ONCE;
use super::rows;

pub(super) async fn some(conn: &mut PgConnection, now: Timestamp) -> Result<usize> {
    Ok(requests::prune(conn, now).await? + drop_marks(conn).await?)
}

/// Removes marks of one deleted post that has some left, which no other process is at work on.
async fn drop_marks(conn: &mut PgConnection) -> Result<usize> {
    let dropped: i64 = sqlx::query_scalar(
        "WITH one AS (SELECT post_id FROM leftovers LIMIT 1 FOR UPDATE SKIP LOCKED),
         dropped AS (
            DELETE FROM marks AS m
            USING one CROSS JOIN LATERAL (
                SELECT account_id, kind FROM marks WHERE post_id = one.post_id LIMIT $1) AS part
            WHERE m.post_id = one.post_id AND m.account_id = part.account_id AND m.kind = part.kind
            RETURNING 1),
         done AS (
            DELETE FROM leftovers USING one
            WHERE leftovers.post_id = one.post_id AND (SELECT count(*) FROM dropped) < $1)
         SELECT count(*) FROM dropped",
    )
    .bind(rows::limit(MARKS_AT_ONCE))
    .fetch_one(conn)
    .await
    .sql()?;
    Ok(usize::try_from(dropped).unwrap_or_default())
}
