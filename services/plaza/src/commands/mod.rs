//! What each command does.

mod admin;
mod demo;
mod signals;
mod story;
mod up;

use std::process::ExitCode;

use crate::bench;
use crate::cli::{Cli, Command};
use crate::failure::Result;

/// Runs a command; what went wrong goes to standard error.
pub async fn run(cli: Cli) -> ExitCode {
    match dispatch(cli.command).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("plaza: {failure}");
            ExitCode::from(failure.status())
        }
    }
}

async fn dispatch(command: Command) -> Result<()> {
    match command {
        Command::Up(args) => up::up(args).await,
        Command::Serve(args) => up::serve(args).await,
        Command::Migrate(args) => up::migrate(args).await,
        Command::Demo(args) => demo::demo(args).await,
        Command::Seed(args) => demo::seed(args).await,
        Command::Projections(args) => admin::projections(args).await,
        Command::Rebuild(args) => admin::rebuild(args).await,
        Command::Audit(args) => admin::audit(args).await,
        Command::Dlq(args) => admin::dlq(args).await,
        Command::Bench(args) => bench::run(&args).await,
    }
}
