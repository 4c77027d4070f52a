//! What a hashtag is, and which two are the same: UAX #31, definition D2 and requirement R8.
//!
//! A tag is at most [`MAX_CHARS`] characters of those that a tag may hold, at least one of them a letter or a picture. A
//! `-` at its end belongs to the sentence.

use std::sync::LazyLock;

use caseless::Caseless as _;
use regex::Regex;
use unicode_normalization::UnicodeNormalization as _;

/// The longest tag, before and after folding, in characters.
pub const MAX_CHARS: usize = 100;

/// UAX #31, requirement R8 (extended hashtag identifiers): XID_Continue, pictographs, the parts of emoji, `_`, `-`
/// and `+`, without the signs that begin a tag. Profile of ours: without `*`, which the annex lets in as a part of the
/// keycap emoji and which people write round words for emphasis.
static PART: LazyLock<Regex> =
    LazyLock::new(|| class(r"^[\p{XID_Continue}\p{Extended_Pictographic}\p{Emoji_Component}_+\-&&[^#＃﹟*]]$"));

/// What a tag must hold one of: a letter or a picture.
static CORE: LazyLock<Regex> =
    LazyLock::new(|| class(r"[\p{Alphabetic}\p{Extended_Pictographic}\p{Regional_Indicator}]"));

#[expect(clippy::expect_used, reason = "the two patterns are fixed, and tests use them")]
fn class(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is valid")
}

/// Whether a hashtag may go on with `c`.
#[must_use]
pub fn is_part(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+');
    }
    PART.is_match(c.encode_utf8(&mut [0; 4]))
}

/// Whether `c` is one of the signs that a tag begins with: `#`, `＃`, `﹟`.
#[must_use]
pub const fn is_sign(c: char) -> bool {
    matches!(c, '#' | '＃' | '﹟')
}

/// The tag that `text`, without its sign, names: normalised and folded. `None` if it is none.
#[must_use]
pub fn value(text: &str) -> Option<String> {
    let tag = text.trim_end_matches('-');
    if !CORE.is_match(tag) || tag.chars().count() > MAX_CHARS || !tag.chars().all(is_part) {
        return None;
    }
    let value = fold(tag);
    (!value.is_empty() && value.chars().count() <= MAX_CHARS).then_some(value)
}

/// Makes texts that people take for the same one equal: NFKC, case-folded, without variation selectors (UAX #31,
/// requirements R4 and R5; Unicode 5.18, "toNFKC_Casefold"). Folding can undo normalisation and the other way round;
/// after the second round nothing changes any more.
#[must_use]
pub fn fold(text: &str) -> String {
    let round = |text: &str| text.nfkc().default_case_fold().nfkc().collect::<String>();
    let plain: String = text.chars().filter(|c| !matches!(c, '\u{fe00}'..='\u{fe0f}')).collect();
    round(&round(&plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_folded_and_what_is_none_is_refused() {
        for (text, expected) in [
            ("Rust", Some("rust")),
            ("STRASSE", Some("strasse")),
            ("straße-", Some("strasse")),
            ("ｒｕｓｔ", Some("rust")),
            ("c++", Some("c++")),
            ("🦀", Some("🦀")),
            ("", None),
            ("1", None),
            ("_", None),
            ("--", None),
            ("two words", None),
            ("#rust", None),
            ("a*b", None),
        ] {
            assert_eq!(value(text).as_deref(), expected, "{text:?}");
        }
        assert!(value(&"a".repeat(MAX_CHARS)).is_some() && value(&"a".repeat(MAX_CHARS + 1)).is_none());
        assert!(value(&"ﷺ".repeat(MAX_CHARS)).is_none(), "folding makes it too long");
        assert!(is_sign('＃') && !is_sign('a'));
    }
}
