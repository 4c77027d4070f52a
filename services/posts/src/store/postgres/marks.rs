//! Likes, reposts and bookmarks: all changes of a batch by one statement; and lists of them.

use std::collections::{BTreeMap, HashMap, HashSet};

use plaza_core::{AccountId, Env, Error, PostId, Result, reason};
use plaza_events::{NewEvent, outbox};
use plaza_proto::posts::v1::{PostBookmarked, PostLiked, PostUnbookmarked, PostUnliked, RepostUndone, Reposted};
use plaza_stores::PgResultExt as _;
use sqlx::PgConnection;

use super::batch::{Done, Job, Work};
use super::locks::Locks;
use super::rows;
use crate::domain::{Counts, Mark};
use crate::store::{Changed, MarkChange, Marked, Place, columns};

impl Work for MarkChange {
    type Outcome = Marked;

    async fn lock(conn: &mut PgConnection, jobs: &[&Job<Self>]) -> Result<()> {
        let mut locks = Locks::default();
        for job in jobs {
            // Not shared: what an account marks changes in one order, that of the events about it.
            locks.own_account(job.work.account);
            locks.share_post(job.work.post);
        }
        locks.take(conn).await
    }

    async fn perform(conn: &mut PgConnection, env: &Env, jobs: &[&Job<Self>]) -> Result<Vec<Result<Done<Marked>>>> {
        let mut known = Known::read(conn, jobs).await?;
        let before = known.marks.clone();
        // One after the other, though all are written together: each finds what the one before left.
        let applied: Vec<Result<Applied>> = jobs.iter().map(|job| known.apply(env, job.work)).collect();
        write(conn, &before, &known.marks).await?;
        let events = jobs.iter().zip(&applied).filter_map(|(job, applied)| {
            let Applied { author, id, .. } = applied.as_ref().ok().filter(|applied| applied.is_new)?;
            Some(event(env, job, job.work, *author, *id))
        });
        let mut positions = outbox::postgres::append_many(conn, &events.collect::<Vec<_>>()).await?.into_iter();
        let done = jobs.iter().zip(applied).map(|(job, applied)| {
            let Applied { is_new, id, count, .. } = applied?;
            let position = if is_new { positions.next() } else { None };
            let posts = position.map(|_| job.work.post).into_iter().collect();
            Ok(Done { outcome: Marked { count, id, position }, changed: Changed { posts, authors: Vec::new() } })
        });
        Ok(done.collect())
    }
}

/// The event of a mark that was set or taken back.
pub(super) fn event<W>(env: &Env, job: &Job<W>, change: MarkChange, author: AccountId, repost_id: i64) -> NewEvent {
    let MarkChange { mark, post, account, set } = change;
    let (post_id, author_id, account_id) = (post.0, author.0, account.0);
    match (mark, set) {
        (Mark::Like, true) => job.event(env, post, &PostLiked { post_id, author_id, account_id }),
        (Mark::Like, false) => job.event(env, post, &PostUnliked { post_id, author_id, account_id }),
        (Mark::Repost, true) => job.event(env, post, &Reposted { post_id, author_id, account_id, repost_id }),
        (Mark::Repost, false) => job.event(env, post, &RepostUndone { post_id, author_id, account_id, repost_id }),
        (Mark::Bookmark, true) => job.event(env, post, &PostBookmarked { post_id, author_id }),
        (Mark::Bookmark, false) => job.event(env, post, &PostUnbookmarked { post_id, author_id }),
    }
}

/// What names a mark.
type Key = (PostId, AccountId, Mark);

/// What a change came to.
struct Applied {
    author: AccountId,
    /// Whether it changed anything.
    is_new: bool,
    /// The mark that is there, or that was.
    id: i64,
    /// How many mark the post so now.
    count: i64,
}

/// What a batch has to know before it writes.
struct Known {
    /// Accounts that were erased.
    gone: HashSet<AccountId>,
    /// Living posts, with their authors and counters of marks.
    posts: HashMap<PostId, (AccountId, Counts)>,
    /// The marks there are, of those that the batch is about, with their ids.
    marks: HashMap<Key, i64>,
    /// The highest id of all posts.
    highest: i64,
}

