//! Clock, ids and randomness are passed in: no source of them outside plaza-core.

use crate::tidy::Violation;
use crate::tidy::source::{is_word, line_of, words};
use crate::tidy::tree::{File, Tree};

/// plaza-core makes the sources; the stopwatch of this tool times steps for a terminal.
const EXEMPT: &[&str] = &["libs/plaza-core/", "xtask/src/stopwatch.rs"];

const BANNED: &[(&str, &str)] = &[
    ("SystemTime::now", "take the time from plaza_core's clock"),
    ("thread_rng", "take randomness from plaza_core's Env"),
    ("Uuid::new_v4", "take ids from plaza_core's Env"),
    ("Uuid::now_v7", "take ids from plaza_core's Env"),
    ("Rng::new", "take randomness from plaza_core's Env, or a seed that the caller gives"),
];

pub(crate) fn check(tree: &Tree) -> Vec<Violation> {
    let mut found = Vec::new();
    for file in tree.rust().filter(|file| !EXEMPT.iter().any(|exempt| file.path.starts_with(exempt))) {
        for (needle, remedy) in BANNED {
            for at in words(&file.code, needle) {
                found.push(Violation::new(&file.path, line_of(&file.code, at), needle, remedy));
            }
        }
        rand_crates(file, &mut found);
        std_instants(file, &mut found);
    }
    found
}

/// `rand::` whole, and the functions of `fastrand` that draw from its hidden generator (its seeded type is fine).
fn rand_crates(file: &File, found: &mut Vec<Violation>) {
    let remedy = "take randomness from plaza_core's Env";
    for at in words(&file.code, "rand").filter(|at| file.code[at + 4..].starts_with("::")) {
        found.push(Violation::new(&file.path, line_of(&file.code, at), "rand::", remedy));
    }
    for at in words(&file.code, "fastrand") {
        let hidden = file.code[at + 8..].strip_prefix("::").is_some_and(|rest| rest.starts_with(char::is_lowercase));
        if hidden {
            found.push(Violation::new(&file.path, line_of(&file.code, at), "hidden fastrand generator", remedy));
        }
    }
}

/// `Instant::now` is fine when it is tokio's, which a test can pause.
fn std_instants(file: &File, found: &mut Vec<Violation>) {
    let imported = imports_from_tokio(&file.code, "Instant");
    let module = imports_from_tokio(&file.code, "time");
    for at in words(&file.code, "Instant::now") {
        let path: Vec<char> = file.code[..at].chars().rev().take_while(|c| is_word(*c) || *c == ':').collect();
        let path: String = path.into_iter().rev().collect();
        let is_tokio = match path.as_str() {
            "" => imported,
            "time::" => module,
            other => other.ends_with("tokio::time::"),
        };
        if !is_tokio {
            let line = line_of(&file.code, at);
            found.push(Violation::new(&file.path, line, "Instant::now of std", "use tokio::time::Instant::now"));
        }
    }
}

fn imports_from_tokio(code: &str, word: &str) -> bool {
    let mut imports = code.match_indices("use tokio::").filter_map(|(at, _)| code[at..].split(';').next());
    imports.any(|import| words(import, word).next().is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(text: &str) -> usize {
        check(&Tree::of(&[("services/a/src/app.rs", text)])).len()
    }

    #[test]
    fn tokio_time_seeds_and_plaza_core_are_fine() {
        assert_eq!(count("use tokio::time::{Duration, Instant};\nfn a() { Instant::now(); }\n"), 0);
        assert_eq!(count("fn a() { tokio::time::Instant::now(); }\n"), 0);
        assert_eq!(count("use tokio::time;\nfn a() { time::Instant::now(); }\n"), 0);
        assert_eq!(count("fn a() { fastrand::Rng::with_seed(1); }\n// SystemTime::now\n"), 0);
        assert_eq!(check(&Tree::of(&[("libs/plaza-core/src/clock.rs", "SystemTime::now()")])), []);
    }

    #[test]
    fn hidden_sources_are_found() {
        assert_eq!(count("use std::time::Instant;\nfn a() { Instant::now(); }\n"), 1);
        assert_eq!(count("fn a() { std::time::Instant::now(); std::time::SystemTime::now(); }\n"), 2);
        assert_eq!(count("fn a() { rand::random(); thread_rng(); fastrand::u64(..); fastrand::Rng::new(); }\n"), 4);
        assert_eq!(count("fn a() { Uuid::new_v4(); uuid::Uuid::now_v7(); }\n"), 2);
    }
}
