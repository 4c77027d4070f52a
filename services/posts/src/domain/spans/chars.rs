//! Classes of characters that the rules for spans share.

use std::sync::LazyLock;

use regex::Regex;

/// UAX #31, requirement R8 (extended hashtag identifiers): XID_Continue, pictographs, the parts of emoji, `_`, `-`
/// and `+`, without the signs that begin a tag. Profile of ours: without `*`, which the annex lets in as a part of the
/// keycap emoji and which people write round words for emphasis.
static TAG: LazyLock<Regex> =
    LazyLock::new(|| class(r"^[\p{XID_Continue}\p{Extended_Pictographic}\p{Emoji_Component}_+\-&&[^#＃﹟*]]$"));

/// What a tag must hold one of: a letter or a picture.
static CORE: LazyLock<Regex> =
    LazyLock::new(|| class(r"[\p{Alphabetic}\p{Extended_Pictographic}\p{Regional_Indicator}]"));

#[expect(clippy::expect_used, reason = "the two patterns are fixed, and tests use them")]
fn class(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is valid")
}

/// Whether a hashtag may go on with `c`.
pub(super) fn is_tag(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+');
    }
    TAG.is_match(c.encode_utf8(&mut [0; 4]))
}

/// Whether `tag` holds a letter or a picture, so that `#1` and `#_` are no hashtags.
pub(super) fn has_core(tag: &str) -> bool {
    CORE.is_match(tag)
}

/// Whether `c` belongs to a word that something written right beside it would be part of: letters, digits and `_`, but
/// for the letters of scripts that are written without spaces between words.
pub(super) fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric() && !is_unspaced(c)
}

fn is_unspaced(c: char) -> bool {
    matches!(u32::from(c),
        0x0e00..=0x0eff // Thai, Lao
        | 0x1000..=0x109f // Myanmar
        | 0x1780..=0x17ff // Khmer
        | 0x3005..=0x3007 | 0x3040..=0x30ff | 0x31f0..=0x31ff | 0xff66..=0xff9f // Kana
        | 0x3100..=0x312f | 0x31a0..=0x31bf // Bopomofo
        | 0x3400..=0x4dbf | 0x4e00..=0x9fff | 0xf900..=0xfaff | 0x2_0000..=0x3_ffff) // Han
}
