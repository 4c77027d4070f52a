//! No path of one machine: what is checked in runs on every machine.

use crate::tidy::Violation;
use crate::tidy::source::line_of;
use crate::tidy::tree::Tree;

const BANNED: &[&str] = &["/work/", "/root/", "/home/"];

/// This file names what it bans.
const EXEMPT: &str = "xtask/src/tidy/rules/machine_paths.rs";

pub(crate) fn check(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for file in tree.files().filter(|file| file.path != EXEMPT) {
        for needle in BANNED {
            for (at, _) in file.text.match_indices(needle).filter(|(at, _)| is_absolute(&file.text, *at)) {
                let remedy = "use a path in the repository, $HOME, or a temporary folder";
                found.push(Violation::new(&file.path, line_of(&file.text, at), format!("path {needle}…"), remedy));
            }
        }
    }
    found
}

/// The slash begins the path: it does not follow another part of it, or of an address.
fn is_absolute(text: &str, at: usize) -> bool {
    let before = text[..at].chars().next_back();
    !before.is_some_and(|c| c.is_alphanumeric() || "_-.}>)*".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_inside_the_repository_and_addresses_are_fine() {
        let text = "./work/a $HOME/.cache https://x.y/home/z \"/v1/home/feed\" services/*/work/\n";
        assert_eq!(check(&Tree::of(&[("docs/page.md", text)])), []);
    }

    #[test]
    fn a_path_of_a_machine_is_found() {
        let text = "cd /home/someone/plaza\nlet a = \"/root/x\";\n";
        assert_eq!(check(&Tree::of(&[("docs/page.md", text)])).len(), 2);
    }
}
