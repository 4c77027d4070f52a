//! Polls, and the votes of a batch by one statement.

use std::collections::{BTreeMap, HashMap, HashSet};

use plaza_core::{AccountId, Env, Error, PostId, Result, Timestamp, reason};
use plaza_events::{NewEvent, outbox};
use plaza_proto::posts::v1::PollVoted;
use plaza_stores::PgResultExt as _;
use sqlx::PgConnection;

use super::batch::{Done, Job, Work};
use super::locks::Locks;
use super::rows;
use crate::domain::{Choices, NewPoll, Results};
use crate::store::{Changed, Vote, Voted, columns};

impl Work for Vote {
    type Outcome = Voted;

    async fn lock(conn: &mut PgConnection, jobs: &[&Job<Self>]) -> Result<()> {
        let mut locks = Locks::default();
        for job in jobs {
            // Not shared: of two votes of an account the later one finds the other.
            locks.own_account(job.work.account);
            locks.share_post(job.work.post);
        }
        locks.take(conn).await
    }

    async fn perform(conn: &mut PgConnection, env: &Env, jobs: &[&Job<Self>]) -> Result<Vec<Result<Done<Voted>>>> {
        let (mut known, now) = (Known::read(conn, jobs).await?, env.now());
        // One after the other, though all are written together: each finds what the one before left.
        let taken: Vec<Result<(AccountId, Results)>> = jobs.iter().map(|job| known.take(now, job.work)).collect();
        write(conn, jobs.iter().zip(&taken).filter(|(_, taken)| taken.is_ok()).map(|(job, _)| job.work)).await?;
        let events = jobs.iter().zip(&taken).filter_map(|(job, taken)| {
            let (author, _) = taken.as_ref().ok()?;
            Some(event(env, job, job.work.post, *author))
        });
        let mut positions = outbox::postgres::append_many(conn, &events.collect::<Vec<_>>()).await?.into_iter();
        let done = jobs.iter().zip(taken).map(|(job, taken)| {
            let (_, Results { votes, voters }) = taken?;
            let position = positions.next().ok_or_else(|| Error::internal("a vote got no place in the outbox"))?;
            let changed = Changed { posts: vec![job.work.post], authors: Vec::new() };
            Ok(Done { outcome: Voted { votes, voters, position }, changed })
        });
        Ok(done.collect())
    }
}

/// The event of a poll whose results changed.
pub(super) fn event<W>(env: &Env, job: &Job<W>, post: PostId, author: AccountId) -> NewEvent {
    job.event(env, post, &PollVoted { post_id: post.0, author_id: author.0 })
}

/// A poll, as far as votes need it.
struct Asked {
    author: AccountId,
    closes_at: Timestamp,
    results: Results,
}

/// What a batch has to know before it writes.
struct Known {
    /// Accounts that were erased.
    gone: HashSet<AccountId>,
    /// Living posts, those that ask something with their polls.
    posts: HashMap<PostId, Option<Asked>>,
    /// The votes there are, of those that the batch is about.
    votes: HashSet<(PostId, AccountId)>,
}

impl Known {
    async fn read(conn: &mut PgConnection, jobs: &[&Job<Vote>]) -> Result<Self> {
        let (posts, accounts): (Vec<i64>, Vec<i64>) =
            jobs.iter().map(|job| (job.work.post.0, job.work.account.0)).unzip();
        // Counts come after the polls that they are of.
        let rows: Vec<(i32, i64, i64, i64, i64)> = sqlx::query_as(
            "SELECT 0 AS kind, account_id, 0::int8, 0::int8, 0::int8 FROM gone WHERE account_id = ANY($2)
             UNION ALL
             SELECT 1, p.id, p.author_id, coalesce(q.closes_at, 0), coalesce(json_array_length(q.options::json), 0)
             FROM posts AS p LEFT JOIN polls AS q ON q.post_id = p.id
             WHERE p.id = ANY($1) AND p.deleted_at IS NULL
             UNION ALL
             SELECT 2, v.post_id, v.account_id, 0, 0
             FROM unnest($1::int8[], $2::int8[]) AS named (post_id, account_id)
             JOIN votes AS v ON v.post_id = named.post_id AND v.account_id = named.account_id
             UNION ALL
             SELECT 3, post_id, option, sum(votes), 0 FROM poll_counts WHERE post_id = ANY($1) GROUP BY 2, 3
             ORDER BY kind",
        )
        .bind(posts)
        .bind(accounts)
        .fetch_all(conn)
        .await
        .sql()?;
        let mut known = Self { gone: HashSet::new(), posts: HashMap::new(), votes: HashSet::new() };
        for (kind, id, number, more, options) in rows {
            match kind {
                0 => drop(known.gone.insert(AccountId(id))),
                1 => drop(known.posts.insert(PostId(id), asked(number, more, options))),
                2 => drop(known.votes.insert((PostId(id), AccountId(number)))),
                _ => {
                    if let Some(Some(asked)) = known.posts.get_mut(&PostId(id)) {
                        columns::put_votes(&mut asked.results, i16::try_from(number).unwrap_or(i16::MAX), more);
                    }
                }
            }
        }
        Ok(known)
    }

