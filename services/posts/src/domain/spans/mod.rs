//! Hashtags, mentions and links in a text, found by Unicode rules.
//!
//! One pass from left to right: at each character that may begin a span its rule is tried, and what it takes is never
//! looked at again, so that spans do not overlap. A rule that fails has looked at a bounded number of characters, or at
//! a run that is then passed over as plain text, so that the work is linear in the text's length.

mod chars;
mod hashtag;
mod link;
mod mention;

use plaza_core::AccountId;

/// At most this many spans are found in a text; the rest stays plain.
pub const MAX_SPANS: usize = 50;

/// What a span is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SpanKind {
    /// A hashtag; its value is the tag without the sign, normalised and folded.
    Hashtag,
    /// A mention; its value is the handle without the sign, in lower case.
    Mention,
    /// A link; its value is the URL as written.
    Link,
}

/// A part of a text that means something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// What it is.
    pub kind: SpanKind,
    /// Where it starts, in bytes.
    pub start: usize,
    /// Where it ends, exclusive, in bytes.
    pub end: usize,
    /// What it points to, by kind.
    pub value: String,
    /// For a mention: the account that the handle named when the post was written.
    pub account: Option<AccountId>,
}

/// What a rule makes of the place where it is tried. Lengths are bytes from there.
enum Scan {
    /// A span of this length and value.
    Found(usize, String),
    /// Nothing here.
    Nothing,
    /// Nothing in the next so many bytes.
    Plain(usize),
}

/// The spans of `text`, by rising start.
#[must_use]
pub fn parse(text: &str) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut start = 0;
    while let Some(first) = text[start..].chars().next() {
        let (before, rest) = text.split_at(start);
        let (kind, scan) = match first {
            '#' | '＃' | '﹟' => (SpanKind::Hashtag, hashtag::scan(before, rest)),
            '@' | '＠' => (SpanKind::Mention, mention::scan(before, rest)),
            'h' | 'H' => (SpanKind::Link, link::scan(before, rest)),
            _ => (SpanKind::Link, Scan::Nothing),
        };
        match scan {
            Scan::Found(len, value) => {
                spans.push(Span { kind, start, end: start + len, value, account: None });
                start += len;
            }
            Scan::Nothing => start += first.len_utf8(),
            Scan::Plain(len) => start += len.max(first.len_utf8()),
        }
        if spans.len() == MAX_SPANS {
            break;
        }
    }
    spans
}

/// The distinct hashtags among `spans`.
#[must_use]
pub fn hashtags(spans: &[Span]) -> Vec<String> {
    let mut tags: Vec<String> = spans.iter().filter(|s| s.kind == SpanKind::Hashtag).map(|s| s.value.clone()).collect();
    tags.sort_unstable();
    tags.dedup();
    tags
}

#[cfg(test)]
mod tests;
