//! Each test that `docs/guarantees.md` names stands in the folder that it names.

use crate::tidy::Violation;
use crate::tidy::tree::Tree;

const PAGE: &str = "docs/guarantees.md";

pub(crate) fn check(tree: &Tree) -> Vec<Violation> {
    let Some(page) = tree.get(PAGE) else { return Vec::new() };
    let mut found = Vec::new();
    for (at, line) in page.text.lines().enumerate() {
        for (folder, test) in named(line) {
            let stands = |file: &crate::tidy::tree::File| file.is_rust() && names(&file.code, test);
            if !tree.under(folder).any(stands) {
                let problem = format!("{folder} has no test {test}");
                found.push(Violation::new(PAGE, at + 1, problem, "name the test that holds this promise"));
            }
        }
    }
    found
}

/// `` `folder`: `test`, `test`; `folder`: `test` `` in a row's last cell, as pairs.
fn named(line: &str) -> Vec<(&str, &str)> {
    let cell = line.trim_end().trim_end_matches('|').rsplit(" | ").next().unwrap_or_default();
    let groups = cell.split(';').filter_map(|group| group.split_once("`: "));
    let pairs = groups.flat_map(|(folder, tests)| {
        let folder = folder.trim().trim_start_matches('`');
        tests.split('`').skip(1).step_by(2).map(move |test| (folder, test))
    });
    pairs.collect()
}

/// Whether the source has a function of this name, or hands the name to a macro that makes one.
fn names(code: &str, name: &str) -> bool {
    code.contains(&format!("fn {name}("))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROW: &str = "| It holds. | a fault | `tests`: `it_holds`, `it_holds_too`; `libs/a`: `a_holds` |\n";

    #[test]
    fn tests_that_stand_are_fine() {
        let files = [
            (PAGE, ROW),
            ("tests/it/a.rs", "#[test]\nfn it_holds() {}\nasync fn it_holds_too(sandbox: Sandbox) {}"),
            ("libs/a/src/lib.rs", "fn a_holds() {}"),
        ];
        assert_eq!(check(&Tree::of(&files)), []);
    }

    #[test]
    fn a_test_that_is_gone_or_elsewhere_is_found() {
        let files = [(PAGE, ROW), ("libs/a/src/lib.rs", "fn it_holds() {} // fn a_holds()")];
        let found = check(&Tree::of(&files));
        assert_eq!(found.len(), 3, "{found:?}");
    }
}
