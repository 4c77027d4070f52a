//! How posts stand in rows.

use plaza_core::{AccountId, PostId, Result};
use plaza_stores::PgResultExt as _;
use sqlx::Row as _;
use sqlx::postgres::PgRow;

use crate::domain::{Counts, Post};
use crate::store::columns;

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

/// A post from the columns that [`super::reads`] selects.
pub(super) fn post(row: &PgRow) -> Result<Post> {
    let likers: Option<Vec<i64>> = row.try_get(9).sql()?;
    Ok(Post {
        id: row.try_get::<i64, _>(0).sql()?.into(),
        author: row.try_get::<i64, _>(1).sql()?.into(),
        text: row.try_get(2).sql()?,
        spans: columns::decode_spans(row.try_get(3).sql()?)?,
        visibility: columns::visibility_of(row.try_get(4).sql()?),
        reply_to: row.try_get::<Option<i64>, _>(5).sql()?.map(Into::into),
        root: row.try_get::<i64, _>(6).sql()?.into(),
        counts: Counts { likes: row.try_get(7).sql()?, replies: row.try_get(8).sql()? },
        likers: likers.map(|likers| likers.into_iter().map(AccountId).collect()),
    })
}
