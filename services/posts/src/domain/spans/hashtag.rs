//! Hashtags, as [`plaza_core::hashtag`] says what one is: after one of the signs `#`, `＃`, `﹟`, which does not stand right
//! after a character that a tag could hold (nor after `&`, as in `&#39;`).

use plaza_core::hashtag::{MAX_CHARS, is_part, value};

use super::Scan;

pub(super) fn scan(before: &str, rest: &str) -> Scan {
    if before.chars().next_back().is_some_and(|c| c == '&' || is_part(c)) {
        return Scan::Nothing;
    }
    let mut chars = rest.char_indices();
    let sign = chars.next().map_or(0, |(_, c)| c.len_utf8());
    let mut end = sign;
    for (taken, (at, c)) in chars.enumerate() {
        if !is_part(c) {
            break;
        }
        if taken == MAX_CHARS {
            return Scan::Nothing;
        }
        end = at + c.len_utf8();
    }
    let tag = rest[sign..end].trim_end_matches('-');
    value(tag).map_or(Scan::Nothing, |value| Scan::Found(sign + tag.len(), value))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_normalization::UnicodeNormalization as _;

    use plaza_core::hashtag::fold;

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
