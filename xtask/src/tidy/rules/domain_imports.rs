//! `domain/` is rules and types: no transport, no driver, no bus.

use crate::tidy::Violation;
use crate::tidy::source::{line_of, words};
use crate::tidy::tree::Tree;

const BANNED: &[&str] = &["tonic", "rusqlite", "sqlx", "fred", "neo4rs", "async_nats"];

pub(crate) fn check(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for service in tree.services() {
        for file in tree.under(&format!("services/{service}/src/domain")).filter(|file| file.is_rust()) {
            for name in BANNED {
                for at in words(&file.code, name).filter(|at| is_path(&file.code, *at, name)) {
                    let remedy = "domain/ has rules and types only; move this to api/ or store/";
                    found.push(Violation::new(
                        &file.path,
                        line_of(&file.code, at),
                        format!("{name} in domain/"),
                        remedy,
                    ));
                }
            }
        }
    }
    found
}

/// A crate's name in a path or an import, not a variable that is called the same.
fn is_path(code: &str, at: usize, name: &str) -> bool {
    code[at + name.len()..].starts_with("::") || code[..at].ends_with("use ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_rules_are_fine() {
        let text = "//! Not tonic.\nuse plaza_core::Error;\nfn a(fred: u8) -> u8 { fred }\n";
        assert_eq!(check(&Tree::of(&[("services/a/src/domain/mod.rs", text)])), []);
    }

    #[test]
    fn a_driver_is_found() {
        let text = "use tonic::Status;\nuse fred;\nfn a() -> sqlx::Error { b() }\n";
        let found = check(&Tree::of(&[("services/a/src/domain/deep/x.rs", text)]));
        assert_eq!(found.iter().map(|v| v.line).collect::<Vec<_>>(), [1, 3, 2]);
    }
}
