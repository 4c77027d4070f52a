//! Deleting: what lives becomes a tombstone, by one statement for all posts of a batch.

use std::collections::HashMap;

use plaza_core::{AccountId, Env, Error, PostId, Result, reason};
use plaza_events::outbox;
use plaza_proto::posts::v1::PostDeleted;
use plaza_stores::PgResultExt as _;
use sqlx::PgConnection;

use super::batch::{Done, Job, Work};
use super::locks::Locks;
use super::rows;
use crate::domain::Visibility;
use crate::store::{Changed, Deleted, columns};

/// How many marks of a deleted post one write removes at most.
pub(super) const MARKS_AT_ONCE: usize = 500;
/// How many marks of all the posts that one write deletes.
const MARKS_OF_ALL: usize = 4 * MARKS_AT_ONCE;

/// A post that somebody wants gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Deletion {
    pub(super) post: PostId,
    /// Only a post of this account is deleted.
    pub(super) author: AccountId,
    /// Whether to set aside what is needed to bring it back.
    pub(super) restorable: bool,
}

impl Work for Deletion {
    type Outcome = Deleted;

    fn apart(&self) -> Option<(PostId, AccountId)> {
        Some((self.post, self.author))
    }

    async fn lock(conn: &mut PgConnection, jobs: &[&Job<Self>]) -> Result<()> {
        let posts: Vec<PostId> = jobs.iter().map(|job| job.work.post).collect();
        lock(conn, &posts).await
    }

    async fn perform(conn: &mut PgConnection, env: &Env, jobs: &[&Job<Self>]) -> Result<Vec<Result<Done<Deleted>>>> {
        let doomed: Vec<Deletion> = jobs.iter().map(|job| job.work).collect();
        let tombs = bury(conn, env, &doomed).await?;
        let tombs: HashMap<PostId, Tomb> = tombs.into_iter().map(|tomb| (tomb.post, tomb)).collect();
        let tomb = |job: &Job<Self>| tombs.get(&job.work.post).filter(|tomb| tomb.author == job.work.author);
        let events: Vec<_> =
            jobs.iter().filter_map(|job| Some(job.event(env, job.work.post, &tomb(job)?.event()))).collect();
        let mut positions = outbox::postgres::append_many(conn, &events).await?.into_iter();
        let done = jobs.iter().map(|job| {
            let tomb = tomb(job).ok_or_else(no_post)?;
            let position = positions.next().ok_or_else(no_post)?;
            let mut changed = Changed::default();
            tomb.add_to(&mut changed);
            Ok(Done { outcome: Deleted { position }, changed })
        });
        Ok(done.collect())
    }
}

/// Post, author, what it replied to and quoted, visibility.
type Row = (i64, i64, Option<i64>, Option<i64>, i16);

/// What is left of a post.
pub(super) struct Tomb {
    pub(super) post: PostId,
    pub(super) author: AccountId,
    reply_to: Option<PostId>,
    quote_of: Option<PostId>,
    visibility: Visibility,
}

impl Tomb {
    pub(super) fn event(&self) -> PostDeleted {
        let number = |post: Option<PostId>| post.map_or(0, PostId::get);
        let (reply_to_id, quote_of_id) = (number(self.reply_to), number(self.quote_of));
        let visibility = columns::told(self.visibility);
        PostDeleted { post_id: self.post.0, author_id: self.author.0, reply_to_id, quote_of_id, visibility }
    }

    pub(super) fn add_to(&self, changed: &mut Changed) {
        changed.posts.extend(self.reply_to.into_iter().chain(self.quote_of).chain([self.post]));
        if !changed.authors.contains(&self.author) {
            changed.authors.push(self.author);
        }
    }
}

/// Waits for writes to these posts and keeps others out, and keeps what they answer alive.
pub(super) async fn lock(conn: &mut PgConnection, posts: &[PostId]) -> Result<()> {
    let targets: Vec<i64> = sqlx::query_scalar(
        "SELECT target FROM posts CROSS JOIN LATERAL (VALUES (reply_to_id), (quote_of_id)) AS answered (target)
         WHERE id = ANY($1) AND target IS NOT NULL AND deleted_at IS NULL",
    )
    .bind(rows::posts(posts))
    .fetch_all(&mut *conn)
    .await
    .sql()?;
    let mut locks = Locks::default();
    for post in posts {
        locks.own_post(*post);
    }
    for target in targets {
        locks.share_post(PostId(target));
    }
    locks.take(conn).await
}

