//! A function fits on a screen.

use crate::tidy::Violation;
use crate::tidy::source::functions;
use crate::tidy::tree::Tree;

const LINES: usize = 70;

pub(crate) fn check(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for file in tree.rust().filter(|file| !file.is_generated()) {
        for function in functions(&file.code) {
            let lines = function.last_line - function.first_line + 1;
            if lines > LINES {
                let problem = format!("fn {} has {lines} lines, at most {LINES}", function.name);
                found.push(Violation::new(&file.path, function.first_line, problem, "split it into named steps"));
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_lines(lines: usize) -> String {
        format!("/// Doc.\nfn a() {{\n{}}}\n", "    b(\"}\");\n".repeat(lines - 2))
    }

    #[test]
    fn up_to_the_bound_is_fine() {
        assert_eq!(check(&Tree::of(&[("libs/a/src/lib.rs", &of_lines(LINES))])), []);
    }

    #[test]
    fn one_more_line_is_found_where_the_function_begins() {
        let found = check(&Tree::of(&[("libs/a/src/lib.rs", &of_lines(LINES + 1))]));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].line, 2);
    }
}
