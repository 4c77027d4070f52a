//! Every crate says what it is: a README.md, and a first line of documentation in its root.

use crate::tidy::Violation;
use crate::tidy::tree::Tree;

/// The README may itself be the crate's documentation.
const INCLUDED: &str = "#![doc = include_str!(\"../README.md\")]";

pub(crate) fn check(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for krate in tree.crates() {
        if !tree.exists(&format!("{krate}/README.md")) {
            let manifest = format!("{krate}/Cargo.toml");
            found.push(Violation::new(&manifest, 1, "crate without README.md", "say in one what the crate is for"));
        }
        for root in ["src/lib.rs", "src/main.rs"] {
            let Some(file) = tree.get(&format!("{krate}/{root}")) else { continue };
            let first = file.text.lines().next().unwrap_or_default();
            if !first.starts_with("//! ") && first != INCLUDED {
                let remedy = "begin with `//! ` and one sentence, or include the README as documentation";
                found.push(Violation::new(&file.path, 1, "no documentation on the first line", remedy));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: (&str, &str) = ("libs/a/Cargo.toml", "[package]\nname = \"a\"\n");

    #[test]
    fn a_line_or_the_readme_documents_a_crate() {
        for first in ["//! Says it.\n", "#![doc = include_str!(\"../README.md\")]\n"] {
            let files = [MANIFEST, ("libs/a/README.md", "# a\n"), ("libs/a/src/lib.rs", first)];
            assert_eq!(check(&Tree::of(&files)), []);
        }
    }

    #[test]
    fn a_silent_crate_is_found() {
        assert_eq!(check(&Tree::of(&[MANIFEST, ("libs/a/src/main.rs", "mod b;\n")])).len(), 2);
    }
}
