//! Reads: each one statement, whatever the number of posts.

use std::collections::HashMap;
use std::sync::Arc;

use plaza_core::{AccountId, PostId, Result};
use plaza_stores::PgResultExt as _;
use sqlx::PgConnection;

use super::rows;
use crate::domain::{Counts, Post, Sight};
use crate::store::{FEW_MARKS, Only};

pub(super) async fn posts(conn: &mut PgConnection, ids: &[PostId]) -> Result<Vec<Option<Arc<Post>>>> {
    let found = sqlx::query(
        "SELECT p.id, p.author_id, p.text, p.spans, p.visibility, p.reply_to_id, p.root_id, p.quote_of_id,
                p.quote_policy, c.likes, c.replies, c.reposts, c.quotes, c.bookmarks,
                p.reply_policy, p.sensitive, p.warning, p.language, p.edit_count, p.edited_at,
                CASE WHEN c.likes + c.reposts + c.bookmarks <= $2
                     THEN (SELECT string_agg(kind || ':' || account_id, ',') FROM marks WHERE post_id = p.id) END,
                q.options, q.multiple, q.hides, q.closes_at,
                CASE WHEN q.options IS NOT NULL
                     THEN (SELECT string_agg(option || ':' || votes, ',')
                           FROM (SELECT option, sum(votes) AS votes FROM poll_counts WHERE post_id = p.id
                                 GROUP BY option) AS counted) END,
                p.media
         FROM posts AS p LEFT JOIN polls AS q ON q.post_id = p.id CROSS JOIN LATERAL (
            SELECT coalesce(sum(likes), 0) AS likes, coalesce(sum(replies), 0) AS replies,
                   coalesce(sum(reposts), 0) AS reposts, coalesce(sum(quotes), 0) AS quotes,
                   coalesce(sum(bookmarks), 0) AS bookmarks
            FROM post_counts WHERE post_id = p.id) AS c
         WHERE p.id = ANY($1) AND p.deleted_at IS NULL",
    )
    .bind(rows::posts(ids))
    .bind(FEW_MARKS)
    .fetch_all(conn)
    .await
    .sql()?;
    let posts = found.iter().map(|row| rows::post(row).map(|post| (post.id, Arc::new(post))));
    let posts: HashMap<PostId, Arc<Post>> = posts.collect::<Result<_>>()?;
    Ok(ids.iter().map(|id| posts.get(id).cloned()).collect())
}

/// Rows are compared as pairs, and sorted by both, so that no plan but a walk down the author's index will do: a planner
/// that takes an author for a busy one walks through everybody's posts otherwise. Each sight has an index that holds just
/// its posts, so that a page costs the same whatever else the author wrote.
pub(super) const PUBLIC_BY_AUTHOR: &str = "SELECT id FROM posts
     WHERE author_id >= $1 AND (author_id, id) < ($1, $2) AND deleted_at IS NULL AND visibility IN (1, 3)
     ORDER BY author_id DESC, id DESC LIMIT $3";
/// As [`PUBLIC_BY_AUTHOR`].
pub(super) const FOR_FOLLOWERS_BY_AUTHOR: &str = "SELECT id FROM posts
     WHERE author_id >= $1 AND (author_id, id) < ($1, $2) AND deleted_at IS NULL AND visibility <> 4
     ORDER BY author_id DESC, id DESC LIMIT $3";
/// As [`PUBLIC_BY_AUTHOR`].
pub(super) const ALL_BY_AUTHOR: &str =
    "SELECT id FROM posts WHERE author_id >= $1 AND (author_id, id) < ($1, $2) AND deleted_at IS NULL
     ORDER BY author_id DESC, id DESC LIMIT $3";

