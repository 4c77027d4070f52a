//! How posts stand in rows.

use plaza_core::{AccountId, Error, Result};
use rusqlite::Row;

use crate::domain::{Counts, Post};
use crate::store::columns;

/// The columns of [`Stored`], in its order; `?2` is the number of likers that come along.
pub(super) const POST_COLUMNS: &str = "p.id, p.author_id, p.text, p.spans, p.visibility, p.reply_to_id, p.root_id,
    coalesce(c.likes, 0), coalesce(c.replies, 0),
    CASE WHEN c.likes <= ?2 THEN (SELECT group_concat(account_id) FROM likes WHERE post_id = p.id) END";

/// A bound on rows, as SQLite takes it.
pub(super) fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

/// A post as it stands in its columns.
pub(super) struct Stored {
    post: Post,
    spans: Option<String>,
    /// Ids with commas between; `None` also if nobody likes it.
    likers: Option<String>,
}

impl Stored {
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let post = Post {
            id: row.get::<_, i64>(0)?.into(),
            author: row.get::<_, i64>(1)?.into(),
            text: row.get(2)?,
            spans: Vec::new(),
            visibility: columns::visibility_of(row.get(4)?),
            reply_to: row.get::<_, Option<i64>>(5)?.map(Into::into),
            root: row.get::<_, i64>(6)?.into(),
            counts: Counts { likes: row.get(7)?, replies: row.get(8)? },
            likers: None,
        };
        Ok(Self { post, spans: row.get(3)?, likers: row.get(9)? })
    }

    pub(super) fn decode(mut self) -> Result<Post> {
        self.post.spans = columns::decode_spans(self.spans.as_deref())?;
        if let Some(likers) = &self.likers {
            let ids = likers.split(',').map(|id| id.parse().map(AccountId));
            let ids = ids.collect::<Result<_, _>>();
            self.post.likers = Some(ids.map_err(|e| Error::internal(format!("stored likers cannot be read: {e}")))?);
        }
        Ok(self.post)
    }
}
