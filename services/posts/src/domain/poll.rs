//! Polls: what a post asks, and what is voted.

use std::collections::BTreeSet;
use std::time::Duration;

use plaza_core::text::{self, Lines};
use plaza_core::{Timestamp, Violations};
use unicode_segmentation::UnicodeSegmentation as _;

/// The most options that any setting allows: votes are kept as bits.
pub const MAX_OPTIONS: usize = 16;
/// The most characters of an option, as people count them, and the most bytes.
const MAX_GRAPHEMES: usize = 50;
const MAX_BYTES: usize = 1_024;

/// A poll that is to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPoll {
    /// What can be voted for.
    pub options: Vec<String>,
    /// Whether several may be voted for.
    pub multiple: bool,
    /// Whether results are hidden from those who have not voted, until it closes.
    pub hides: bool,
    /// For how long votes are taken.
    pub open: Duration,
}

impl NewPoll {
    /// When a poll closes that was published `at` that time.
    #[must_use]
    pub fn closes(&self, at: Timestamp) -> Timestamp {
        at.plus_ms(i64::try_from(self.open.as_millis()).unwrap_or(i64::MAX / 2))
    }

    /// The poll as it is right after it was published `at` that time.
    #[must_use]
    pub fn published(self, at: Timestamp) -> Poll {
        let (closes_at, results) = (self.closes(at), Results::none(self.options.len()));
        Poll { options: self.options, multiple: self.multiple, hides: self.hides, closes_at, results }
    }
}

/// A poll with its results, the same for every viewer. What it asks never changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Poll {
    /// What can be voted for.
    pub options: Vec<String>,
    /// Whether several may be voted for.
    pub multiple: bool,
    /// Whether results are hidden from those who have not voted, until it closes.
    pub hides: bool,
    /// From when on no votes are taken.
    pub closes_at: Timestamp,
    /// What was voted so far.
    pub results: Results,
}

/// What was voted in a poll.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Results {
    /// How many voted for each option.
    pub votes: Vec<i64>,
    /// How many voted.
    pub voters: i64,
}

impl Results {
    /// Of a poll with so many options in which nobody has voted.
    #[must_use]
    pub fn none(options: usize) -> Self {
        Self { votes: vec![0; options], voters: 0 }
    }

    /// Counts `more` votes with these choices.
    pub fn add(&mut self, choices: Choices, more: i64) {
        for option in choices.options() {
            if let Some(votes) = self.votes.get_mut(option) {
                *votes += more;
            }
        }
        self.voters += more;
    }
}

/// What one account voted for, a bit for each option; none is no vote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Choices(i32);

impl Choices {
    /// Those of these places, if a poll of so many options takes them: at least one, each there, none twice, and one alone
    /// unless `multiple`.
    #[must_use]
    pub fn pick(places: &[i32], options: usize, multiple: bool) -> Option<Self> {
        let mut bits = 0;
        for place in places {
            let option = usize::try_from(*place).ok().filter(|option| *option < options.min(MAX_OPTIONS))?;
            if bits & (1 << option) != 0 {
                return None;
            }
            bits |= 1 << option;
        }
        (bits != 0 && (multiple || places.len() == 1)).then_some(Self(bits))
    }

    /// From the bits that were stored.
    #[must_use]
    pub const fn of(bits: i32) -> Self {
        Self(bits)
    }

    /// The bits to store.
    #[must_use]
    pub const fn bits(self) -> i32 {
        self.0
    }

    /// Whether there is no vote.
    #[must_use]
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// The places of the options voted for, rising.
    pub fn options(self) -> impl Iterator<Item = usize> {
        (0..MAX_OPTIONS).filter(move |option| self.0 & (1 << option) != 0)
    }
}

/// Reports what is wrong with the options of a poll that may have up to `most`.
pub fn check_options(field: &str, options: &[String], most: usize, out: &mut Violations) {
    if !(2..=most).contains(&options.len()) {
        return out.push(field, format!("must be 2 to {most} options"));
    }
    let distinct: BTreeSet<&str> = options.iter().map(|option| option.trim()).collect();
    if distinct.len() < options.len() {
        out.push(field, "must differ from one another");
    }
    for (n, option) in options.iter().enumerate() {
        let field = format!("{field}[{n}]");
        if option.len() > MAX_BYTES || option.graphemes(true).nth(MAX_GRAPHEMES).is_some() {
            out.push(field, format!("must be at most {MAX_GRAPHEMES} characters (grapheme clusters) long"));
        } else if !super::text::shows(option) {
            out.push(field, "must hold something besides white space");
        } else {
            text::check(&field, option, Lines::Single, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_options_that_a_poll_has() {
        for (places, multiple, bits) in [
            (&[0][..], false, Some(1)),
            (&[2], false, Some(4)),
            (&[2, 0], true, Some(5)),
            (&[2, 0], false, None),
            (&[], true, None),
            (&[3], true, None),
            (&[-1], true, None),
            (&[1, 1], true, None),
            (&[i32::MAX], true, None),
        ] {
            assert_eq!(Choices::pick(places, 3, multiple).map(Choices::bits), bits, "{places:?}");
        }
        assert_eq!(Choices::of(5).options().collect::<Vec<_>>(), [0, 2]);
        assert!(Choices::default().is_none());
    }

    #[test]
    fn votes_are_added_up_by_option_and_voter() {
        let mut results = Results::none(3);
        for (bits, more) in [(1, 2), (5, 1), (4, 3), (1, -1)] {
            results.add(Choices::of(bits), more);
        }
        assert_eq!(results, Results { votes: vec![2, 0, 4], voters: 5 });
    }

    #[test]
    fn options_are_short_distinct_lines() {
        let faults = |options: &[&str]| {
            let mut out = Violations::default();
            let options: Vec<String> = options.iter().map(|option| (*option).to_owned()).collect();
            check_options("o", &options, 4, &mut out);
            let faults = out.into_result().err().map(|e| e.violations().iter().map(|v| v.field.clone()).collect());
            faults.unwrap_or_else(Vec::<String>::new)
        };
        assert_eq!(faults(&["yes", "no"]), [""; 0]);
        assert_eq!(faults(&["yes"]), ["o"]);
        assert_eq!(faults(&["1", "2", "3", "4", "5"]), ["o"]);
        assert_eq!(faults(&["yes", " yes"]), ["o"]);
        let (long, fits) = ("a".repeat(51), "e\u{301}".repeat(50));
        assert_eq!(faults(&["\u{200b} ", "a\nb", &long, &fits]), ["o[0]", "o[1]", "o[2]"]);
    }
}