pub(super) async fn ids_by_author(
    conn: &mut PgConnection,
    author: AccountId,
    sight: Sight,
    before: PostId,
    limit: usize,
) -> Result<Vec<PostId>> {
    let sql = match sight {
        Sight::Nothing | Sight::Mentions => return Ok(Vec::new()),
        Sight::Followers => FOR_FOLLOWERS_BY_AUTHOR,
        Sight::Public => PUBLIC_BY_AUTHOR,
        Sight::Everything => ALL_BY_AUTHOR,
    };
    let ids: Vec<i64> =
        sqlx::query_scalar(sql).bind(author.0).bind(before.0).bind(rows::limit(limit)).fetch_all(conn).await.sql()?;
    Ok(ids.into_iter().map(PostId).collect())
}

/// As [`PUBLIC_BY_AUTHOR`], of posts that reply to nothing and are of these visibilities.
pub(super) const OPENERS_BY_AUTHOR: &str = "SELECT id FROM posts
     WHERE author_id >= $1 AND (author_id, id) < ($1, $2) AND deleted_at IS NULL AND reply_to_id IS NULL
       AND visibility = ANY($4)
     ORDER BY author_id DESC, id DESC LIMIT $3";

/// As [`OPENERS_BY_AUTHOR`], of posts with media; also of those that reply to something, if `$5`.
pub(super) const MEDIA_BY_AUTHOR: &str = "SELECT id FROM posts
     WHERE author_id >= $1 AND (author_id, id) < ($1, $2) AND deleted_at IS NULL AND media IS NOT NULL
       AND visibility = ANY($4) AND ($5 OR reply_to_id IS NULL)
     ORDER BY author_id DESC, id DESC LIMIT $3";

pub(super) async fn some_by_author(
    conn: &mut PgConnection,
    author: AccountId,
    sight: Sight,
    only: Only,
    before: PostId,
    limit: usize,
) -> Result<Vec<PostId>> {
    let shown: &[i16] = match sight {
        Sight::Nothing | Sight::Mentions => return Ok(Vec::new()),
        Sight::Public => &[1, 3],
        Sight::Followers => &[1, 2, 3],
        Sight::Everything => &[1, 2, 3, 4],
    };
    let sql = match (only.media, only.openers) {
        (true, _) => MEDIA_BY_AUTHOR,
        (false, true) => OPENERS_BY_AUTHOR,
        (false, false) => return ids_by_author(conn, author, sight, before, limit).await,
    };
    let query = sqlx::query_scalar(sql).bind(author.0).bind(before.0).bind(rows::limit(limit)).bind(shown);
    let query = if only.media { query.bind(!only.openers) } else { query };
    let ids: Vec<i64> = query.fetch_all(conn).await.sql()?;
    Ok(ids.into_iter().map(PostId).collect())
}

/// As [`PUBLIC_BY_AUTHOR`], down the index of what quotes a post.
pub(super) const QUOTES: &str = "SELECT id FROM posts
     WHERE quote_of_id >= $1 AND (quote_of_id, id) < ($1, $2) AND deleted_at IS NULL
     ORDER BY quote_of_id DESC, id DESC LIMIT $3";

pub(super) async fn quotes(conn: &mut PgConnection, post: PostId, before: PostId, limit: usize) -> Result<Vec<PostId>> {
    let ids: Vec<i64> =
        sqlx::query_scalar(QUOTES).bind(post.0).bind(before.0).bind(rows::limit(limit)).fetch_all(conn).await.sql()?;
    Ok(ids.into_iter().map(PostId).collect())
}

pub(super) async fn recount(conn: &mut PgConnection, post: PostId) -> Result<Option<Counts>> {
    let counted: Option<(i64, i64, i64, i64, i64)> = sqlx::query_as(
        "SELECT (SELECT count(*) FROM marks WHERE post_id = p.id AND kind = 1),
                (SELECT count(*) FROM posts AS r WHERE r.reply_to_id = p.id AND r.deleted_at IS NULL),
                (SELECT count(*) FROM marks WHERE post_id = p.id AND kind = 2),
                (SELECT count(*) FROM posts AS q WHERE q.quote_of_id = p.id AND q.deleted_at IS NULL),
                (SELECT count(*) FROM marks WHERE post_id = p.id AND kind = 3)
         FROM posts AS p WHERE p.id = $1 AND p.deleted_at IS NULL",
    )
    .bind(post.0)
    .fetch_optional(conn)
    .await
    .sql()?;
    let counts = |(likes, replies, reposts, quotes, bookmarks)| Counts { likes, replies, reposts, quotes, bookmarks };
    Ok(counted.map(counts))
}

