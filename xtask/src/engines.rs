//! The store engines, and which of them a test run reaches.
//!
//! One conformance suite runs on every engine of a store. The embedded engines need nothing and always take part. An
//! engine that needs a running server takes part when there is one; the summary never lets "all green" pass for "tested
//! on everything".

use crate::stores::ForTests;

const EMBEDDED: &str = "sqlite, memory";

/// The lines of the summary: what was tested, and for each that was not, why.
pub(crate) fn summary(stores: &ForTests, every_test: bool) -> Vec<String> {
    let scope = if every_test { "" } else { ", as far as the selected tests use them" };
    let real = stores.tested();
    let real = if real.is_empty() { String::new() } else { format!(", {} (real)", real.join(", ")) };
    let mut lines = vec![format!("store engines tested: {EMBEDDED} (embedded){real}{scope}")];
    let missing = stores.not_tested();
    lines.extend(missing.iter().map(|(name, why)| format!("store engine NOT TESTED: {name}: {why}")));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_tested_has_a_line_of_its_own_with_the_reason() {
        let lines = summary(&ForTests::none(), true);
        assert_eq!(lines[0], "store engines tested: sqlite, memory (embedded)");
        assert!(lines.contains(&"store engine NOT TESTED: neo4j: --no-stores".to_owned()), "{lines:?}");
    }

    #[test]
    fn a_selection_of_tests_is_said() {
        assert!(!summary(&ForTests::none(), true)[0].contains("selected"));
        assert!(summary(&ForTests::none(), false)[0].contains("selected"));
    }
}