    /// Takes a vote in; tells whose post it is about, and the results.
    fn take(&mut self, now: Timestamp, vote: Vote) -> Result<(AccountId, Results)> {
        let Vote { post, account, choices } = vote;
        if self.gone.contains(&account) {
            return Err(Error::new(reason::ACCOUNT_NOT_FOUND));
        }
        let asked = self.posts.get_mut(&post).ok_or_else(|| Error::new(reason::POST_NOT_FOUND))?;
        let asked = asked.as_mut().ok_or_else(|| Error::new(reason::POLL_NOT_FOUND))?;
        if self.votes.contains(&(post, account)) {
            return Err(Error::new(reason::ALREADY_VOTED));
        }
        if now >= asked.closes_at {
            return Err(Error::new(reason::POLL_CLOSED));
        }
        self.votes.insert((post, account));
        asked.results.add(choices, 1);
        Ok((asked.author, asked.results.clone()))
    }
}

fn asked(author: i64, closes_at: i64, options: i64) -> Option<Asked> {
    let options = usize::try_from(options).ok().filter(|options| *options > 0)?;
    Some(Asked { author: AccountId(author), closes_at: Timestamp(closes_at), results: Results::none(options) })
}

/// Keeps votes, and counts them.
async fn write(conn: &mut PgConnection, votes: impl Iterator<Item = Vote>) -> Result<()> {
    let votes: Vec<Vote> = votes.collect();
    if votes.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO votes (post_id, account_id, choices) SELECT * FROM unnest($1::int8[], $2::int8[], $3::int4[])",
    )
    .bind(votes.iter().map(|vote| vote.post.0).collect::<Vec<_>>())
    .bind(votes.iter().map(|vote| vote.account.0).collect::<Vec<_>>())
    .bind(votes.iter().map(|vote| vote.choices.bits()).collect::<Vec<_>>())
    .execute(&mut *conn)
    .await
    .sql()?;
    count(conn, votes.iter().map(|vote| (vote.post, vote.choices)), 1).await
}

/// Counts votes in the polls of living posts, each `more` times.
async fn count(conn: &mut PgConnection, votes: impl Iterator<Item = (PostId, Choices)>, more: i32) -> Result<()> {
    let mut counted: BTreeMap<(i64, i16), i32> = BTreeMap::new();
    for (post, choices) in votes {
        for option in columns::counted(choices) {
            *counted.entry((post.0, option)).or_default() += more;
        }
    }
    sqlx::query(
        "INSERT INTO poll_counts AS c (post_id, option, votes)
         SELECT * FROM unnest($1::int8[], $2::int2[], $3::int4[]) AS counted (post_id, option, votes) ORDER BY 1, 2
         ON CONFLICT (post_id, option, stripe) DO UPDATE SET votes = c.votes + excluded.votes",
    )
    .bind(counted.keys().map(|(post, _)| *post).collect::<Vec<_>>())
    .bind(counted.keys().map(|(_, option)| *option).collect::<Vec<_>>())
    .bind(counted.values().copied().collect::<Vec<_>>())
    .execute(conn)
    .await
    .sql()?;
    Ok(())
}

/// Keeps what new posts ask.
pub(super) async fn ask(conn: &mut PgConnection, polls: &[(PostId, &NewPoll)]) -> Result<()> {
    if polls.is_empty() {
        return Ok(());
    }
    let options = polls.iter().map(|(_, poll)| columns::encode_options(&poll.options)).collect::<Result<Vec<_>>>()?;
    sqlx::query(
        "INSERT INTO polls (post_id, options, multiple, hides, closes_at)
         SELECT * FROM unnest($1::int8[], $2::text[], $3::bool[], $4::bool[], $5::int8[])",
    )
    .bind(polls.iter().map(|(post, _)| post.0).collect::<Vec<_>>())
    .bind(options)
    .bind(polls.iter().map(|(_, poll)| poll.multiple).collect::<Vec<_>>())
    .bind(polls.iter().map(|(_, poll)| poll.hides).collect::<Vec<_>>())
    .bind(polls.iter().map(|(post, poll)| poll.closes(post.time()).0).collect::<Vec<_>>())
    .execute(conn)
    .await
    .sql()?;
    Ok(())
}

