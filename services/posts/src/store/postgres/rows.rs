//! How posts stand in rows.

use plaza_core::{AccountId, PostId, Result, Timestamp};
use plaza_stores::PgResultExt as _;
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use crate::domain::{Counts, Edits, Poll, Post, Sensitive};
use crate::store::columns::{self, PollColumns};

/// A bound on rows, as Postgres takes it.
pub(super) fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

/// Ids as Postgres takes them.
pub(super) fn posts(ids: &[PostId]) -> Vec<i64> {
    ids.iter().map(|id| id.0).collect()
}

/// As [`posts`].
pub(super) fn accounts(ids: &[AccountId]) -> Vec<i64> {
    ids.iter().map(|id| id.0).collect()
}

/// The poll of a post, from the columns that [`super::reads`] selects.
fn poll(row: &PgRow) -> Result<Option<Poll>> {
    let Some(options) = row.try_get::<Option<&str>, _>(21).sql()? else { return Ok(None) };
    let (multiple, hides, closes_at) = (row.try_get(22).sql()?, row.try_get(23).sql()?, row.try_get(24).sql()?);
    let counts = row.try_get(25).sql()?;
    PollColumns { options, multiple, hides, closes_at, counts }.decode().map(Some)
}

/// A post from the columns that [`super::reads`] selects.
pub(super) fn post(row: &PgRow) -> Result<Post> {
    let number = |at: usize| row.try_get::<i64, _>(at).sql();
    let optional = |at: usize| row.try_get::<Option<i64>, _>(at).sql();
    let (likes, replies, reposts) = (number(9)?, number(10)?, number(11)?);
    let marks: Option<&str> = row.try_get(20).sql()?;
    Ok(Post {
        id: number(0)?.into(),
        author: number(1)?.into(),
        text: row.try_get(2).sql()?,
        spans: columns::decode_spans(row.try_get(3).sql()?)?,
        visibility: columns::visibility_of(row.try_get(4).sql()?),
        reply_to: optional(5)?.map(Into::into),
        root: number(6)?.into(),
        quote_of: optional(7)?.map(Into::into),
        quote_policy: columns::quote_policy_of(row.try_get(8).sql()?),
        reply_policy: columns::reply_policy_of(row.try_get(14).sql()?),
        sensitive: Sensitive { is: row.try_get(15).sql()?, warning: row.try_get(16).sql()? },
        language: row.try_get(17).sql()?,
        edits: Edits { count: row.try_get(18).sql()?, at: optional(19)?.map(Timestamp) },
        media: columns::decode_media(row.try_get(26).sql()?)?,
        poll: poll(row)?,
        counts: Counts { likes, replies, reposts, quotes: number(12)?, bookmarks: number(13)? },
        marks: marks.map(columns::decode_marks).transpose()?,
    })
}
