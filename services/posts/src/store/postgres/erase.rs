//! Erasing what is held of accounts that are gone.

use plaza_core::{AccountId, Env, PostId, Result};
use plaza_events::{NewEvent, outbox};
use plaza_stores::PgResultExt as _;
use sqlx::postgres::PgArguments;
use sqlx::query::QueryScalar;
use sqlx::{PgConnection, Postgres};

use super::batch::{Done, Job, Work};
use super::bury::{self, Deletion};
use super::locks::Locks;
use super::{marks, polls, prune, reads, rows};
use crate::store::{Changed, END, MarkChange, columns};

/// What of an account is erased.
#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    Posts,
    Marks,
    Votes,
}

/// Up to `limit` posts or marks of an account that is gone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Erasure {
    pub(super) account: AccountId,
    pub(super) what: What,
    pub(super) limit: usize,
}

impl Work for Erasure {
    /// How many there were.
    type Outcome = usize;

    async fn lock(conn: &mut PgConnection, jobs: &[&Job<Self>]) -> Result<()> {
        let mut locks = Locks::default();
        for job in jobs {
            locks.own_account(job.work.account);
        }
        locks.take(conn).await
    }

    async fn perform(conn: &mut PgConnection, env: &Env, jobs: &[&Job<Self>]) -> Result<Vec<Result<Done<usize>>>> {
        let mut done = Vec::with_capacity(jobs.len());
        for job in jobs {
            done.push(Ok(match job.work.what {
                What::Posts => erase_posts(conn, env, job).await?,
                What::Marks => erase_marks(conn, env, job).await?,
                What::Votes => erase_votes(conn, env, job).await?,
            }));
        }
        Ok(done)
    }
}

/// A write: to be called when all locks are held, see [`super::locks`].
async fn mark_gone(conn: &mut PgConnection, account: AccountId) -> Result<()> {
    let insert = "INSERT INTO gone (account_id) VALUES ($1) ON CONFLICT DO NOTHING";
    sqlx::query(insert).bind(account.0).execute(conn).await.sql()?;
    Ok(())
}

async fn erase_posts(conn: &mut PgConnection, env: &Env, job: &Job<Erasure>) -> Result<Done<usize>> {
    let author = job.work.account;
    let newest = sqlx::query_scalar(reads::ALL_BY_AUTHOR).bind(author.0).bind(END.0);
    let posts = ids(conn, newest.bind(rows::limit(job.work.limit))).await?;
    bury::lock(conn, &posts).await?;
    mark_gone(conn, author).await?;
    let doomed: Vec<Deletion> = posts.iter().map(|post| Deletion { post: *post, author, restorable: false }).collect();
    let tombs = bury::bury(conn, env, &doomed).await?;
    let mut changed = Changed::default();
    for tomb in &tombs {
        tomb.add_to(&mut changed);
    }
    let events: Vec<NewEvent> = tombs.iter().map(|tomb| job.event(env, tomb.post, &tomb.event())).collect();
    outbox::postgres::append_many(conn, &events).await?;
    let drafts = "DELETE FROM drafts WHERE account_id = $1";
    sqlx::query(drafts).bind(author.0).execute(&mut *conn).await.sql()?;
    let graves = sqlx::query_scalar("SELECT post_id FROM graves WHERE author_id = $1 LIMIT $2").bind(author.0);
    let graves = ids(conn, graves.bind(rows::limit(job.work.limit - posts.len()))).await?;
    prune::purge(conn, &graves).await?;
    Ok(Done { outcome: posts.len() + graves.len(), changed })
}