/// Each step of the recursions jumps to the next account in an index, past all rows of the one before.
pub(super) async fn held(conn: &mut PgConnection, after: AccountId, limit: usize) -> Result<Vec<AccountId>> {
    let held: Vec<i64> = sqlx::query_scalar(
        "WITH RECURSIVE
         authors (id) AS (
            (SELECT author_id FROM posts WHERE author_id > $1 AND deleted_at IS NULL ORDER BY author_id LIMIT 1)
            UNION ALL
            SELECT (SELECT author_id FROM posts WHERE author_id > authors.id AND deleted_at IS NULL
                    ORDER BY author_id LIMIT 1)
            FROM authors WHERE authors.id IS NOT NULL),
         buried (id) AS (
            (SELECT author_id FROM graves WHERE author_id > $1 ORDER BY author_id LIMIT 1)
            UNION ALL
            SELECT (SELECT author_id FROM graves WHERE author_id > buried.id ORDER BY author_id LIMIT 1)
            FROM buried WHERE buried.id IS NOT NULL),
         drafters (id) AS (
            (SELECT account_id FROM drafts WHERE account_id > $1 ORDER BY account_id LIMIT 1)
            UNION ALL
            SELECT (SELECT account_id FROM drafts WHERE account_id > drafters.id ORDER BY account_id LIMIT 1)
            FROM drafters WHERE drafters.id IS NOT NULL),
         markers (id) AS (
            (SELECT account_id FROM marks WHERE account_id > $1 ORDER BY account_id LIMIT 1)
            UNION ALL
            SELECT (SELECT account_id FROM marks WHERE account_id > markers.id ORDER BY account_id LIMIT 1)
            FROM markers WHERE markers.id IS NOT NULL),
         voters (id) AS (
            (SELECT account_id FROM votes WHERE account_id > $1 ORDER BY account_id LIMIT 1)
            UNION ALL
            SELECT (SELECT account_id FROM votes WHERE account_id > voters.id ORDER BY account_id LIMIT 1)
            FROM voters WHERE voters.id IS NOT NULL)
         SELECT id FROM (
            (SELECT id FROM authors WHERE id IS NOT NULL LIMIT $2)
            UNION
            (SELECT id FROM buried WHERE id IS NOT NULL LIMIT $2)
            UNION
            (SELECT id FROM drafters WHERE id IS NOT NULL LIMIT $2)
            UNION
            (SELECT id FROM markers WHERE id IS NOT NULL LIMIT $2)
            UNION
            (SELECT id FROM voters WHERE id IS NOT NULL LIMIT $2)) AS either
         ORDER BY id LIMIT $2",
    )
    .bind(after.0)
    .bind(rows::limit(limit))
    .fetch_all(conn)
    .await
    .sql()?;
    Ok(held.into_iter().map(AccountId).collect())
}

pub(super) async fn held_among(conn: &mut PgConnection, accounts: &[AccountId]) -> Result<Vec<AccountId>> {
    let held: Vec<i64> = sqlx::query_scalar(
        "SELECT id FROM unnest($1::int8[]) AS account (id)
         WHERE EXISTS (SELECT 1 FROM posts WHERE author_id = account.id AND deleted_at IS NULL)
            OR EXISTS (SELECT 1 FROM graves WHERE author_id = account.id)
            OR EXISTS (SELECT 1 FROM drafts WHERE account_id = account.id)
            OR EXISTS (SELECT 1 FROM marks WHERE account_id = account.id)
            OR EXISTS (SELECT 1 FROM votes WHERE account_id = account.id)",
    )
    .bind(rows::accounts(accounts))
    .fetch_all(conn)
    .await
    .sql()?;
    Ok(held.into_iter().map(AccountId).collect())
}
