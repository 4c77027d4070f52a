//! Hashtags by UAX #31, definition D2 and requirement R8.
//!
//! Profile: one of the signs `#`, `＃`, `﹟`, not right after a character that a tag could hold (nor after `&`, as in
//! `&#39;`), then at most [`MAX_CHARS`] such characters, at least one of them a letter or a picture. A `-` at the end
//! belongs to the sentence.

use caseless::Caseless as _;
use unicode_normalization::UnicodeNormalization as _;

use super::Scan;
use super::chars::{has_core, is_tag};

/// The longest tag, before and after folding, in characters.
const MAX_CHARS: usize = 100;

pub(super) fn scan(before: &str, rest: &str) -> Scan {
    if before.chars().next_back().is_some_and(|c| c == '&' || is_tag(c)) {
        return Scan::Nothing;
    }
    let mut chars = rest.char_indices();
    let sign = chars.next().map_or(0, |(_, c)| c.len_utf8());
    let mut end = sign;
    for (taken, (at, c)) in chars.enumerate() {
        if !is_tag(c) {
            break;
        }
        if taken == MAX_CHARS {
            return Scan::Nothing;
        }
        end = at + c.len_utf8();
    }
    let tag = rest[sign..end].trim_end_matches('-');
    if !has_core(tag) {
        return Scan::Nothing;
    }
    let value = fold(tag);
    if value.is_empty() || value.chars().count() > MAX_CHARS {
        return Scan::Nothing;
    }
    Scan::Found(sign + tag.len(), value)
}

/// Makes tags that people take for the same one equal: NFKC, case-folded, without variation selectors (UAX #31,
/// requirements R4 and R5; Unicode 5.18, "toNFKC_Casefold"). Folding can undo normalisation and the other way round;
/// after the second round nothing changes any more.
fn fold(tag: &str) -> String {
    let round = |text: &str| text.nfkc().default_case_fold().nfkc().collect::<String>();
    let plain: String = tag.chars().filter(|c| !matches!(c, '\u{fe00}'..='\u{fe0f}')).collect();
    round(&round(&plain))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_normalization::UnicodeNormalization as _;

    use super::fold;

    proptest! {
        #[test]
        fn folding_is_stable_and_ignores_normalisation(text in "\\PC{0,40}") {
            let once = fold(&text);
            prop_assert_eq!(&fold(&once), &once);
            prop_assert_eq!(&fold(&text.nfd().collect::<String>()), &once);
            prop_assert_eq!(&fold(&text.nfkc().collect::<String>()), &once);
        }
    }
}