async fn erase_marks(conn: &mut PgConnection, env: &Env, job: &Job<Erasure>) -> Result<Done<usize>> {
    let account = job.work.account;
    // Pairs, as in [`reads::ALL_BY_AUTHOR`].
    let marks: Vec<(i64, i16)> = sqlx::query_as(
        "SELECT post_id, kind FROM marks WHERE account_id <= $1 AND (account_id, kind) > ($1, 0)
         ORDER BY account_id, kind, id LIMIT $2",
    )
    .bind(account.0)
    .bind(rows::limit(job.work.limit))
    .fetch_all(&mut *conn)
    .await
    .sql()?;
    let mut locks = Locks::default();
    for (post, _) in &marks {
        locks.share_post(PostId(*post));
    }
    locks.take(conn).await?;
    mark_gone(conn, account).await?;
    let unmarked = unmark(conn, account, &marks).await?;
    let (mut events, mut changed) = (Vec::new(), Changed::default());
    for (post, author, kind, id) in unmarked {
        let change = MarkChange { mark: columns::mark_of(kind)?, post: PostId(post), account, set: false };
        events.push(marks::event(env, job, change, AccountId(author), id));
        changed.posts.push(change.post);
    }
    outbox::postgres::append_many(conn, &events).await?;
    Ok(Done { outcome: marks.len(), changed })
}

async fn erase_votes(conn: &mut PgConnection, env: &Env, job: &Job<Erasure>) -> Result<Done<usize>> {
    let account = job.work.account;
    let votes = polls::votes_of(conn, account, END, job.work.limit).await?;
    let posts: Vec<PostId> = votes.into_iter().map(|(post, _)| post).collect();
    let mut locks = Locks::default();
    for post in &posts {
        locks.share_post(*post);
    }
    locks.take(conn).await?;
    mark_gone(conn, account).await?;
    let living = polls::take_back(conn, account, &posts).await?;
    let events: Vec<NewEvent> = living.iter().map(|(post, author)| polls::event(env, job, *post, *author)).collect();
    outbox::postgres::append_many(conn, &events).await?;
    let changed = Changed { posts: living.into_iter().map(|(post, _)| post).collect(), authors: Vec::new() };
    Ok(Done { outcome: posts.len(), changed })
}

/// Takes these marks of an account back; of those of living posts returns post, author, kind and id. A deleted post has
/// no count, and nobody is to be told of it.
async fn unmark(
    conn: &mut PgConnection,
    account: AccountId,
    marks: &[(i64, i16)],
) -> Result<Vec<(i64, i64, i16, i64)>> {
    let (posts, kinds): (Vec<i64>, Vec<i16>) = marks.iter().copied().unzip();
    sqlx::query_as(
        "WITH removed AS (
            DELETE FROM marks AS m USING unnest($2::int8[], $3::int2[]) AS doomed (post_id, kind)
            WHERE m.account_id = $1 AND m.post_id = doomed.post_id AND m.kind = doomed.kind
            RETURNING m.post_id, m.kind, m.id),
         living AS (
            SELECT p.id, p.author_id, removed.kind, removed.id AS mark_id
            FROM removed JOIN posts AS p ON p.id = removed.post_id AND p.deleted_at IS NULL),
         counted AS (
            INSERT INTO post_counts AS c (post_id, likes, reposts, bookmarks)
            SELECT id, -count(*) FILTER (WHERE kind = 1), -count(*) FILTER (WHERE kind = 2),
                   -count(*) FILTER (WHERE kind = 3)
            FROM living GROUP BY 1 ORDER BY 1
            ON CONFLICT (post_id, stripe) DO UPDATE
            SET likes = c.likes + excluded.likes, reposts = c.reposts + excluded.reposts,
                bookmarks = c.bookmarks + excluded.bookmarks)
         SELECT id, author_id, kind, mark_id FROM living ORDER BY id, kind",
    )
    .bind(account.0)
    .bind(posts)
    .bind(kinds)
    .fetch_all(conn)
    .await
    .sql()
}

async fn ids(conn: &mut PgConnection, query: QueryScalar<'_, Postgres, i64, PgArguments>) -> Result<Vec<PostId>> {
    Ok(query.fetch_all(conn).await.sql()?.into_iter().map(PostId).collect())
}
