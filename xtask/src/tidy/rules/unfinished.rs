//! Nothing is left for later in the code: what is missing is an issue, not a marker.

use crate::tidy::Violation;
use crate::tidy::source::{line_of, words};
use crate::tidy::tree::Tree;

const MARKERS: &[&str] = &["TODO", "FIXME"];
const MACROS: &[&str] = &["todo", "unimplemented"];

/// This file names what it bans.
const EXEMPT: &str = "xtask/src/tidy/rules/unfinished.rs";

pub(crate) fn check(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for file in tree.files().filter(|file| file.path != EXEMPT && file.name() != "Cargo.lock") {
        let markers = MARKERS.iter().flat_map(|marker| words(&file.text, marker).map(move |at| (*marker, at)));
        let macros = MACROS.iter().flat_map(|name| words(&file.code, name).map(move |at| (*name, at)));
        let macros = macros.filter(|(name, at)| file.code[at + name.len()..].starts_with('!'));
        for (what, at) in markers.chain(macros) {
            // Masking keeps lines but not offsets of wide characters, so each text counts its own lines.
            let text = if MARKERS.contains(&what) { &file.text } else { &file.code };
            let problem = format!("unfinished: {what}");
            found.push(Violation::new(&file.path, line_of(text, at), problem, "finish it, or file an issue"));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finished_code_is_fine() {
        let text = "// The method is todo_list.\nfn todo() {}\nmatch x { _ => unreachable!() }\n";
        assert_eq!(check(&Tree::of(&[("libs/a/src/lib.rs", text)])), []);
    }

    #[test]
    fn markers_and_macros_are_found() {
        let text = "// ä TODO: later\nfn a() { todo!() }\nfn b() { unimplemented!(\"x\") }\n";
        let found = check(&Tree::of(&[("libs/a/src/lib.rs", text), ("docs/a.md", "FIXME\n")]));
        assert_eq!(found.len(), 4);
        assert_eq!(found[1].line, 1);
    }
}
