//! A file that outgrows its bound holds more than one thing.

use crate::tidy::Violation;
use crate::tidy::tree::{File, Tree};

const LINES: usize = 500;
/// Tests are read one by one, so their files may be longer.
const TEST_LINES: usize = 700;

pub(crate) fn check(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for file in tree.rust().filter(|file| !file.is_generated()) {
        let bound = if is_test(file) { TEST_LINES } else { LINES };
        let lines = file.text.lines().count();
        if lines > bound {
            let problem = format!("{lines} lines, at most {bound}");
            found.push(Violation::new(&file.path, bound + 1, problem, "split it by what its parts are about"));
        }
    }
    found
}

fn is_test(file: &File) -> bool {
    let in_tests = file.path.starts_with("tests/") || file.path.contains("/tests/");
    in_tests || file.name() == "tests.rs" || file.name().ends_with("_tests.rs")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn up_to_the_bound_is_fine() {
        let (code, test) = ("\n".repeat(LINES), "\n".repeat(TEST_LINES));
        let generated = format!("// @generated\n{test}");
        let files = [
            ("libs/a/src/lib.rs", code.as_str()),
            ("libs/a/tests/it/main.rs", test.as_str()),
            ("libs/a/src/made.rs", generated.as_str()),
        ];
        assert_eq!(check(&Tree::of(&files)), []);
    }

    #[test]
    fn one_more_line_is_found() {
        let (code, test) = ("\n".repeat(LINES + 1), "\n".repeat(TEST_LINES + 1));
        let files = [("libs/a/src/lib.rs", code.as_str()), ("tests/journeys/main.rs", test.as_str())];
        assert_eq!(check(&Tree::of(&files)).len(), 2);
    }
}