/// Refuses to change what a poll asks in which somebody has voted. The post's lock must be held.
pub(super) async fn no_votes(conn: &mut PgConnection, post: PostId) -> Result<()> {
    let voted = "SELECT EXISTS (SELECT 1 FROM votes WHERE post_id = $1)";
    let voted: bool = sqlx::query_scalar(voted).bind(post.0).fetch_one(conn).await.sql()?;
    if voted { Err(Error::new(reason::POLL_HAS_VOTES)) } else { Ok(()) }
}

/// Counts what was voted in the poll of a post that is back.
pub(super) async fn count_anew(conn: &mut PgConnection, post: PostId) -> Result<()> {
    let Some(Results { votes, voters }) = recount(conn, post).await? else { return Ok(()) };
    let counted = [voters].into_iter().chain(votes);
    sqlx::query(
        "INSERT INTO poll_counts (post_id, option, votes)
         SELECT $1, place - 2, votes FROM unnest($2::int8[]) WITH ORDINALITY AS counted (votes, place) WHERE votes > 0",
    )
    .bind(post.0)
    .bind(counted.collect::<Vec<_>>())
    .execute(conn)
    .await
    .sql()?;
    Ok(())
}

pub(super) async fn recount(conn: &mut PgConnection, post: PostId) -> Result<Option<Results>> {
    let options = "SELECT json_array_length(options::json) FROM polls WHERE post_id = $1";
    let options: Option<i32> = sqlx::query_scalar(options).bind(post.0).fetch_optional(&mut *conn).await.sql()?;
    let Some(options) = options else { return Ok(None) };
    let mut results = Results::none(usize::try_from(options).unwrap_or_default());
    let votes = "SELECT choices, count(*) FROM votes WHERE post_id = $1 GROUP BY choices";
    let votes: Vec<(i32, i64)> = sqlx::query_as(votes).bind(post.0).fetch_all(conn).await.sql()?;
    for (choices, count) in votes {
        results.add(Choices::of(choices), count);
    }
    Ok(Some(results))
}

/// Takes an account's votes about these posts back, which are locked; tells which of the posts live, and their authors. A
/// deleted post has no count, and nobody is to be told of it.
pub(super) async fn take_back(
    conn: &mut PgConnection,
    account: AccountId,
    posts: &[PostId],
) -> Result<Vec<(PostId, AccountId)>> {
    let removed: Vec<(i64, i64, i32)> = sqlx::query_as(
        "WITH removed AS (DELETE FROM votes WHERE account_id = $1 AND post_id = ANY($2) RETURNING post_id, choices)
         SELECT p.id, p.author_id, removed.choices
         FROM removed JOIN posts AS p ON p.id = removed.post_id AND p.deleted_at IS NULL ORDER BY p.id",
    )
    .bind(account.0)
    .bind(rows::posts(posts))
    .fetch_all(&mut *conn)
    .await
    .sql()?;
    count(conn, removed.iter().map(|(post, _, choices)| (PostId(*post), Choices::of(*choices))), -1).await?;
    Ok(removed.into_iter().map(|(post, author, _)| (PostId(post), AccountId(author))).collect())
}

pub(super) async fn votes(
    conn: &mut PgConnection,
    account: AccountId,
    ids: &[PostId],
) -> Result<Vec<(PostId, Choices)>> {
    let votes: Vec<(i64, i32)> =
        sqlx::query_as("SELECT post_id, choices FROM votes WHERE account_id = $1 AND post_id = ANY($2)")
            .bind(account.0)
            .bind(rows::posts(ids))
            .fetch_all(conn)
            .await
            .sql()?;
    Ok(votes.into_iter().map(|(post, choices)| (PostId(post), Choices::of(choices))).collect())
}

/// Pairs, as in [`super::reads::ALL_BY_AUTHOR`].
pub(super) const VOTES_OF: &str = "SELECT post_id, choices FROM votes
     WHERE account_id >= $1 AND (account_id, post_id) < ($1, $2) ORDER BY account_id DESC, post_id DESC LIMIT $3";

pub(super) async fn votes_of(
    conn: &mut PgConnection,
    account: AccountId,
    before: PostId,
    limit: usize,
) -> Result<Vec<(PostId, Choices)>> {
    let votes = sqlx::query_as(VOTES_OF).bind(account.0).bind(before.0).bind(rows::limit(limit));
    let votes: Vec<(i64, i32)> = votes.fetch_all(conn).await.sql()?;
    Ok(votes.into_iter().map(|(post, choices)| (PostId(post), Choices::of(choices))).collect())
}
