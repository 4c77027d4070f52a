//! Erasing what is held of accounts that are gone.

use plaza_core::{AccountId, Env, PostId, Result};
use plaza_events::{NewEvent, outbox};
use plaza_proto::posts::v1::PostUnliked;
use plaza_stores::PgResultExt as _;
use sqlx::postgres::PgArguments;
use sqlx::query::QueryScalar;
use sqlx::{PgConnection, Postgres};

use super::batch::{Done, Job, Work};
use super::bury::{self, Deletion};
use super::locks::Locks;
use super::{reads, rows};
use crate::store::{Changed, END};

/// What of an account is erased.
#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    Posts,
    Likes,
}

/// Up to `limit` posts or likes of an account that is gone.
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
                What::Likes => erase_likes(conn, env, job).await?,
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
    let doomed: Vec<Deletion> = posts.iter().map(|post| Deletion { post: *post, author }).collect();
    let tombs = bury::bury(conn, env, &doomed).await?;
    let mut changed = Changed::default();
    for tomb in &tombs {
        tomb.add_to(&mut changed);
    }
    let events: Vec<NewEvent> = tombs.iter().map(|tomb| job.event(env, tomb.post, &tomb.event())).collect();
    outbox::postgres::append_many(conn, &events).await?;
    Ok(Done { outcome: posts.len(), changed })
}

async fn erase_likes(conn: &mut PgConnection, env: &Env, job: &Job<Erasure>) -> Result<Done<usize>> {
    let account = job.work.account;
    // Pairs, as in [`reads::ALL_BY_AUTHOR`].
    let liked = sqlx::query_scalar(
        "SELECT post_id FROM likes WHERE account_id <= $1 AND (account_id, post_id) > ($1, 0)
         ORDER BY account_id, post_id LIMIT $2",
    );
    let posts = ids(conn, liked.bind(account.0).bind(rows::limit(job.work.limit))).await?;
    let mut locks = Locks::default();
    for post in &posts {
        locks.share_post(*post);
    }
    locks.take(conn).await?;
    mark_gone(conn, account).await?;
    // A deleted post has no count, and nobody is to be told of it.
    let unliked: Vec<(i64, i64)> = sqlx::query_as(
        "WITH removed AS (
            DELETE FROM likes WHERE account_id = $1 AND post_id = ANY($2) RETURNING post_id),
         living AS (
            SELECT p.id, p.author_id FROM removed JOIN posts AS p ON p.id = removed.post_id AND p.deleted_at IS NULL),
         counted AS (
            INSERT INTO post_counts AS c (post_id, likes) SELECT id, -1 FROM living ORDER BY id
            ON CONFLICT (post_id, stripe) DO UPDATE SET likes = c.likes + excluded.likes)
         SELECT id, author_id FROM living ORDER BY id",
    )
    .bind(account.0)
    .bind(rows::posts(&posts))
    .fetch_all(&mut *conn)
    .await
    .sql()?;
    let event = |(post_id, author_id): &(i64, i64)| {
        let message = PostUnliked { post_id: *post_id, author_id: *author_id, account_id: account.0 };
        job.event(env, PostId(*post_id), &message)
    };
    let events: Vec<NewEvent> = unliked.iter().map(event).collect();
    outbox::postgres::append_many(conn, &events).await?;
    let changed = Changed { posts: unliked.iter().map(|(post, _)| PostId(*post)).collect(), authors: Vec::new() };
    Ok(Done { outcome: posts.len(), changed })
}

async fn ids(conn: &mut PgConnection, query: QueryScalar<'_, Postgres, i64, PgArguments>) -> Result<Vec<PostId>> {
    Ok(query.fetch_all(conn).await.sql()?.into_iter().map(PostId).collect())
}