impl Known {
    async fn read(conn: &mut PgConnection, jobs: &[&Job<MarkChange>]) -> Result<Self> {
        let (posts, accounts): (Vec<i64>, Vec<i64>) =
            jobs.iter().map(|job| (job.work.post.0, job.work.account.0)).unzip();
        let rows: Vec<(i32, i64, i64, i64, i64, i64)> = sqlx::query_as(
            "SELECT 0, account_id, 0::int8, 0::int8, 0::int8, 0::int8 FROM gone WHERE account_id = ANY($2)
             UNION ALL
             SELECT 1, p.id, p.author_id, c.likes, c.reposts, c.bookmarks
             FROM posts AS p CROSS JOIN LATERAL (
                SELECT coalesce(sum(likes), 0) AS likes, coalesce(sum(reposts), 0) AS reposts,
                       coalesce(sum(bookmarks), 0) AS bookmarks
                FROM post_counts WHERE post_id = p.id) AS c
             WHERE p.id = ANY($1) AND p.deleted_at IS NULL
             UNION ALL
             SELECT DISTINCT 2, m.post_id, m.account_id, m.kind::int8, m.id, 0
             FROM unnest($1::int8[], $2::int8[]) AS named (post_id, account_id)
             JOIN marks AS m ON m.post_id = named.post_id AND m.account_id = named.account_id
             UNION ALL
             SELECT 3, coalesce(max(id), 0), 0, 0, 0, 0 FROM posts",
        )
        .bind(posts)
        .bind(accounts)
        .fetch_all(conn)
        .await
        .sql()?;
        let mut known = Self { gone: HashSet::new(), posts: HashMap::new(), marks: HashMap::new(), highest: 0 };
        for row in rows {
            match row {
                (0, account, ..) => drop(known.gone.insert(AccountId(account))),
                (1, post, author, likes, reposts, bookmarks) => {
                    let counts = Counts { likes, reposts, bookmarks, ..Counts::default() };
                    known.posts.insert(PostId(post), (AccountId(author), counts));
                }
                (2, post, account, kind, id, _) => {
                    let mark = columns::mark_of(i16::try_from(kind).unwrap_or_default())?;
                    known.marks.insert((PostId(post), AccountId(account), mark), id);
                }
                (_, highest, ..) => known.highest = highest,
            }
        }
        Ok(known)
    }

    /// Ids lie above those of all posts that were published before, whichever process did, as feeds mix the two.
    fn apply(&mut self, env: &Env, change: MarkChange) -> Result<Applied> {
        let MarkChange { mark, post, account, set } = change;
        if self.gone.contains(&account) {
            return Err(Error::new(reason::ACCOUNT_NOT_FOUND));
        }
        let (author, counts) = self.posts.get_mut(&post).ok_or_else(|| Error::new(reason::POST_NOT_FOUND))?;
        let (key, count) = ((post, account, mark), counts.of_mut(mark));
        let before = self.marks.get(&key).copied();
        let is_new = before.is_some() != set;
        let id = match before {
            Some(id) => id,
            None if set => env.next_id_above(self.highest),
            None => 0,
        };
        if is_new && set {
            self.marks.insert(key, id);
            *count += 1;
        } else if is_new {
            self.marks.remove(&key);
            *count -= 1;
        }
        Ok(Applied { author: *author, is_new, id, count: *count })
    }
}

