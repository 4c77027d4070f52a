//! Edge lists: two numbers a line, a friendship each, which is two follows.

use std::collections::{BTreeSet, HashMap};

use super::Follows;

/// Why a text is not an edge list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EdgeError {
    /// A line is not two numbers.
    #[error("line {line}: `{text}` is not two whole numbers apart by blanks, such as `17 4`")]
    BadLine {
        /// Its number, from 1.
        line: usize,
        /// The start of it.
        text: String,
    },
    /// There is no edge in it.
    #[error("there is no edge in it; a line has two numbers apart by blanks, such as `17 4`")]
    Empty,
}

/// Reads an edge list. Blank lines are fine, and comments that start with `#` or `%`; people are renumbered from 0 by
/// rising number; an edge from a person to themselves is left out.
///
/// # Errors
/// The first line that is not two numbers, or that there is no edge at all.
pub fn parse(text: &str) -> Result<Follows, EdgeError> {
    let mut edges = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', '%']) {
            continue;
        }
        let bad = || EdgeError::BadLine { line: at + 1, text: line.chars().take(40).collect() };
        edges.push(edge(line).ok_or_else(bad)?);
    }
    let people: BTreeSet<u64> = edges.iter().flat_map(|(a, b)| [*a, *b]).collect();
    if people.is_empty() {
        return Err(EdgeError::Empty);
    }
    let numbers: HashMap<u64, u32> = people.into_iter().zip(0u32..).collect();
    let both = edges.iter().flat_map(|(a, b)| [(numbers[a], numbers[b]), (numbers[b], numbers[a])]);
    Ok(Follows::from_pairs(u32::try_from(numbers.len()).unwrap_or(u32::MAX), both.collect()))
}

fn edge(line: &str) -> Option<(u64, u64)> {
    let mut parts = line.split_whitespace();
    let edge = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    parts.next().is_none().then_some(edge)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_friendship_is_two_follows_and_said_twice_it_is_one() {
        let graph = parse("# people\n\n10 7\r\n7\t10\n% more\n  3 7  \n3 3\n").unwrap();
        assert_eq!(graph.people(), 3);
        assert_eq!(graph.pairs().collect::<Vec<_>>(), [(0, 1), (1, 0), (1, 2), (2, 1)]);
    }

    #[test]
    fn a_bad_line_is_named_by_its_number() {
        for bad in ["1", "1 x", "1 2 3", "-1 2", "1.5 2", "1,2", "99999999999999999999 1"] {
            let error = parse(&format!("1 2\n# fine\n{bad}\n")).unwrap_err();
            assert_eq!(error, EdgeError::BadLine { line: 3, text: bad.to_owned() });
        }
        assert!(parse("a b").unwrap_err().to_string().starts_with("line 1: `a b` is not two whole numbers"));
    }

    #[test]
    fn a_list_without_edges_is_refused() {
        assert_eq!(parse("# nothing\n\n"), Err(EdgeError::Empty));
    }
}
