//! `plaza bench`: measures a platform from outside, over gRPC.

mod delay;
mod drive;
mod extremes;
mod report;
mod scenes;
mod server;
mod stage;
mod steps;
mod wire;

use crate::cli::{BenchArgs, BenchCommand, LoadArgs};
use crate::failure::Result;
use crate::plan;

use scenes::Scene;

/// Runs one measurement and prints it.
///
/// # Errors
/// A platform that cannot be started, filled or reached.
pub async fn run(args: &BenchArgs) -> Result<()> {
    let (load, report) = match &args.command {
        BenchCommand::Calls(load) => (load, scenes(&Scene::ALL, load).await?),
        BenchCommand::Home(load) => (load, scenes(&[Scene::Home], load).await?),
        BenchCommand::User(load) => (load, scenes(&[Scene::User], load).await?),
        BenchCommand::Compose(load) => (load, scenes(&[Scene::Compose], load).await?),
        BenchCommand::Follow(load) => (load, scenes(&[Scene::Follow], load).await?),
        BenchCommand::Mix(load) => (load, scenes(&[Scene::Mix], load).await?),
        BenchCommand::Followers(load) => (load, steps::followers(load).await?),
        BenchCommand::Delay(load) => (load, delay::run(load).await?),
        BenchCommand::Extremes(load) => (load, extremes::run(load).await?),
        BenchCommand::Length(load) => (load, steps::length(load).await?),
    };
    report.print(load.json);
    Ok(())
}

async fn scenes(scenes: &[Scene], load: &LoadArgs) -> Result<report::Report> {
    scenes::run(scenes, load, plan::of(&load.people, &load.sizes)?).await
}
