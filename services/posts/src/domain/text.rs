//! What a post's text may be.

use plaza_core::Violations;
use plaza_core::text::{self, Lines};
use unicode_segmentation::UnicodeSegmentation as _;

/// The most grapheme clusters, that is characters as people count them.
pub const MAX_GRAPHEMES: usize = 500;
/// The most bytes of UTF-8. A grapheme cluster may be of any length, so counting those alone bounds nothing.
pub const MAX_BYTES: usize = 16 * 1_024;

/// Reports what is wrong with a post's text. It is kept as written: nothing is trimmed or normalised.
pub fn check(field: &str, text: &str, out: &mut Violations) {
    if text.len() > MAX_BYTES {
        return out.push(field, format!("must be at most {MAX_BYTES} bytes long"));
    }
    if !shows(text) {
        return out.push(field, "must hold something besides white space");
    }
    if text.graphemes(true).nth(MAX_GRAPHEMES).is_some() {
        out.push(field, format!("must be at most {MAX_GRAPHEMES} characters (grapheme clusters) long"));
    }
    text::check(field, text, Lines::Many, out);
}

/// Whether a reader sees anything of the text.
#[must_use]
pub fn shows(text: &str) -> bool {
    text.chars().any(is_visible)
}

/// Whether a reader sees anything of the character: neither white space nor one of the characters that only steer how
/// others are shown (joiners, marks of direction, fillers, variation selectors).
fn is_visible(c: char) -> bool {
    !matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{e0000}'..='\u{e0fff}')
        && !c.is_whitespace()
        && !c.is_control()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> Option<String> {
        let mut out = Violations::default();
        check("text", text, &mut out);
        out.into_result().err().map(|e| e.violations()[0].description.clone())
    }

    #[test]
    fn characters_are_counted_as_people_do() {
        let family = "👩\u{200d}👩\u{200d}👧\u{200d}👦";
        for (text, fine) in [
            ("a".repeat(500), true),
            ("a".repeat(501), false),
            ("e\u{301}".repeat(500), true),
            (family.repeat(500), true),
            (family.repeat(501), false),
            ("🇩🇪".repeat(500), true),
            ("line\nline\n\n".to_owned(), true),
            (format!("a{}", "\u{301}".repeat(8_191)), true),
            (format!("a{}", "\u{301}".repeat(8_192)), false),
        ] {
            assert_eq!(fault(&text).is_none(), fine, "{} bytes: {:?}", text.len(), fault(&text));
        }
    }

    #[test]
    fn text_that_shows_nothing_is_refused() {
        for text in ["", " ", "\n\n", "\u{3000}", "\u{200b}", "\u{2800}\u{3164}", "\u{feff}\u{200d} \u{fe0f}"] {
            assert_eq!(fault(text).as_deref(), Some("must hold something besides white space"), "{text:?}");
        }
        assert_eq!(fault(" . "), None);
    }

    #[test]
    fn control_and_override_characters_are_refused() {
        for text in ["a\0", "a\tb", "a\rb", "a\u{202e}b", "a\u{2066}b", "a\u{85}"] {
            assert!(fault(text).is_some(), "{text:?}");
        }
        assert_eq!(fault("שלום\u{200f}!"), None);
    }
}
