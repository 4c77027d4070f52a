//! Threads: upwards and downwards, tombstones included; and lists by hashtag.

use plaza_core::{PostId, Result};
use plaza_stores::PgResultExt as _;
use sqlx::PgConnection;

use super::rows;
use crate::domain::Node;
use crate::store::{Tagged, Tags, columns};

/// Id, what it replies to, whether it lives, whether its tombstone is kept.
type Row = (i64, Option<i64>, bool, bool);

fn node((id, reply_to, living, kept): Row) -> Node {
    Node { id: PostId(id), reply_to: reply_to.map(PostId), stands: columns::stands(living, kept) }
}

pub(super) async fn ancestors(conn: &mut PgConnection, post: PostId, limit: usize) -> Result<Vec<Node>> {
    let found: Vec<Row> = sqlx::query_as(
        "WITH RECURSIVE up (id, reply_to_id, living, kept, step) AS (
            SELECT id, reply_to_id, deleted_at IS NULL, kept, 1 FROM posts WHERE id = $1
            UNION ALL
            SELECT p.id, p.reply_to_id, p.deleted_at IS NULL, p.kept, up.step + 1
            FROM up JOIN posts AS p ON p.id = up.reply_to_id WHERE up.step < $2)
         SELECT id, reply_to_id, living, kept FROM up ORDER BY step LIMIT $2",
    )
    .bind(post.0)
    .bind(rows::limit(limit))
    .fetch_all(conn)
    .await
    .sql()?;
    Ok(found.into_iter().map(node).collect())
}

/// Pairs, as in [`super::reads::ALL_BY_AUTHOR`].
pub(super) const REPLIES: &str = "SELECT p.id, parent.id, p.living, p.kept
     FROM unnest($1::int8[]) AS parent (id) CROSS JOIN LATERAL (
        SELECT id, deleted_at IS NULL AS living, kept FROM posts
        WHERE reply_to_id <= parent.id AND (reply_to_id, id) > (parent.id, $2) AND (deleted_at IS NULL OR kept)
        ORDER BY reply_to_id, id LIMIT $3) AS p
     ORDER BY p.id";

pub(super) async fn replies(
    conn: &mut PgConnection,
    parents: &[PostId],
    after: PostId,
    limit: usize,
) -> Result<Vec<Node>> {
    let found: Vec<Row> = sqlx::query_as(REPLIES)
        .bind(rows::posts(parents))
        .bind(after.0)
        .bind(rows::limit(limit))
        .fetch_all(conn)
        .await
        .sql()?;
    Ok(found.into_iter().map(node).collect())
}

/// The newest of each tag, of which the newest of all are taken: so no tag is read further than the page needs, and none
/// further than down to a floor, which stands beside what was found.
pub(super) const BY_HASHTAG: &str = "WITH wanted AS MATERIALIZED (
        SELECT w.tag, w.at, coalesce((
            SELECT f.post_id FROM hashtags AS f WHERE f.tag >= w.tag AND (f.tag, f.post_id) < (w.tag, $2)
            ORDER BY f.tag DESC, f.post_id DESC OFFSET $6 LIMIT 1), 0) AS floor
        FROM unnest($1::text[]) WITH ORDINALITY AS w (tag, at))
     SELECT wanted.at, wanted.floor, t.post_id
     FROM wanted LEFT JOIN LATERAL (
        SELECT h.post_id FROM hashtags AS h
        JOIN posts AS p ON p.id = h.post_id AND p.deleted_at IS NULL AND p.visibility = 1
        WHERE (h.tag, h.post_id) >= (wanted.tag, wanted.floor) AND (h.tag, h.post_id) < (wanted.tag, $2)
          AND NOT EXISTS (SELECT 1 FROM unnest($3::text[]) AS needed (tag) WHERE NOT EXISTS (
               SELECT 1 FROM hashtags AS a WHERE a.tag = needed.tag AND a.post_id = h.post_id))
          AND NOT EXISTS (SELECT 1 FROM hashtags AS r WHERE r.post_id = h.post_id AND r.tag = ANY($4))
        ORDER BY h.tag DESC, h.post_id DESC LIMIT $5) AS t ON true
     ORDER BY wanted.at";

pub(super) async fn ids_by_hashtag(
    conn: &mut PgConnection,
    tags: &Tags,
    before: PostId,
    limit: usize,
    scan: usize,
) -> Result<Tagged> {
    let rows: Vec<(i64, i64, Option<i64>)> = sqlx::query_as(BY_HASHTAG)
        .bind(&tags.any)
        .bind(before.0)
        .bind(&tags.all)
        .bind(&tags.none)
        .bind(rows::limit(limit))
        .bind(rows::limit(scan.saturating_sub(1)))
        .fetch_all(conn)
        .await
        .sql()?;
    let of_tag = |rows: &[(i64, i64, Option<i64>)]| {
        let floor = rows.first().map_or(0, |(_, floor, _)| *floor);
        (PostId(floor), rows.iter().filter_map(|(_, _, post)| post.map(PostId)).collect())
    };
    let found: Vec<(PostId, Vec<PostId>)> = rows.chunk_by(|a, b| a.0 == b.0).map(of_tag).collect();
    Ok(Tagged::of(&found, limit))
}
