//! How parts of a post stand in columns, the same in every SQL engine.

use plaza_core::{AccountId, Error, Result};
use plaza_proto::posts::v1 as pb;
use serde::Deserialize;

use crate::domain::{Mark, QuotePolicy, ReplyPolicy, Span, SpanKind, Stands, Visibility};

/// `visibility`, as the indexes name it.
const PUBLIC: i16 = 1;
const FOLLOWERS: i16 = 2;
const UNLISTED: i16 = 3;
const MENTIONED: i16 = 4;

/// `visibility` as it is stored.
pub(super) fn visibility(visibility: Visibility) -> i16 {
    match visibility {
        Visibility::Public => PUBLIC,
        Visibility::Followers => FOLLOWERS,
        Visibility::Unlisted => UNLISTED,
        Visibility::Mentioned => MENTIONED,
    }
}

/// What [`visibility`] stored. A number that it never stores shows to the fewest.
pub(super) fn visibility_of(number: i16) -> Visibility {
    match number {
        PUBLIC => Visibility::Public,
        UNLISTED => Visibility::Unlisted,
        FOLLOWERS => Visibility::Followers,
        _ => Visibility::Mentioned,
    }
}

/// A visibility as events tell it.
pub(super) fn told(visibility: Visibility) -> i32 {
    let told = match visibility {
        Visibility::Public => pb::Visibility::Public,
        Visibility::Followers => pb::Visibility::Followers,
        Visibility::Unlisted => pb::Visibility::Unlisted,
        Visibility::Mentioned => pb::Visibility::Mentioned,
    };
    told.into()
}

/// `quote_policy` as it is stored.
pub(super) fn quote_policy(policy: QuotePolicy) -> i16 {
    match policy {
        QuotePolicy::Everyone => 1,
        QuotePolicy::Followers => 2,
        QuotePolicy::Nobody => 3,
    }
}

/// What [`quote_policy`] stored. A number that it never stores allows the least.
pub(super) fn quote_policy_of(number: i16) -> QuotePolicy {
    [QuotePolicy::Everyone, QuotePolicy::Followers]
        .into_iter()
        .find(|policy| quote_policy(*policy) == number)
        .unwrap_or(QuotePolicy::Nobody)
}

/// `reply_policy` as it is stored.
pub(super) fn reply_policy(policy: ReplyPolicy) -> i16 {
    match policy {
        ReplyPolicy::Everyone => 1,
        ReplyPolicy::Followed => 2,
        ReplyPolicy::Mentioned => 3,
        ReplyPolicy::Nobody => 4,
    }
}

/// What [`reply_policy`] stored. A number that it never stores allows the least.
pub(super) fn reply_policy_of(number: i16) -> ReplyPolicy {
    [ReplyPolicy::Everyone, ReplyPolicy::Followed, ReplyPolicy::Mentioned]
        .into_iter()
        .find(|policy| reply_policy(*policy) == number)
        .unwrap_or(ReplyPolicy::Nobody)
}

/// A mark's `kind` as it is stored.
pub(super) fn mark(mark: Mark) -> i16 {
    match mark {
        Mark::Like => 1,
        Mark::Repost => 2,
        Mark::Bookmark => 3,
    }
}

/// What [`mark`] stored.
pub(super) fn mark_of(number: i16) -> Result<Mark> {
    let found = Mark::ALL.into_iter().find(|kind| mark(*kind) == number);
    found.ok_or_else(|| Error::internal(format!("stored marks cannot be read: no kind {number}")))
}

/// What stands at a place in a thread, from `deleted_at IS NULL` and `kept`.
pub(super) const fn stands(living: bool, kept: bool) -> Stands {
    match (living, kept) {
        (true, _) => Stands::Living,
        (false, true) => Stands::Kept,
        (false, false) => Stands::Gone,
    }
}

/// Marks from a text `kind:account,kind:account`, as the engines gather them.
pub(super) fn decode_marks(text: &str) -> Result<Vec<(Mark, AccountId)>> {
    let damaged = || Error::internal("stored marks cannot be read");
    let pair = |pair: &str| {
        let (kind, account) = pair.split_once(':').ok_or_else(damaged)?;
        let account = account.parse().map_err(|_| damaged())?;
        Ok((mark_of(kind.parse().map_err(|_| damaged())?)?, AccountId(account)))
    };
    text.split(',').map(pair).collect()
}

/// Spans as JSON, `[[kind, start, end, value, account], …]`; `None` if there are none.
pub(super) fn encode_spans(spans: &[Span]) -> Result<Option<String>> {
    if spans.is_empty() {
        return Ok(None);
    }
    let row = |s: &Span| (kind(s.kind), s.start, s.end, s.value.clone(), s.account);
    let rows: Vec<_> = spans.iter().map(row).collect();
    serde_json::to_string(&rows).map(Some).map_err(|e| Error::internal(format!("spans cannot be stored: {e}")))
}

/// A span as it is stored; before mentions were resolved there was no account.
#[derive(Deserialize)]
#[serde(untagged)]
enum Row {
    Resolved(u8, usize, usize, String, Option<AccountId>),
    Plain(u8, usize, usize, String),
}

/// The spans that [`encode_spans`] wrote.
pub(super) fn decode_spans(json: Option<&str>) -> Result<Vec<Span>> {
    let Some(json) = json else { return Ok(Vec::new()) };
    let damaged = |e: &dyn std::fmt::Display| Error::internal(format!("stored spans cannot be read: {e}"));
    let rows: Vec<Row> = serde_json::from_str(json).map_err(|e| damaged(&e))?;
    let span = |row| {
        let (number, start, end, value, account) = match row {
            Row::Resolved(number, start, end, value, account) => (number, start, end, value, account),
            Row::Plain(number, start, end, value) => (number, start, end, value, None),
        };
        let kind = kind_of(number).ok_or_else(|| damaged(&format!("no kind {number}")))?;
        Ok(Span { kind, start, end, value, account })
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
