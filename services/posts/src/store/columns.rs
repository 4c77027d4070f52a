//! How parts of a post stand in columns, the same in every SQL engine.

use plaza_core::{AccountId, Error, Result, Timestamp};
use plaza_proto::posts::v1 as pb;
use serde::Deserialize;

use crate::domain::{
    Choices, Mark, Media, Poll, QuotePolicy, ReplyPolicy, Results, Span, SpanKind, Stands, Visibility,
};

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

/// Media as JSON; `None` if there are none.
pub(super) fn encode_media(media: &[Media]) -> Result<Option<String>> {
    if media.is_empty() {
        return Ok(None);
    }
    let pairs: Vec<_> = media.iter().map(|media| (&media.source, &media.alt)).collect();
    serde_json::to_string(&pairs).map(Some).map_err(|e| Error::internal(format!("media cannot be stored: {e}")))
}

/// The media that [`encode_media`] wrote.
pub(super) fn decode_media(json: Option<&str>) -> Result<Vec<Media>> {
    let Some(json) = json else { return Ok(Vec::new()) };
    let pairs: Vec<(String, String)> =
        serde_json::from_str(json).map_err(|e| Error::internal(format!("stored media cannot be read: {e}")))?;
    Ok(pairs.into_iter().map(|(source, alt)| Media { source, alt }).collect())
}

/// Where the number of voters stands among the counters of a poll's options.
const VOTERS: i16 = -1;

/// A poll's options as they are stored, a JSON list.
pub(super) fn encode_options(options: &[String]) -> Result<String> {
    serde_json::to_string(options).map_err(|e| Error::internal(format!("a poll cannot be stored: {e}")))
}

/// The options that [`encode_options`] wrote; none where there is no poll.
pub(super) fn decode_options(json: Option<&str>) -> Result<Vec<String>> {
    let Some(json) = json else { return Ok(Vec::new()) };
    serde_json::from_str(json).map_err(|e| Error::internal(format!("a stored poll cannot be read: {e}")))
}

/// The counters that a vote counts in.
pub(super) fn counted(choices: Choices) -> impl Iterator<Item = i16> {
    choices.options().filter_map(|option| i16::try_from(option).ok()).chain([VOTERS])
}

/// Puts a counter among the results of its poll.
pub(super) fn put_votes(results: &mut Results, option: i16, votes: i64) {
    if option == VOTERS {
        results.voters = votes;
    } else if let Some(counter) = usize::try_from(option).ok().and_then(|option| results.votes.get_mut(option)) {
        *counter = votes;
    }
}

/// A poll as it is stored.
pub(super) struct PollColumns<'a> {
    /// As [`encode_options`].
    pub(super) options: &'a str,
    pub(super) multiple: bool,
    pub(super) hides: bool,
    pub(super) closes_at: i64,
    /// Counters as a text `option:votes,option:votes`; `None` if there are none.
    pub(super) counts: Option<&'a str>,
}

impl PollColumns<'_> {
    /// The poll.
    pub(super) fn decode(self) -> Result<Poll> {
        let damaged = || Error::internal("a stored poll cannot be read");
        let options = decode_options(Some(self.options))?;
        let mut results = Results::none(options.len());
        for pair in self.counts.into_iter().flat_map(|counts| counts.split(',')) {
            let (option, votes) = pair.split_once(':').ok_or_else(damaged)?;
            put_votes(&mut results, option.parse().map_err(|_| damaged())?, votes.parse().map_err(|_| damaged())?);
        }
        let closes_at = Timestamp(self.closes_at);
        Ok(Poll { options, multiple: self.multiple, hides: self.hides, closes_at, results })
    }
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