/// Makes tombstones of those of `doomed` that live and belong to the author named; all must be locked. Their hashtags,
/// counters and marks go; if there are too many marks the rest is left to pruning, and so are votes. Of those that are to be restorable what
/// is needed for that is set aside, and their marks stay.
pub(super) async fn bury(conn: &mut PgConnection, env: &Env, doomed: &[Deletion]) -> Result<Vec<Tomb>> {
    let (posts, authors): (Vec<i64>, Vec<i64>) = doomed.iter().map(|d| (d.post.0, d.author.0)).unzip();
    let restorable: Vec<bool> = doomed.iter().map(|d| d.restorable).collect();
    let marks_of_each = (MARKS_OF_ALL / doomed.len().max(1)).clamp(1, MARKS_AT_ONCE);
    let tombs: Vec<Row> = sqlx::query_as(
        "WITH doomed AS (
            SELECT p.*, named.restorable
            FROM unnest($1::int8[], $2::int8[], $5::bool[]) AS named (id, author_id, restorable)
            JOIN posts AS p ON p.id = named.id AND p.author_id = named.author_id AND p.deleted_at IS NULL),
         graves AS (
            INSERT INTO graves (post_id, author_id, at, text, spans, warning, language, media)
            SELECT id, author_id, $3, text, spans, warning, language, media FROM doomed WHERE restorable),
         revisions AS (
            DELETE FROM revisions USING doomed WHERE revisions.post_id = doomed.id AND NOT doomed.restorable),
         polls AS (DELETE FROM polls USING doomed WHERE polls.post_id = doomed.id AND NOT doomed.restorable),
         pins AS (DELETE FROM pins USING doomed WHERE pins.account_id = doomed.author_id AND pins.post_id = doomed.id),
         buried AS (
            UPDATE posts AS p SET text = '', spans = NULL, warning = '', language = '', media = NULL,
                deleted_at = $3,
                kept = EXISTS (SELECT 1 FROM posts AS r
                               WHERE r.reply_to_id = p.id AND (r.deleted_at IS NULL OR r.kept))
            FROM doomed WHERE p.id = doomed.id
            RETURNING p.id, p.author_id, p.reply_to_id, p.quote_of_id, p.visibility, doomed.restorable),
         tags AS (DELETE FROM hashtags USING buried WHERE post_id = buried.id),
         counts AS (DELETE FROM post_counts USING buried WHERE post_id = buried.id),
         poll_counts AS (DELETE FROM poll_counts USING buried WHERE post_id = buried.id),
         answered AS (
            INSERT INTO post_counts AS c (post_id, replies, quotes)
            SELECT target.id, -sum(replies), -sum(quotes)
            FROM (SELECT reply_to_id, 1, 0 FROM buried UNION ALL SELECT quote_of_id, 0, 1 FROM buried)
                AS answer (target_id, replies, quotes)
            JOIN posts AS target ON target.id = answer.target_id AND target.deleted_at IS NULL
            WHERE target.id NOT IN (SELECT id FROM buried) GROUP BY 1 ORDER BY 1
            ON CONFLICT (post_id, stripe) DO UPDATE
            SET replies = c.replies + excluded.replies, quotes = c.quotes + excluded.quotes),
         unmarked AS (
            DELETE FROM marks AS m
            USING buried CROSS JOIN LATERAL (
                SELECT account_id, kind FROM marks WHERE post_id = buried.id LIMIT $4) AS part
            WHERE NOT buried.restorable AND m.post_id = buried.id AND m.account_id = part.account_id AND m.kind = part.kind
            RETURNING m.post_id),
         rest AS (
            INSERT INTO leftovers (post_id)
            SELECT post_id FROM unmarked GROUP BY 1 HAVING count(*) >= $4
            UNION
            SELECT id FROM buried
            WHERE NOT restorable AND EXISTS (SELECT 1 FROM votes WHERE votes.post_id = buried.id)
            ON CONFLICT DO NOTHING)
         SELECT id, author_id, reply_to_id, quote_of_id, visibility FROM buried ORDER BY id",
    )
    .bind(posts)
    .bind(authors)
    .bind(env.now().0)
    .bind(rows::limit(marks_of_each))
    .bind(restorable)
    .fetch_all(conn)
    .await
    .sql()?;
    let tomb = |(post, author, reply_to, quote_of, visibility): Row| Tomb {
        post: PostId(post),
        author: AccountId(author),
        reply_to: reply_to.map(PostId),
        quote_of: quote_of.map(PostId),
        visibility: columns::visibility_of(visibility),
    };
    Ok(tombs.into_iter().map(tomb).collect())
}

fn no_post() -> Error {
    Error::new(reason::POST_NOT_FOUND)
}
