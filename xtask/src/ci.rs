//! `cargo xtask ci`: the steps of CI, in order, up to the first that fails.

use crate::process::{cargo, command, run, succeeds};
use crate::stopwatch::Stopwatch;
use crate::stores::{self, StoresVerb};
use crate::test::{self, Total};
use crate::{Outcome, proto, readme, tidy};

pub(crate) fn verb() -> Outcome {
    let mut steps = Steps::default();
    let mut total = None;
    let outcome = all(&mut steps, &mut total);
    println!();
    for (name, seconds) in &steps.done {
        println!("{seconds:>7.1} s  {name}");
    }
    println!("advisories are not checked: their database cannot be reached offline");
    if let Err(message) = &outcome {
        eprintln!("error: {message}");
    }
    if let Some(total) = total {
        println!("{total}");
    }
    outcome.map_err(|_| String::new())
}

fn all(steps: &mut Steps, total: &mut Option<Total>) -> Outcome {
    steps.run("fetch", || run(&mut cargo(&["fetch", "--locked"])))?;
    steps.run("format", || run(&mut cargo(&["fmt", "--all", "--check"])))?;
    steps.run("clippy", || run(&mut cargo(&["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"])))?;
    steps.run("tidy", || tidy::verb(None))?;
    // A protoc that cannot run shows that the build needs none.
    steps.run("build", || run(cargo(&["build", "--package", "plaza"]).env("PROTOC", "/nonexistent/protoc")))?;
    let tested = steps.run("stores up", || stores::verb(&StoresVerb::up())).and_then(|()| on_stores(steps, total));
    // Also after an error, so that nothing is left behind; the first error is told.
    let ended = steps.run("stores down", || stores::verb(&StoresVerb::down()));
    tested.and(ended)?;
    steps.run("proto", || proto::verb(None))?;
    steps.run("deny", deny)?;
    steps.run("readme", || readme::verb(false))
}

/// The tests, on stores that run.
fn on_stores(steps: &mut Steps, total: &mut Option<Total>) -> Outcome {
    steps.run("stores status", || stores::verb(&StoresVerb::status_of_all()))?;
    steps.run("test", || {
        let (counted, outcome) = test::run(&[], false);
        println!("{counted}");
        *total = Some(counted);
        outcome
    })
}

fn deny() -> Outcome {
    if !succeeds(&mut command("cargo-deny", &["--version"])) {
        return Err("cargo-deny is not on the PATH: run .ci/run, which installs it".into());
    }
    let what = ["deny", "--offline", "check", "--hide-inclusion-graph", "licenses", "bans", "sources"];
    run(&mut cargo(&what))
}

/// The steps that ran, with their seconds.
#[derive(Default)]
struct Steps {
    done: Vec<(&'static str, f64)>,
}

impl Steps {
    fn run(&mut self, name: &'static str, step: impl FnOnce() -> Outcome) -> Outcome {
        println!("\n== {name}");
        let watch = Stopwatch::start();
        let outcome = step();
        let seconds = watch.elapsed().as_secs_f64();
        println!("== {name}: {seconds:.1} s");
        self.done.push((name, seconds));
        outcome.map_err(|error| if error.is_empty() { format!("{name} failed") } else { format!("{name}: {error}") })
    }
}
