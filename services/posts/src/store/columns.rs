//! How parts of a post stand in columns, the same in every SQL engine.

use plaza_core::{AccountId, Error, Result};

use crate::domain::{Mark, QuotePolicy, Span, SpanKind, Visibility};

/// `visibility` of a public post; the indexes name it.
const PUBLIC: i16 = 1;
const FOLLOWERS: i16 = 2;

/// `visibility` as it is stored.
pub(super) fn visibility(visibility: Visibility) -> i16 {
    match visibility {
        Visibility::Public => PUBLIC,
        Visibility::Followers => FOLLOWERS,
    }
}

/// What [`visibility`] stored. A number that it never stores shows to the fewest.
pub(super) fn visibility_of(number: i16) -> Visibility {
    if number == PUBLIC { Visibility::Public } else { Visibility::Followers }
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

/// Spans as JSON, `[[kind, start, end, value], …]`; `None` if there are none.
pub(super) fn encode_spans(spans: &[Span]) -> Result<Option<String>> {
    if spans.is_empty() {
        return Ok(None);
    }
    let rows: Vec<_> = spans.iter().map(|s| (kind(s.kind), s.start, s.end, &s.value)).collect();
    serde_json::to_string(&rows).map(Some).map_err(|e| Error::internal(format!("spans cannot be stored: {e}")))
}

/// The spans that [`encode_spans`] wrote.
pub(super) fn decode_spans(json: Option<&str>) -> Result<Vec<Span>> {
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
