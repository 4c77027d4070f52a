//! The closed loop, and filling the platform: commands of `plaza` itself.

use std::fs;
use std::process::Command;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::LoadArgs;
use super::results::Row;
use super::shape::Running;
use crate::Outcome;
use crate::process::{output, run};

/// Posts of each author whose way to the last follower is measured.
const DELAYS: &str = "100";

/// The people that calls are made by and about.
#[derive(Debug)]
pub(crate) struct Cast {
    pub(crate) people: Vec<Caller>,
}

/// One of them.
#[derive(Debug, Deserialize)]
pub(crate) struct Caller {
    pub(crate) account_id: i64,
    pub(crate) access_token: String,
}

/// What `plaza bench --json` prints.
#[derive(Deserialize)]
struct Report {
    rows: Vec<Row>,
}

/// Fills the platform through its API.
pub(crate) fn fill(args: &LoadArgs, running: &Running) -> Outcome<Cast> {
    let tokens = running.scratch().join("tokens.json");
    let mut seed = people(args, running, &["seed", "--concurrency", "128"]);
    run(seed.arg("--tokens").arg(&tokens))?;
    let text = fs::read_to_string(&tokens).map_err(|error| format!("cannot read {}: {error}", tokens.display()))?;
    Ok(Cast { people: parsed(&text)? })
}

/// As many calls as are answered, of each kind.
pub(crate) fn calls(args: &LoadArgs, running: &Running) -> Outcome<Vec<Row>> {
    println!("closed loop");
    let mut bench = people(args, running, &["bench", "calls", "--json", "--seconds", &args.seconds.to_string()]);
    for pid in running.pids() {
        bench.args(["--server-pid", &pid.to_string()]);
    }
    Ok(parsed::<Report>(&output(&mut bench)?)?.rows)
}

/// From a post's answer to the feed of the last follower.
pub(crate) fn delay(running: &Running) -> Outcome<Vec<Row>> {
    println!("delay");
    let mut bench = Command::new(running.program());
    bench.args(["bench", "delay", "--json", "--requests", DELAYS, "--target", &running.target()]);
    Ok(parsed::<Report>(&output(&mut bench)?)?.rows)
}

fn people(args: &LoadArgs, running: &Running, verb: &[&str]) -> Command {
    let mut command = Command::new(running.program());
    command.args(verb).args(["--posts", &args.posts.to_string(), "--target", &running.target()]);
    if let Some(edges) = &args.edges {
        command.arg("--edges").arg(edges);
    }
    command
}

fn parsed<T: DeserializeOwned>(text: &str) -> Outcome<T> {
    serde_json::from_str(text).map_err(|error| format!("plaza printed what is no answer: {error}"))
}
