//! Likes set and taken back: all of a batch by one statement.

use std::collections::{HashMap, HashSet};

use plaza_core::{AccountId, Env, Error, PostId, Result, reason};
use plaza_events::{NewEvent, outbox};
use plaza_proto::posts::v1::{PostLiked, PostUnliked};
use plaza_stores::PgResultExt as _;
use sqlx::PgConnection;

use super::batch::{Done, Job, Work};
use super::locks::Locks;
use crate::store::{Changed, LikeChange, Liked};

impl Work for LikeChange {
    type Outcome = Liked;

    async fn lock(conn: &mut PgConnection, jobs: &[&Job<Self>]) -> Result<()> {
        let mut locks = Locks::default();
        for job in jobs {
            // Not shared: what an account likes changes in one order, that of the events about it.
            locks.own_account(job.work.account);
            locks.share_post(job.work.post);
        }
        locks.take(conn).await
    }

    async fn perform(conn: &mut PgConnection, env: &Env, jobs: &[&Job<Self>]) -> Result<Vec<Result<Done<Liked>>>> {
        let mut known = Known::read(conn, jobs).await?;
        let before = known.likes.clone();
        // One after the other, though all are written together: each finds what the one before left.
        let applied: Vec<Result<Applied>> = jobs.iter().map(|job| known.apply(job.work)).collect();
        write(conn, env, &before, &known.likes).await?;
        let events = jobs.iter().zip(&applied).filter_map(|(job, applied)| {
            applied.as_ref().ok().filter(|applied| applied.is_new).map(|applied| event(env, job, applied.author))
        });
        let mut positions = outbox::postgres::append_many(conn, &events.collect::<Vec<_>>()).await?.into_iter();
        let done = jobs.iter().zip(applied).map(|(job, applied)| {
            let Applied { is_new, likes, .. } = applied?;
            let position = if is_new { positions.next() } else { None };
            let posts = position.map(|_| job.work.post).into_iter().collect();
            Ok(Done { outcome: Liked { likes, position }, changed: Changed { posts, authors: Vec::new() } })
        });
        Ok(done.collect())
    }
}

fn event(env: &Env, job: &Job<LikeChange>, author: AccountId) -> NewEvent {
    let LikeChange { post, account, like } = job.work;
    let (post_id, author_id, account_id) = (post.0, author.0, account.0);
    if like {
        job.event(env, post, &PostLiked { post_id, author_id, account_id })
    } else {
        job.event(env, post, &PostUnliked { post_id, author_id, account_id })
    }
}

/// What a change came to.
struct Applied {
    author: AccountId,
    /// Whether it changed anything.
    is_new: bool,
    /// How many like the post now.
    likes: i64,
}

/// What a batch has to know before it writes.
struct Known {
    /// Accounts that were erased.
    gone: HashSet<AccountId>,
    /// Living posts, with their authors and how many like them.
    posts: HashMap<PostId, (AccountId, i64)>,
    /// The likes there are, of those that the batch is about.
    likes: HashSet<(PostId, AccountId)>,
}

impl Known {
    async fn read(conn: &mut PgConnection, jobs: &[&Job<LikeChange>]) -> Result<Self> {
        let (posts, accounts): (Vec<i64>, Vec<i64>) =
            jobs.iter().map(|job| (job.work.post.0, job.work.account.0)).unzip();
        let rows: Vec<(i32, i64, i64, i64)> = sqlx::query_as(
            "SELECT 0, account_id, 0::int8, 0::int8 FROM gone WHERE account_id = ANY($2)
             UNION ALL
             SELECT 1, p.id, p.author_id, (SELECT coalesce(sum(likes), 0) FROM post_counts WHERE post_id = p.id)
             FROM posts AS p WHERE p.id = ANY($1) AND p.deleted_at IS NULL
             UNION ALL
             SELECT 2, l.post_id, l.account_id, 0
             FROM unnest($1::int8[], $2::int8[]) AS named (post_id, account_id)
             JOIN likes AS l ON l.post_id = named.post_id AND l.account_id = named.account_id",
        )
        .bind(posts)
        .bind(accounts)
        .fetch_all(conn)
        .await
        .sql()?;
        let mut known = Self { gone: HashSet::new(), posts: HashMap::new(), likes: HashSet::new() };
        for row in rows {
            match row {
                (0, account, ..) => drop(known.gone.insert(AccountId(account))),
                (1, post, author, likes) => drop(known.posts.insert(PostId(post), (AccountId(author), likes))),
                (_, post, account, _) => drop(known.likes.insert((PostId(post), AccountId(account)))),
            }
        }
        Ok(known)
    }

    fn apply(&mut self, LikeChange { post, account, like }: LikeChange) -> Result<Applied> {
        if self.gone.contains(&account) {
            return Err(Error::new(reason::ACCOUNT_NOT_FOUND));
        }
        let (author, likes) = self.posts.get_mut(&post).ok_or_else(|| Error::new(reason::POST_NOT_FOUND))?;
        let is_new = if like { self.likes.insert((post, account)) } else { self.likes.remove(&(post, account)) };
        if is_new {
            *likes += if like { 1 } else { -1 };
        }
        Ok(Applied { author: *author, is_new, likes: *likes })
    }
}

/// Makes the likes that were `before` what they are `now`, and counts, in one statement.
async fn write(
    conn: &mut PgConnection,
    env: &Env,
    before: &HashSet<(PostId, AccountId)>,
    now: &HashSet<(PostId, AccountId)>,
) -> Result<()> {
    let columns = |(post, account): &(PostId, AccountId)| (post.0, account.0);
    let (liked, likers): (Vec<i64>, Vec<i64>) = now.difference(before).map(columns).unzip();
    let (unliked, unlikers): (Vec<i64>, Vec<i64>) = before.difference(now).map(columns).unzip();
    if liked.is_empty() && unliked.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "WITH added AS (
            INSERT INTO likes (post_id, account_id, at)
            SELECT post_id, account_id, $5 FROM unnest($1::int8[], $2::int8[]) AS added (post_id, account_id)),
         removed AS (
            DELETE FROM likes AS l USING unnest($3::int8[], $4::int8[]) AS removed (post_id, account_id)
            WHERE l.post_id = removed.post_id AND l.account_id = removed.account_id)
         INSERT INTO post_counts AS c (post_id, likes)
         SELECT post_id, sum(more) FROM (
            SELECT post_id, 1 AS more FROM unnest($1::int8[]) AS added (post_id)
            UNION ALL
            SELECT post_id, -1 FROM unnest($3::int8[]) AS removed (post_id)) AS changed
         GROUP BY 1 HAVING sum(more) <> 0 ORDER BY 1
         ON CONFLICT (post_id, stripe) DO UPDATE SET likes = c.likes + excluded.likes",
    )
    .bind(liked)
    .bind(likers)
    .bind(unliked)
    .bind(unlikers)
    .bind(env.now().0)
    .execute(conn)
    .await
    .sql()?;
    Ok(())
}
