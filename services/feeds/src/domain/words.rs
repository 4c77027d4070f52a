//! Muted words: whether a text holds one.
//!
//! Word and text are folded as hashtags are, and stripped of accents: `cafe` mutes `Café`. A word counts where it stands by
//! itself, also as a hashtag or at one; between characters of scripts that put no blanks between words, anywhere. One
//! automaton looks for all words at once.

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use plaza_core::{Error, Result, Timestamp, hashtag};
use plaza_proto::graph::v1::MutedWord;
use unicode_normalization::UnicodeNormalization as _;
use unicode_normalization::char::is_combining_mark;

/// The words that one reader mutes.
#[derive(Debug)]
pub(crate) struct Words {
    automaton: AhoCorasick,
    /// When each runs out; never, if there is no time.
    until: Vec<Option<Timestamp>>,
}

impl Words {
    /// The words; `None` if there are none.
    pub(crate) fn of(muted: &[MutedWord]) -> Result<Option<Self>> {
        let plain = muted.iter().map(|muted| (plain(&muted.word).trim().to_owned(), until(muted)));
        let (words, until): (Vec<String>, Vec<_>) = plain.filter(|(word, _)| !word.is_empty()).unzip();
        if words.is_empty() {
            return Ok(None);
        }
        // Small and quick to make, and a page has few texts to look through.
        let automaton = AhoCorasick::builder().kind(Some(AhoCorasickKind::ContiguousNFA)).build(&words);
        let automaton = automaton.map_err(|e| Error::internal(format!("muted words: {e}")))?;
        Ok(Some(Self { automaton, until }))
    }

    /// Whether one of the words stands in the text, and has not run out.
    pub(crate) fn any_in(&self, text: &str, now: Timestamp) -> bool {
        let text = plain(text);
        let mut found = self.automaton.find_overlapping_iter(text.as_str());
        found.any(|found| {
            let stands = self.until[found.pattern().as_usize()].is_none_or(|until| until > now);
            stands && !cuts(&text, found.start()) && !cuts(&text, found.end())
        })
    }

    /// How much memory they take, about.
    pub(crate) fn bytes(&self) -> usize {
        self.automaton.memory_usage() + size_of_val(self.until.as_slice())
    }
}

fn until(muted: &MutedWord) -> Option<Timestamp> {
    let time = muted.expire_time.as_ref()?;
    Some(Timestamp(time.seconds.saturating_mul(1_000).saturating_add(i64::from(time.nanos) / 1_000_000)))
}

/// The text folded, without accents, with one blank for each white space. Most texts are made of characters that can be
/// folded one by one, which is many times quicker than to normalise.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\0'..='\x7f' => put(&mut plain, c.to_ascii_lowercase()),
            '\u{2600}'..='\u{27bf}' | '\u{1f300}'..='\u{1faff}' => plain.push(c),
            c => match looked_up(c) {
                Some(folded) => folded.chars().for_each(|c| put(&mut plain, c)),
                None => return normalised(text),
            },
        }
    }
    plain
}

/// The same of any text.
fn normalised(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    hashtag::fold(text).nfd().filter(|c| !is_accent(*c)).nfc().for_each(|c| put(&mut plain, c));
    plain
}

fn put(plain: &mut String, c: char) {
    if !c.is_whitespace() {
        plain.push(c);
    } else if !plain.ends_with(' ') {
        plain.push(' ');
    }
}

/// Latin, Greek and Cyrillic letters, and punctuation.
const LETTERS: Range<u32> = 0x80..0x530;
const PUNCTUATION: Range<u32> = 0x2000..0x2040;

/// What each of them is folded to; nothing for marks, which change what stands before them.
static FOLDED: LazyLock<Vec<Option<String>>> = LazyLock::new(|| {
    let known = LETTERS.chain(PUNCTUATION).map(char::from_u32);
    known.map(|c| c.filter(|c| !is_combining_mark(*c)).map(|c| normalised(c.encode_utf8(&mut [0; 4])))).collect()
});

fn looked_up(c: char) -> Option<&'static str> {
    let c = u32::from(c);
    let at = match c {
        c if LETTERS.contains(&c) => c - LETTERS.start,
        c if PUNCTUATION.contains(&c) => c - PUNCTUATION.start + (LETTERS.end - LETTERS.start),
        _ => return None,
    };
    FOLDED.get(usize::try_from(at).ok()?)?.as_deref()
}

/// Marks above and below letters of Latin, Greek and Cyrillic. Marks of other scripts are part of what is written.
fn is_accent(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}')
}

/// Whether a word goes on across this place.
fn cuts(text: &str, at: usize) -> bool {
    let (before, after) = text.split_at(at);
    before.chars().next_back().is_some_and(joins) && after.chars().next().is_some_and(joins)
}

/// Whether the character makes one word with its neighbours.
fn joins(c: char) -> bool {
    (c.is_alphanumeric() || c == '_' || is_combining_mark(c)) && !is_without_blanks(c)
}

