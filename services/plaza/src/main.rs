//! The `plaza` program.

use std::process::ExitCode;

use clap::Parser as _;
use plaza::cli::Cli;
use plaza::commands;

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    commands::run(Cli::parse()).await
}
