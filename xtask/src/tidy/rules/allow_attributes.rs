//! No `allow` attribute: an exception is `expect`, which gives a reason and fails once it is no longer needed.
//!
//! Which lints generated code trips is nobody's choice, so a module that includes such code may allow them.

use crate::tidy::Violation;
use crate::tidy::source::line_of;
use crate::tidy::tree::Tree;

/// Includes what a build script wrote.
const GENERATED: &str = "include!(concat!(env!(";

pub(crate) fn check(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for file in tree.rust().filter(|file| !file.code.contains(GENERATED)) {
        for needle in ["#[allow(", "#![allow("] {
            for (at, _) in file.code.match_indices(needle) {
                let line = line_of(&file.code, at);
                found.push(Violation::new(&file.path, line, "allow attribute", "use #[expect(…, reason = \"…\")]"));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expect_is_fine_and_so_is_a_mention() {
        let text = "#[expect(dead_code, reason = \"x\")]\n// #[allow(dead_code)]\nconst A: &str = \"#[allow(x)]\";\n";
        assert_eq!(check(&Tree::of(&[("libs/a/src/lib.rs", text)])), []);
    }

    #[test]
    fn generated_code_may_trip_lints() {
        let text = "#[allow(clippy::all, reason = \"generated\")]\nmod a {\n    include!(concat!(env!(\"OUT_DIR\"), \"/a.rs\"));\n}\n";
        assert_eq!(check(&Tree::of(&[("libs/a/src/lib.rs", text)])), []);
    }

    #[test]
    fn allow_is_found_inside_and_outside() {
        let text = "#![allow(missing_docs)]\n#[allow(dead_code)]\nfn a() {}\n";
        assert_eq!(check(&Tree::of(&[("libs/a/src/lib.rs", text)])).len(), 2);
    }
}
