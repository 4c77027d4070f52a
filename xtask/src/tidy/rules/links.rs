//! A link in a page to a file of the repository leads somewhere.

use crate::tidy::Violation;
use crate::tidy::tree::{File, Tree};

pub(crate) fn check(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for file in tree.files().filter(|file| file.path.ends_with(".md")) {
        for (line, target) in targets(&file.text) {
            if !resolves(tree, file, &target) {
                let remedy = "correct the link, or write the page";
                found.push(Violation::new(&file.path, line, format!("link to {target}, which is not there"), remedy));
            }
        }
    }
    found
}

/// Each link with its line: `[text](target)` and `[name]: target`, but not inside code.
fn targets(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut fenced = false;
    for (at, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            let prose: Vec<&str> = line.split('`').step_by(2).collect();
            // A code span in a link's text leaves the brackets, which are all that is looked for.
            let prose = prose.join("x");
            found.extend(in_line(&prose).into_iter().map(|target| (at + 1, target)));
        }
    }
    found
}

fn in_line(line: &str) -> Vec<String> {
    let inline = line.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
    let named = line.strip_prefix('[').and_then(|rest| rest.split_once("]: ")).map(|(_, target)| target);
    let first_word = |target: &str| target.split_whitespace().next().unwrap_or_default().to_owned();
    inline.chain(named).map(first_word).collect()
}

fn resolves(tree: &Tree, file: &File, target: &str) -> bool {
    let path = target.split('#').next().unwrap_or_default();
    if path.is_empty() || path.contains("://") || path.starts_with("mailto:") {
        return true;
    }
    let mut parts: Vec<&str> = file.path.split('/').collect();
    parts.pop();
    for part in path.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part != ".." {
            parts.push(part);
        } else if parts.pop().is_none() {
            return false;
        }
    }
    tree.exists(&parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_that_lead_somewhere_and_code_are_fine() {
        let page = "[a](../README.md#top) ![b](b.png \"title\") [c](https://x.y/z) [d](#e) [`f`](.)\n\
            `[g](nowhere)`\n```\n[h](nowhere)\n```\n[i]: ../docs/page.md\n";
        let files = [("docs/page.md", page), ("README.md", ""), ("docs/b.png", "")];
        assert_eq!(check(&Tree::of(&files)), []);
    }

    #[test]
    fn a_dead_link_is_found() {
        let page = "[a](gone.md)\n\n[b](../../outside.md) and [c](../docs/gone.md#x)\n[d]: gone.md\n";
        let found = check(&Tree::of(&[("docs/page.md", page)]));
        assert_eq!(found.iter().map(|v| v.line).collect::<Vec<_>>(), [1, 3, 3, 4]);
    }
}
