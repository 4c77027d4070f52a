//! Polls and votes.

use plaza_core::{AccountId, Error, PostId, Result, Timestamp, reason};
use plaza_proto::posts::v1::PollVoted;
use plaza_stores::{Ids, SqlResultExt as _};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::reads::numbers;
use super::rows;
use super::writes::{Write, no_post};
use crate::domain::{Choices, NewPoll, Results};
use crate::store::{END, Vote, Voted, columns};

impl Write<'_> {
    /// Keeps what a new post asks.
    pub(super) fn ask(&self, post: PostId, poll: &NewPoll) -> Result<()> {
        let options = columns::encode_options(&poll.options)?;
        let closes_at = poll.closes(post.time()).0;
        let insert = "INSERT INTO polls (post_id, options, multiple, hides, closes_at) VALUES (?1, ?2, ?3, ?4, ?5)";
        self.run(insert, params![post.0, options, poll.multiple, poll.hides, closes_at]).map(drop)
    }

    pub(super) fn vote(&mut self, vote: Vote) -> Result<Voted> {
        let Vote { post, account, choices } = vote;
        self.present(account)?;
        let author = self.living(post)?.ok_or_else(no_post)?.author;
        let asked = asked(self.conn, post)?.ok_or_else(|| Error::new(reason::POLL_NOT_FOUND))?;
        if self.run("INSERT OR IGNORE INTO votes VALUES (?1, ?2, ?3)", (post.0, account.0, choices.bits()))? == 0 {
            return Err(Error::new(reason::ALREADY_VOTED));
        }
        if self.env.now() >= asked.closes_at {
            return Err(Error::new(reason::POLL_CLOSED));
        }
        self.count_vote(post, choices, 1)?;
        self.changed.posts.push(post);
        let position = self.emit(post, &PollVoted { post_id: post.0, author_id: author.0 })?;
        let Results { votes, voters } = results(self.conn, post, asked.options)?;
        Ok(Voted { votes, voters, position })
    }

    /// Counts a vote in the poll of a living post, or takes it off.
    fn count_vote(&self, post: PostId, choices: Choices, more: i64) -> Result<()> {
        for option in columns::counted(choices) {
            let update = "UPDATE poll_counts SET votes = votes + ?3 WHERE post_id = ?1 AND option = ?2";
            if self.run(update, (post.0, option, more))? == 0 {
                let insert = "INSERT INTO poll_counts (post_id, option, votes) VALUES (?1, ?2, ?3)";
                self.run(insert, (post.0, option, more))?;
            }
        }
        Ok(())
    }

    /// Refuses to change what a poll asks in which somebody has voted.
    pub(super) fn no_votes(&self, post: PostId) -> Result<()> {
        let mut statement = self.conn.prepare_cached("SELECT 1 FROM votes WHERE post_id = ?1").sql()?;
        if statement.exists([post.0]).sql()? { Err(Error::new(reason::POLL_HAS_VOTES)) } else { Ok(()) }
    }

    /// Counts what was voted in the poll of a post that is back.
    pub(super) fn count_votes_anew(&self, post: PostId) -> Result<()> {
        let mut statement = self.conn.prepare_cached("SELECT choices FROM votes WHERE post_id = ?1").sql()?;
        for choices in statement.query_map([post.0], |row| row.get(0)).sql()? {
            self.count_vote(post, Choices::of(choices.sql()?), 1)?;
        }
        Ok(())
    }

    /// Takes votes of an account back that is gone.
    pub(super) fn erase_votes(&mut self, account: AccountId, limit: usize) -> Result<usize> {
        self.mark_gone(account)?;
        let votes = votes_of(self.conn, account, END, limit)?;
        for (post, choices) in &votes {
            self.run("DELETE FROM votes WHERE post_id = ?1 AND account_id = ?2", (post.0, account.0))?;
            // A deleted post has no count, and nobody is to be told of it.
            let Some(target) = self.living(*post)? else { continue };
            self.count_vote(*post, *choices, -1)?;
            self.changed.posts.push(*post);
            self.emit(*post, &PollVoted { post_id: post.0, author_id: target.author.0 })?;
        }
        Ok(votes.len())
    }
}

/// What a poll asks, as far as votes need it.
struct Asked {
    options: usize,
    closes_at: Timestamp,
}

fn asked(conn: &Connection, post: PostId) -> Result<Option<Asked>> {
    let asked = |row: &rusqlite::Row<'_>| {
        let options = usize::try_from(row.get::<_, i64>(0)?).unwrap_or_default();
        Ok(Asked { options, closes_at: Timestamp(row.get(1)?) })
    };
    conn.prepare_cached("SELECT json_array_length(options), closes_at FROM polls WHERE post_id = ?1")
        .sql()?
        .query_row([post.0], asked)
        .optional()
        .sql()
}

fn results(conn: &Connection, post: PostId, options: usize) -> Result<Results> {
    let mut results = Results::none(options);
    let mut statement = conn.prepare_cached("SELECT option, votes FROM poll_counts WHERE post_id = ?1").sql()?;
    for row in statement.query_map([post.0], |row| Ok((row.get::<_, i16>(0)?, row.get::<_, i64>(1)?))).sql()? {
        let (option, votes) = row.sql()?;
        columns::put_votes(&mut results, option, votes);
    }
    Ok(results)
}

pub(super) fn recount(conn: &Connection, post: PostId) -> Result<Option<Results>> {
    let Some(asked) = asked(conn, post)? else { return Ok(None) };
    let mut results = Results::none(asked.options);
    let mut statement =
        conn.prepare_cached("SELECT choices, count(*) FROM votes WHERE post_id = ?1 GROUP BY choices").sql()?;
    for row in statement.query_map([post.0], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?))).sql()? {
        let (choices, count) = row.sql()?;
        results.add(Choices::of(choices), count);
    }
    Ok(Some(results))
}

pub(super) fn votes(conn: &Connection, account: AccountId, ids: &[PostId]) -> Result<Vec<(PostId, Choices)>> {
    let mut statement = conn
        .prepare_cached(
            "SELECT v.post_id, v.choices FROM json_each(?2) AS wanted
             CROSS JOIN votes AS v ON v.post_id = wanted.value AND v.account_id = ?1",
        )
        .sql()?;
    let row = |row: &rusqlite::Row<'_>| Ok((PostId(row.get(0)?), Choices::of(row.get(1)?)));
    let rows = statement.query_map(params![account.0, Ids(&numbers(ids))], row).sql()?;
    rows.collect::<rusqlite::Result<_>>().sql()
}

pub(super) fn votes_of(
    conn: &Connection,
    account: AccountId,
    before: PostId,
    limit: usize,
) -> Result<Vec<(PostId, Choices)>> {
    let sql = "SELECT post_id, choices FROM votes INDEXED BY votes_by_account WHERE account_id = ?1 AND post_id < ?2
               ORDER BY post_id DESC LIMIT ?3";
    let mut statement = conn.prepare_cached(sql).sql()?;
    let row = |row: &rusqlite::Row<'_>| Ok((PostId(row.get(0)?), Choices::of(row.get(1)?)));
    let rows = statement.query_map(params![account.0, before.0, rows::limit(limit)], row).sql()?;
    rows.collect::<rusqlite::Result<_>>().sql()
}
