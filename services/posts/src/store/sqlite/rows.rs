//! How posts stand in rows.

use plaza_core::{AccountId, Error, Result};
use rusqlite::Row;

use crate::domain::{Counts, Post, Span, SpanKind, Visibility};

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
            visibility: if row.get::<_, i64>(4)? == PUBLIC { Visibility::Public } else { Visibility::Followers },
            reply_to: row.get::<_, Option<i64>>(5)?.map(Into::into),
            root: row.get::<_, i64>(6)?.into(),
            counts: Counts { likes: row.get(7)?, replies: row.get(8)? },
            likers: None,
        };
        Ok(Self { post, spans: row.get(3)?, likers: row.get(9)? })
    }

    pub(super) fn decode(mut self) -> Result<Post> {
        self.post.spans = decode(self.spans.as_deref())?;
        if let Some(likers) = &self.likers {
            let ids = likers.split(',').map(|id| id.parse().map(AccountId));
            let ids = ids.collect::<Result<_, _>>();
            self.post.likers = Some(ids.map_err(|e| Error::internal(format!("stored likers cannot be read: {e}")))?);
        }
        Ok(self.post)
    }
}

/// `visibility` of a public post; the indexes name it.
const PUBLIC: i64 = 1;
const FOLLOWERS: i64 = 2;

pub(super) fn visibility(visibility: Visibility) -> i64 {
    match visibility {
        Visibility::Public => PUBLIC,
        Visibility::Followers => FOLLOWERS,
    }
}

/// Spans as JSON, `[[kind, start, end, value], …]`; `None` if there are none.
pub(super) fn encode(spans: &[Span]) -> Result<Option<String>> {
    if spans.is_empty() {
        return Ok(None);
    }
    let rows: Vec<_> = spans.iter().map(|s| (kind(s.kind), s.start, s.end, &s.value)).collect();
    serde_json::to_string(&rows).map(Some).map_err(|e| Error::internal(format!("spans cannot be stored: {e}")))
}

/// The spans that [`encode`] wrote.
fn decode(json: Option<&str>) -> Result<Vec<Span>> {
    let Some(json) = json else { return Ok(Vec::new()) };
    let damaged = |e: &dyn std::fmt::Display| Error::internal(format!("stored spans cannot be read: {e}"));
    let rows: Vec<(u8, usize, usize, String)> = serde_json::from_str(json).map_err(|e| damaged(&e))?;
    let span = |(number, start, end, value)| match kind_of(number) {
        Some(kind) => Ok(Span { kind, start, end, value }),
        None => Err(damaged(&format!("no kind {number}"))),
    };
    rows.into_iter().map(span).collect()
}

fn kind(kind: SpanKind) -> u8 {
    match kind {
        SpanKind::Hashtag => 1,
        SpanKind::Mention => 2,
        SpanKind::Link => 3,
    }
}

fn kind_of(number: u8) -> Option<SpanKind> {
    [SpanKind::Hashtag, SpanKind::Mention, SpanKind::Link].into_iter().find(|k| kind(*k) == number)
}
