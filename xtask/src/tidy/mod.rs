//! `cargo xtask tidy`: what must be absent from the tree, where no compiler looks.

mod rules;
mod source;
mod tree;

use std::fmt;

use crate::{Outcome, process};
use tree::Tree;

/// One place that breaks one rule.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Violation {
    path: String,
    line: usize,
    message: String,
}

impl Violation {
    /// `problem` says what is there, `remedy` what to do about it. Lines count from 1.
    fn new(path: &str, line: usize, problem: impl fmt::Display, remedy: impl fmt::Display) -> Self {
        Self { path: path.to_owned(), line, message: format!("{problem} — {remedy}") }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

pub(crate) fn verb(only: Option<&str>) -> Outcome {
    let tree = Tree::load(&process::root())?;
    let selected: Vec<_> = rules::ALL.iter().filter(|(name, _)| only.is_none_or(|only| only == *name)).collect();
    if selected.is_empty() {
        let names = rules::ALL.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        return Err(format!("no such rule; the rules are {names}"));
    }
    let mut found = 0;
    for (name, check) in &selected {
        let violations = check(&tree);
        for violation in &violations {
            println!("{violation} [{name}]");
        }
        found += violations.len();
    }
    if found > 0 {
        return Err(format!("tidy found {found} violations"));
    }
    println!("tidy: {} rules hold over {} files", selected.len(), tree.len());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_violation_says_where_what_and_what_to_do() {
        let violation = Violation::new("libs/a/src/lib.rs", 7, "too long", "split it");
        assert_eq!(violation.to_string(), "libs/a/src/lib.rs:7: too long — split it");
    }

    #[test]
    fn an_empty_tree_breaks_no_rule() {
        for (name, check) in rules::ALL {
            assert_eq!(check(&Tree::of(&[])), [], "{name}");
        }
    }
}
