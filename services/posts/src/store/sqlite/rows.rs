//! How posts stand in rows.

use plaza_core::{Result, Timestamp};
use rusqlite::Row;

use crate::domain::{Counts, Edits, Post, Sensitive};
use crate::store::columns::{self, PollColumns};

/// The columns of [`Stored`], in its order; `?2` is the number of marks that come along.
pub(super) const POST_COLUMNS: &str = "p.id, p.author_id, p.text, p.spans, p.visibility, p.reply_to_id, p.root_id,
    p.quote_of_id, p.quote_policy, coalesce(c.likes, 0), coalesce(c.replies, 0), coalesce(c.reposts, 0),
    coalesce(c.quotes, 0), coalesce(c.bookmarks, 0), p.reply_policy, p.sensitive, p.warning, p.language,
    p.edit_count, p.edited_at,
    CASE WHEN c.likes + c.reposts + c.bookmarks <= ?2
         THEN (SELECT group_concat(kind || ':' || account_id) FROM marks WHERE post_id = p.id) END,
    q.options, q.multiple, q.hides, q.closes_at,
    CASE WHEN q.options IS NOT NULL
         THEN (SELECT group_concat(option || ':' || votes) FROM poll_counts WHERE post_id = p.id) END,
    p.media";

/// A bound on rows, as SQLite takes it.
pub(super) fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

/// A post as it stands in its columns.
pub(super) struct Stored {
    post: Post,
    spans: Option<String>,
    /// `None` also if there are none.
    marks: Option<String>,
    /// Options, whether several, whether results are hidden, until when.
    poll: Option<(String, bool, bool, i64)>,
    poll_counts: Option<String>,
    media: Option<String>,
}

impl Stored {
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let (likes, replies, reposts) = (row.get(9)?, row.get(10)?, row.get(11)?);
        let post = Post {
            id: row.get::<_, i64>(0)?.into(),
            author: row.get::<_, i64>(1)?.into(),
            text: row.get(2)?,
            spans: Vec::new(),
            visibility: columns::visibility_of(row.get(4)?),
            reply_to: row.get::<_, Option<i64>>(5)?.map(Into::into),
            root: row.get::<_, i64>(6)?.into(),
            quote_of: row.get::<_, Option<i64>>(7)?.map(Into::into),
            quote_policy: columns::quote_policy_of(row.get(8)?),
            reply_policy: columns::reply_policy_of(row.get(14)?),
            sensitive: Sensitive { is: row.get(15)?, warning: row.get(16)? },
            language: row.get(17)?,
            edits: Edits { count: row.get(18)?, at: row.get::<_, Option<i64>>(19)?.map(Timestamp) },
            media: Vec::new(),
            poll: None,
            counts: Counts { likes, replies, reposts, quotes: row.get(12)?, bookmarks: row.get(13)? },
            marks: None,
        };
        let poll = match row.get(21)? {
            Some(options) => Some((options, row.get(22)?, row.get(23)?, row.get(24)?)),
            None => None,
        };
        Ok(Self { post, spans: row.get(3)?, marks: row.get(20)?, poll, poll_counts: row.get(25)?, media: row.get(26)? })
    }

    pub(super) fn decode(mut self) -> Result<Post> {
        self.post.spans = columns::decode_spans(self.spans.as_deref())?;
        self.post.marks = self.marks.as_deref().map(columns::decode_marks).transpose()?;
        self.post.media = columns::decode_media(self.media.as_deref())?;
        if let Some((options, multiple, hides, closes_at)) = &self.poll {
            let (multiple, hides, closes_at, counts) = (*multiple, *hides, *closes_at, self.poll_counts.as_deref());
            self.post.poll = Some(PollColumns { options, multiple, hides, closes_at, counts }.decode()?);
        }
        Ok(self.post)
    }
}
