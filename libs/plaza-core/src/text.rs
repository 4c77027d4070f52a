//! Checks of text that people write: no control characters, no bidirectional overrides.

use crate::Violations;

/// Which characters a field may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lines {
    /// One line: no line breaks, no tabs.
    Single,
    /// Several lines: `\n` is fine.
    Many,
}

/// Reports the first character of `text` that no honest text holds.
///
/// Refused: control characters (line feeds are fine in [`Lines::Many`]), and the embedding, override and isolate
/// characters of the bidirectional algorithm (U+202A–202E, U+2066–2069), which can make text show as what it is not
/// (Unicode TR 36, section 2). The marks U+200E, U+200F and U+061C, which honest right-to-left text uses, are fine.
pub fn check(field: &str, text: &str, lines: Lines, out: &mut Violations) {
    let refused = |c: char| match c {
        '\n' => lines == Lines::Single,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        '\u{2028}' | '\u{2029}' => lines == Lines::Single,
        c => c.is_control(),
    };
    if let Some(c) = text.chars().find(|c| refused(*c)) {
        let kind = if c.is_control() { "control" } else { "bidirectional or separator" };
        out.push(field, format!("must not hold the {kind} character U+{:04X}", u32::from(c)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_and_override_characters_are_named() {
        for (text, lines, bad) in [
            ("plain, שלום, 你好 👩‍👩‍👧", Lines::Single, None),
            ("two\nlines", Lines::Many, None),
            ("two\nlines", Lines::Single, Some("U+000A")),
            ("nul\0", Lines::Many, Some("U+0000")),
            ("rtl\u{202e}lacsap", Lines::Many, Some("U+202E")),
            ("c1\u{85}", Lines::Many, Some("U+0085")),
        ] {
            let mut out = Violations::default();
            check("text", text, lines, &mut out);
            let said = out.into_result().err().map(|e| e.violations()[0].description.clone());
            assert_eq!(said.is_some(), bad.is_some(), "{text:?}");
            assert!(bad.is_none_or(|b| said.unwrap().contains(b)));
        }
    }
}
