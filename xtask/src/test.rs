//! `cargo xtask test`: every test, streamed and counted.

use std::fmt;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use crate::stores::{self, ForTests};
use crate::{Outcome, engines, process};

/// How many tests passed and failed, over all test binaries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Total {
    passed: u64,
    failed: u64,
}

impl Total {
    /// Takes in one line of `cargo test`; only the result lines count.
    fn take(&mut self, line: &str) {
        let Some(result) = line.trim_start().strip_prefix("test result: ") else { return };
        self.passed += number_before(result, " passed;");
        self.failed += number_before(result, " failed;");
    }
}

impl fmt::Display for Total {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} passed, {} failed", self.passed, self.failed)
    }
}

fn number_before(text: &str, word: &str) -> u64 {
    let before = text.split(word).next().unwrap_or_default();
    before.rsplit(' ').next().and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

pub(crate) fn verb(args: &[String], no_stores: bool) -> Outcome {
    let (total, outcome) = run(args, no_stores);
    if let Err(message) = &outcome {
        eprintln!("error: {message}");
    }
    println!("{total}");
    outcome.map_err(|_| String::new())
}

/// Runs the tests and prints the summary, but for its last line, the total.
pub(crate) fn run(args: &[String], no_stores: bool) -> (Total, Outcome) {
    let mut total = Total::default();
    let mut outcome = on_stores(args, no_stores, &mut total);
    if total.failed > 0 && outcome.is_ok() {
        outcome = Err("tests failed".to_owned());
    }
    if outcome.is_err() && total.failed == 0 {
        // A build that broke or a test binary that crashed leaves no result line; it must not read as "0 failed".
        total.failed = 1;
    }
    (total, outcome)
}

fn on_stores(args: &[String], no_stores: bool, total: &mut Total) -> Outcome {
    build_binary(args)?;
    let mut stores = match no_stores {
        true if stores::required() => return Err("PLAZA_REQUIRE_STORES=all and --no-stores contradict".to_owned()),
        true => ForTests::none(),
        false => ForTests::start()?,
    };
    let outcome = run_tests(args, &stores, total);
    stores.end();
    if *total == Total::default() {
        println!("no test ran, on no store engine");
    } else {
        engines::summary(&stores, args.is_empty()).iter().for_each(|line| println!("{line}"));
    }
    outcome
}

/// The journey tests start the `plaza` binary as a process, and `cargo test` alone does not build it.
fn build_binary(args: &[String]) -> Outcome {
    let mut build = process::cargo(&["build", "--package", "plaza"]);
    if own_args(args).any(|arg| arg == "--release") {
        build.arg("--release");
    }
    process::run(&mut build)
}

fn run_tests(args: &[String], stores: &ForTests, total: &mut Total) -> Outcome {
    let mut tests = process::cargo(&["test", "--no-fail-fast"]);
    if !own_args(args).any(selects_package) {
        tests.arg("--workspace");
    }
    tests.args(args).stdout(Stdio::piped());
    stores.tell(&mut tests);
    let mut child = tests.spawn().map_err(|error| format!("cannot start cargo test: {error}"))?;
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).split(b'\n') {
            let line = line.map_err(|error| format!("cannot read cargo test: {error}"))?;
            let line = String::from_utf8_lossy(&line);
            println!("{line}");
            total.take(&line);
        }
    }
    let status = child.wait().map_err(|error| format!("cannot wait for cargo test: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("cargo test ended with {status}")) }
}

/// The arguments for cargo itself, before `--`.
fn own_args(args: &[String]) -> impl Iterator<Item = &str> {
    args.iter().map(String::as_str).take_while(|arg| *arg != "--")
}

/// Cargo lets `--workspace` win over a package that is named, and refuses it when given twice.
fn selects_package(arg: &str) -> bool {
    ["-p", "--package", "--workspace"].iter().any(|option| arg.starts_with(option))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_lines_are_summed_and_other_lines_are_not() {
        let mut total = Total::default();
        total.take("test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s\n");
        total.take("test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out\n");
        total.take("test posts::counts_9 passed; ... ok\n");
        assert_eq!(total.to_string(), "15 passed, 2 failed");
    }

    #[test]
    fn a_named_package_is_seen_before_the_dashes_only() {
        let args: Vec<String> = ["-pplaza-core", "--", "-p"].map(str::to_owned).to_vec();
        assert!(own_args(&args).any(selects_package));
        assert!(!own_args(&args[1..]).any(selects_package));
    }
}
