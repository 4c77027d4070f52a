//! What a developer or CI runs: `cargo xtask <verb>`.

mod ci;
mod cluster;
mod engines;
mod load;
mod process;
mod proto;
mod readme;
mod stopwatch;
mod stores;
mod test;
mod tidy;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use cluster::ClusterVerb;
use load::LoadArgs;
use stores::StoresVerb;

/// What a verb comes to. The error is a message for the terminal, empty where the verb has printed its own.
type Outcome<T = ()> = Result<T, String>;

/// What a developer or CI runs.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Run every test of the workspace and count them.
    #[command(after_help = "Examples:
  cargo xtask test                             every test
  cargo xtask test -p plaza-graph              one crate
  cargo xtask test follow -- --nocapture       tests by name, with their output
  cargo xtask test --no-stores                 on the embedded engines alone

It starts the real stores that it can and ends those that it started; the last lines say which engines were tested and
which were not. With PLAZA_REQUIRE_STORES=all one that is missing is a failure.")]
    Test {
        /// Neither look for the real stores nor start them; stands before all else.
        #[arg(long)]
        no_stores: bool,
        /// Passed to `cargo test` as they are.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        args: Vec<String>,
    },
    /// Get and start the real stores that the services run on.
    Stores {
        #[command(subcommand)]
        verb: StoresVerb,
    },
    /// Run the platform in pieces on the real stores, on this machine.
    Cluster {
        #[command(subcommand)]
        verb: ClusterVerb,
    },
    /// Measure the platform on the embedded engines and on the real stores, side by side (needs ghz).
    #[command(after_help = "Examples:
  cargo xtask load                               every shape, on a graph that is made
  cargo xtask load --edges FILE --seconds 5      on a graph of yours
  cargo xtask load real separate                 these two
  cargo xtask load --tables                      what was measured last

Scenarios are in tests/load, what came out is in tests/load/results. What it wrote to the stores stays in them, under names
of its own, until `cargo xtask stores reset`.")]
    Load(LoadArgs),
    /// Check the layout and the bans that no compiler checks.
    #[command(after_help = "Examples:
  cargo xtask tidy
  cargo xtask tidy --rule links")]
    Tidy {
        /// Run this rule alone.
        #[arg(long)]
        rule: Option<String>,
    },
    /// Lint the .proto files and look for breaking changes (needs buf).
    #[command(after_help = "Examples:
  cargo xtask proto
  cargo xtask proto --against v0.1.0")]
    Proto {
        /// The git ref to compare with; by default the merge base with main.
        #[arg(long)]
        against: Option<String>,
    },
    /// Run the commands of README.md.
    #[command(after_help = "Examples:
  cargo xtask readme
  cargo xtask readme --list

Every sh block of the README has one of these comments before it:
  <!-- ci: run -->                              run it; it has to succeed
  <!-- ci: background until=ready: -->          start it, go on when it prints this
  <!-- ci: background until=127.0.0.1:8080 -->  start it, go on when this port answers
  <!-- ci: skip it needs a cluster -->          do not run it, for this reason")]
    Readme {
        /// Show the blocks and their tags, run nothing.
        #[arg(long)]
        list: bool,
    },
    /// Everything CI runs, in its order.
    #[command(after_help = "Example:
  cargo xtask ci        with buf, cargo-deny and grpcurl on the PATH; .ci/run installs them first")]
    Ci,
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().verb {
        Verb::Test { no_stores, args } => test::verb(&args, no_stores),
        Verb::Stores { verb } => stores::verb(&verb),
        Verb::Cluster { verb } => cluster::verb(verb),
        Verb::Load(args) => load::verb(&args),
        Verb::Tidy { rule } => tidy::verb(rule.as_deref()),
        Verb::Proto { against } => proto::verb(against.as_deref()),
        Verb::Readme { list } => readme::verb(list),
        Verb::Ci => ci::verb(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            if !message.is_empty() {
                eprintln!("error: {message}");
            }
            ExitCode::FAILURE
        }
    }
}
