//! Removing what has served its time, a bounded part at once.

use plaza_core::{PostId, Result, Timestamp};
use plaza_stores::PgResultExt as _;
use plaza_stores::postgres::requests;
use sqlx::PgConnection;

use super::bury::MARKS_AT_ONCE;
use super::rows;

/// How many deleted posts one write purges.
const GRAVES_AT_ONCE: usize = 200;

/// Posts deleted at `graves_until` or before can be restored no more.
pub(super) async fn some(conn: &mut PgConnection, now: Timestamp, graves_until: Timestamp) -> Result<usize> {
    let pruned = requests::prune(conn, now).await? + drop_marks(conn).await?;
    let graves: Vec<i64> =
        sqlx::query_scalar("SELECT post_id FROM graves WHERE at <= $1 ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED")
            .bind(graves_until.0)
            .bind(rows::limit(GRAVES_AT_ONCE))
            .fetch_all(&mut *conn)
            .await
            .sql()?;
    let graves: Vec<PostId> = graves.into_iter().map(PostId).collect();
    purge(conn, &graves).await?;
    Ok(pruned + graves.len())
}

/// Removes what is set aside of deleted posts; their marks and votes are left to the next rounds.
pub(super) async fn purge(conn: &mut PgConnection, posts: &[PostId]) -> Result<()> {
    if posts.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "WITH graves AS (DELETE FROM graves WHERE post_id = ANY($1)),
         revisions AS (DELETE FROM revisions WHERE post_id = ANY($1)),
         polls AS (DELETE FROM polls WHERE post_id = ANY($1))
         INSERT INTO leftovers (post_id) SELECT * FROM unnest($1::int8[]) ON CONFLICT DO NOTHING",
    )
    .bind(rows::posts(posts))
    .execute(conn)
    .await
    .sql()?;
    Ok(())
}

/// Removes marks and votes of one deleted post that may have some left, which no other process is at work on; that counts as one
/// more.
async fn drop_marks(conn: &mut PgConnection) -> Result<usize> {
    let dropped: i64 = sqlx::query_scalar(
        "WITH one AS (SELECT post_id FROM leftovers LIMIT 1 FOR UPDATE SKIP LOCKED),
         dropped AS (
            DELETE FROM marks AS m
            USING one CROSS JOIN LATERAL (
                SELECT account_id, kind FROM marks WHERE post_id = one.post_id LIMIT $1) AS part
            WHERE m.post_id = one.post_id AND m.account_id = part.account_id AND m.kind = part.kind
            RETURNING 1),
         unvoted AS (
            DELETE FROM votes AS v
            USING one CROSS JOIN LATERAL (SELECT account_id FROM votes WHERE post_id = one.post_id LIMIT $1) AS part
            WHERE v.post_id = one.post_id AND v.account_id = part.account_id
            RETURNING 1),
         done AS (
            DELETE FROM leftovers USING one
            WHERE leftovers.post_id = one.post_id AND (SELECT count(*) FROM dropped) < $1
              AND (SELECT count(*) FROM unvoted) < $1)
         SELECT (SELECT count(*) FROM dropped) + (SELECT count(*) FROM unvoted) + (SELECT count(*) FROM one)",
    )
    .bind(rows::limit(MARKS_AT_ONCE))
    .fetch_one(conn)
    .await
    .sql()?;
    Ok(usize::try_from(dropped).unwrap_or_default())
}
