//! Every service has the same shape, so that who knows one knows all.

use crate::tidy::Violation;
use crate::tidy::tree::Tree;

const PARTS: &[&str] =
    &["README.md", "src/lib.rs", "src/app.rs", "src/config.rs", "src/api", "src/domain", "src/store", "tests/it"];

pub(crate) fn check(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for service in tree.services() {
        for part in PARTS {
            let path = format!("services/{service}/{part}");
            if !tree.exists(&path) {
                let remedy = "docs/adding-a-service.md says what belongs there";
                found.push(Violation::new(&path, 1, "part of a service's shape is missing", remedy));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &[(&str, &str)] = &[
        ("services/a/README.md", ""),
        ("services/a/src/lib.rs", ""),
        ("services/a/src/app.rs", ""),
        ("services/a/src/config.rs", ""),
        ("services/a/src/api/mod.rs", ""),
        ("services/a/src/domain/mod.rs", ""),
        ("services/a/src/store/mod.rs", ""),
        ("services/a/tests/it/main.rs", ""),
        ("services/plaza/src/main.rs", ""),
    ];

    #[test]
    fn a_whole_service_is_fine_and_the_binary_is_none() {
        assert_eq!(check(&Tree::of(WHOLE)), []);
    }

    #[test]
    fn each_missing_part_is_found() {
        assert_eq!(check(&Tree::of(&WHOLE[..4])).len(), 4);
    }
}
