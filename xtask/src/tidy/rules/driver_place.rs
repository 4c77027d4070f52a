//! A driver is named only by the engine that runs on it: `store/<engine>.rs`, or the folder `store/<engine>/`.

use crate::tidy::Violation;
use crate::tidy::source::{line_of, words};
use crate::tidy::tree::Tree;

/// Each driver with its engine.
const DRIVERS: &[(&str, &str)] =
    &[("rusqlite", "sqlite"), ("sqlx", "postgres"), ("fred", "redis"), ("neo4rs", "neo4j")];

/// The connections to every kind of store, and the outbox and log, which are engines of their own.
const EXEMPT: &[&str] = &["libs/plaza-stores/", "libs/plaza-events/"];

pub(crate) fn check(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    let exempt = |path: &str| EXEMPT.iter().any(|exempt| path.starts_with(exempt));
    for file in tree.rust().filter(|file| !exempt(&file.path)) {
        for (driver, engine) in DRIVERS.iter().filter(|(_, engine)| !runs(&file.path, engine)) {
            for at in words(&file.code, driver) {
                let line = line_of(&file.code, at);
                let remedy = format!("only store/{engine}.rs names it; go through the store's trait");
                found.push(Violation::new(&file.path, line, format!("{driver} here"), remedy));
            }
        }
    }
    found
}

/// Whether a file is the engine, or a part of it.
fn runs(path: &str, engine: &str) -> bool {
    let Some((_, inside)) = path.split_once("/src/store/") else { return false };
    path.starts_with("services/") && (inside == format!("{engine}.rs") || inside.starts_with(&format!("{engine}/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "use rusqlite::Row;\n";

    #[test]
    fn the_engine_may_name_its_driver() {
        let places =
            ["services/a/src/store/sqlite.rs", "services/a/src/store/sqlite/rows.rs", "libs/plaza-stores/src/x.rs"];
        for path in places {
            assert_eq!(check(&Tree::of(&[(path, TEXT)])), [], "{path}");
        }
        assert_eq!(check(&Tree::of(&[("services/a/src/app.rs", "// rusqlite groups commits\n")])), []);
    }

    #[test]
    fn others_may_not() {
        for path in ["services/a/src/app.rs", "services/a/src/store/mod.rs", "services/a/src/store/memory.rs"] {
            assert_eq!(check(&Tree::of(&[(path, TEXT)])).len(), 1, "{path}");
        }
    }
}