/// Makes the marks that were `before` what they are `now`, and counts, in one statement.
async fn write(conn: &mut PgConnection, before: &HashMap<Key, i64>, now: &HashMap<Key, i64>) -> Result<()> {
    let set: Vec<(Key, i64)> =
        now.iter().filter(|(key, id)| before.get(*key) != Some(*id)).map(|(key, id)| (*key, *id)).collect();
    let unset: Vec<Key> = before.keys().filter(|key| !now.contains_key(*key)).copied().collect();
    if set.is_empty() && unset.is_empty() {
        return Ok(());
    }
    let mut more: BTreeMap<PostId, Counts> = BTreeMap::new();
    for ((post, _, mark), _) in set.iter().filter(|(key, _)| !before.contains_key(key)) {
        *more.entry(*post).or_default().of_mut(*mark) += 1;
    }
    for (post, _, mark) in &unset {
        *more.entry(*post).or_default().of_mut(*mark) -= 1;
    }
    let counted = |mark: Mark| more.values().map(|counts| counts.of(mark)).collect::<Vec<i64>>();
    sqlx::query(
        "WITH added AS (
            INSERT INTO marks (post_id, account_id, kind, id)
            SELECT * FROM unnest($1::int8[], $2::int8[], $3::int2[], $4::int8[])
            ON CONFLICT (post_id, account_id, kind) DO UPDATE SET id = excluded.id),
         removed AS (
            DELETE FROM marks AS m
            USING unnest($5::int8[], $6::int8[], $7::int2[]) AS removed (post_id, account_id, kind)
            WHERE m.post_id = removed.post_id AND m.account_id = removed.account_id AND m.kind = removed.kind)
         INSERT INTO post_counts AS c (post_id, likes, reposts, bookmarks)
         SELECT * FROM unnest($8::int8[], $9::int8[], $10::int8[], $11::int8[])
            AS changed (post_id, likes, reposts, bookmarks)
         WHERE likes <> 0 OR reposts <> 0 OR bookmarks <> 0 ORDER BY 1
         ON CONFLICT (post_id, stripe) DO UPDATE
         SET likes = c.likes + excluded.likes, reposts = c.reposts + excluded.reposts,
             bookmarks = c.bookmarks + excluded.bookmarks",
    )
    .bind(set.iter().map(|((post, ..), _)| post.0).collect::<Vec<_>>())
    .bind(set.iter().map(|((_, account, _), _)| account.0).collect::<Vec<_>>())
    .bind(set.iter().map(|((.., mark), _)| columns::mark(*mark)).collect::<Vec<_>>())
    .bind(set.iter().map(|(_, id)| *id).collect::<Vec<_>>())
    .bind(unset.iter().map(|(post, ..)| post.0).collect::<Vec<_>>())
    .bind(unset.iter().map(|(_, account, _)| account.0).collect::<Vec<_>>())
    .bind(unset.iter().map(|(.., mark)| columns::mark(*mark)).collect::<Vec<_>>())
    .bind(more.keys().map(|post| post.0).collect::<Vec<_>>())
    .bind(counted(Mark::Like))
    .bind(counted(Mark::Repost))
    .bind(counted(Mark::Bookmark))
    .execute(conn)
    .await
    .sql()?;
    Ok(())
}

pub(super) async fn marked(conn: &mut PgConnection, account: AccountId, ids: &[PostId]) -> Result<Vec<(PostId, Mark)>> {
    let marked: Vec<(i64, i16)> =
        sqlx::query_as("SELECT post_id, kind FROM marks WHERE account_id = $1 AND post_id = ANY($2)")
            .bind(account.0)
            .bind(rows::posts(ids))
            .fetch_all(conn)
            .await
            .sql()?;
    marked.into_iter().map(|(post, kind)| Ok((PostId(post), columns::mark_of(kind)?))).collect()
}

/// Rows are compared whole, as in [`super::reads::ALL_BY_AUTHOR`], so that the plan is a walk down an index.
pub(super) const MARKERS: &str = "SELECT id, account_id FROM marks
     WHERE post_id >= $1 AND (post_id, kind) >= ($1, $2) AND (post_id, kind, id, account_id) < ($1, $2, $3, $4)
     ORDER BY post_id DESC, kind DESC, id DESC, account_id DESC LIMIT $5";
/// As [`MARKERS`].
pub(super) const MARKED_BY: &str = "SELECT id, post_id FROM marks
     WHERE account_id >= $1 AND (account_id, kind) >= ($1, $2) AND (account_id, kind, id, post_id) < ($1, $2, $3, $4)
     ORDER BY account_id DESC, kind DESC, id DESC, post_id DESC LIMIT $5";

pub(super) async fn markers(
    conn: &mut PgConnection,
    post: PostId,
    mark: Mark,
    before: Place<AccountId>,
    limit: usize,
) -> Result<Vec<Place<AccountId>>> {
    let found = places(conn, MARKERS, post.0, mark, (before.id, before.of.0), limit).await?;
    Ok(found.into_iter().map(|(id, of)| Place { id, of: AccountId(of) }).collect())
}

pub(super) async fn marked_by(
    conn: &mut PgConnection,
    account: AccountId,
    mark: Mark,
    before: Place<PostId>,
    limit: usize,
) -> Result<Vec<Place<PostId>>> {
    let found = places(conn, MARKED_BY, account.0, mark, (before.id, before.of.0), limit).await?;
    Ok(found.into_iter().map(|(id, of)| Place { id, of: PostId(of) }).collect())
}

async fn places(
    conn: &mut PgConnection,
    sql: &'static str,
    end: i64,
    mark: Mark,
    before: (i64, i64),
    limit: usize,
) -> Result<Vec<(i64, i64)>> {
    sqlx::query_as(sql)
        .bind(end)
        .bind(columns::mark(mark))
        .bind(before.0)
        .bind(before.1)
        .bind(rows::limit(limit))
        .fetch_all(conn)
        .await
        .sql()
}
