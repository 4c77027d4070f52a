//! The store engines, and which of them a test run reaches.
//!
//! One conformance suite runs on every engine of a store. The embedded engines need nothing and always take part. An
//! engine that needs a running server takes part when its server's address is set; until such an engine is built it
//! stands here as planned, so that the summary never lets "all green" pass for "tested on everything".

/// When an engine takes part in a test run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    /// Embedded: in every run.
    Nothing,
    /// Not built yet: in no run.
    Building,
}

const ENGINES: &[(&str, Takes)] = &[
    ("sqlite", Takes::Nothing),
    ("memory", Takes::Nothing),
    ("postgres", Takes::Building),
    ("redis", Takes::Building),
    ("neo4j", Takes::Building),
    ("nats", Takes::Building),
];

/// The lines of the summary: what was tested, what was not.
pub(crate) fn summary(every_test: bool) -> [String; 2] {
    let named = |takes: Takes| -> String {
        let names = ENGINES.iter().filter(|(_, engine)| *engine == takes).map(|(name, _)| *name);
        names.collect::<Vec<_>>().join(", ")
    };
    let scope = if every_test { "" } else { ", as far as the selected tests use them" };
    [
        format!("store engines tested: {} (embedded{scope})", named(Takes::Nothing)),
        format!("store engines not tested: {} (planned, not built yet)", named(Takes::Building)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_engine_is_in_one_line_of_the_summary() {
        let [tested, not_tested] = summary(true);
        for (name, _) in ENGINES {
            assert!(tested.contains(name) != not_tested.contains(name), "{name}");
        }
    }

    #[test]
    fn a_selection_of_tests_is_said() {
        assert!(!summary(true)[0].contains("selected"));
        assert!(summary(false)[0].contains("selected"));
    }
}
