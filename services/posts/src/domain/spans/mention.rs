//! Mentions: `@handle`, where a handle is 2 to 30 ASCII letters, digits and underscores.

use super::Scan;
use super::chars::is_word;

const HANDLE: std::ops::RangeInclusive<usize> = 2..=30;

pub(super) fn scan(before: &str, rest: &str) -> Scan {
    if continues_something(before) {
        return Scan::Nothing;
    }
    let sign = rest.chars().next().map_or(0, char::len_utf8);
    let longest = HANDLE.end() + 1;
    let len = rest[sign..].bytes().take(longest).take_while(|b| b.is_ascii_alphanumeric() || *b == b'_').count();
    if !HANDLE.contains(&len) {
        return Scan::Nothing;
    }
    let (handle, after) = rest[sign..].split_at(len);
    if after.chars().next().is_some_and(|c| is_word(c) || matches!(c, '@' | '＠')) {
        return Scan::Nothing;
    }
    Scan::Found(sign + len, handle.to_ascii_lowercase())
}

/// Whether the sign goes on with an e-mail address, a path or a word rather than beginning a mention.
fn continues_something(before: &str) -> bool {
    let mut back = before.chars().rev();
    match back.next() {
        None => false,
        Some('@' | '＠' | '#' | '$' | '%' | '&' | '+' | '/' | '=') => true,
        Some('-' | '\'') => back.next().is_some_and(is_word),
        Some(c) => is_word(c),
    }
}