/// Whether it is of a script that puts no blanks between words: Thai, Lao, Burmese, Khmer, kana, Chinese characters.
fn is_without_blanks(c: char) -> bool {
    matches!(
        c,
        '\u{e00}'..='\u{eff}'
            | '\u{1000}'..='\u{109f}'
            | '\u{1780}'..='\u{17ff}'
            | '\u{3040}'..='\u{30ff}'
            | '\u{31f0}'..='\u{31ff}'
            | '\u{3400}'..='\u{4dbf}'
            | '\u{4e00}'..='\u{9fff}'
            | '\u{f900}'..='\u{faff}'
            | '\u{20000}'..='\u{3ffff}'
    )
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn muted(words: &[&str]) -> Words {
        // As graph keeps them.
        let muted = |word: &&str| MutedWord { word: hashtag::fold(word), expire_time: None };
        Words::of(&words.iter().map(muted).collect::<Vec<_>>()).unwrap().unwrap()
    }

    #[test]
    fn a_word_is_found_where_it_stands_by_itself() {
        for (word, text, expected) in [
            ("cake", "I like cake", true),
            ("cake", "CAKE!", true),
            ("cake", "cakes and pancake", false),
            ("cake", "pancake, and cake", true),
            ("cake", "#Cake for all", true),
            ("cake", "the cake's end", true),
            ("cake", "cake_walk", false),
            ("#cake", "#cake and more", true),
            ("#cake", "＃Ｃａｋｅ", true),
            ("#cake", "cake and more", false),
            ("cafe", "das Café", true),
            ("café", "the CAFE", true),
            ("cafe\u{301}", "caf\u{e9}", true),
            ("straße", "die STRASSE", true),
            ("два слова", "Это два\n  слова.", true),
            ("two words", "two  words", true),
            ("two words", "two other words", false),
            ("c++", "I write C++.", true),
            ("蛋糕", "我喜欢蛋糕和茶", true),
            ("ケーキ", "美味しいｹｰｷです", true),
            ("เค้ก", "ฉันชอบเค้กมาก", true),
            ("가", "각각", false),
            ("가", "나 가", true),
            ("🎂", "happy 🎂🎂", true),
            ("क", "कि", false),
            ("cake", "", false),
        ] {
            assert_eq!(muted(&[word]).any_in(text, NOW), expected, "{word:?} in {text:?}");
        }
    }

    #[test]
    fn any_of_many_words_is_found_also_where_they_overlap() {
        let words = muted(&["a", "ab c", "c d", "new york", "york city"]);
        for (text, expected) in [("ab c", true), ("xab c d", true), ("new york city", true), ("newyork city", false)] {
            assert_eq!(words.any_in(text, NOW), expected, "{text:?}");
        }
        assert!(Words::of(&[]).unwrap().is_none());
        let blank = |word: &str| MutedWord { word: word.to_owned(), expire_time: None };
        assert!(Words::of(&[blank("\u{301}"), blank(" ")]).unwrap().is_none(), "nothing is left of them");
    }

    #[test]
    fn what_is_folded_by_characters_is_what_normalising_makes_of_it() {
        let ranges = [0..0x80, LETTERS, PUNCTUATION, 0x2600..0x27c0, 0x1f300..0x1fb00];
        let all: Vec<char> = ranges.into_iter().flatten().filter_map(char::from_u32).collect();
        for pair in all.windows(2) {
            let text: String = [pair[1], 'e', pair[0], pair[1], ' ', pair[0]].into_iter().collect();
            assert_eq!(plain(&text), normalised(&text), "{text:?}");
        }
        for text in ["Ça va, Élodie…", "ΣΊΣΥΦΟΣ", "Ёлка", "e\u{301}\u{a8}e", "\u{1100}\u{1161}", "❤\u{fe0f}"]
        {
            assert_eq!(plain(text), normalised(text), "{text:?}");
        }
    }

    #[test]
    fn a_word_that_has_run_out_is_as_good_as_none() {
        let (seconds, nanos) = NOW.seconds_nanos();
        let expire_time = Some(prost_types::Timestamp { seconds, nanos });
        let words = Words::of(&[MutedWord { word: "cake".to_owned(), expire_time }]).unwrap().unwrap();
        assert!(words.any_in("cake", NOW.plus_ms(-1)) && !words.any_in("cake", NOW));
    }

    /// By hand: `cargo test -p plaza-feeds --lib words -- --ignored --nocapture`.
    #[test]
    #[ignore = "measures"]
    fn figures() {
        let text =
            "Es war einmal mitten im Winter, und die Schneeflocken fielen wie Federn vom Himmel herab. ".repeat(2);
        let plain = "it was the best of times, it was the worst of times, it was the age of wisdom and foolishness";
        for count in [1, 20, 500] {
            let words: Vec<String> = (0..count).map(|n| format!("word{n} phräse")).collect();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let began = Instant::now();
            let made: Vec<Words> = (0..100).map(|_| muted(&words)).collect();
            let (making, began) = (began.elapsed() / 100, Instant::now());
            for words in &made {
                (0..10).for_each(|_| assert!(!words.any_in(plain, NOW)));
            }
            let (ascii, began) = (began.elapsed() / 1_000, Instant::now());
            for words in &made {
                (0..10).for_each(|_| assert!(!words.any_in(&text.replace('w', "ö"), NOW)));
            }
            let other = began.elapsed() / 1_000;
            let bytes = made[0].bytes();
            println!(
                "{count} words: made in {making:?}, {bytes} bytes; a text of {} bytes {ascii:?}, of {} with accents {other:?}",
                plain.len(),
                text.len()
            );
        }
    }
}
