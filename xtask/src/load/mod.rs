//! `cargo xtask load`: the platform under load, on the embedded engines and on the real stores, side by side.
//!
//! Each shape is started anew and filled through its API. Then come the scenarios of `tests/load`, which ghz offers at a
//! rate of theirs (an open loop: what is late does not hold up what follows), then `plaza bench`, which calls as fast as
//! it is answered. What came out is kept as JSON, a file for each shape, and printed as tables.

mod bench;
mod ghz;
mod results;
mod scenario;
mod shape;
mod tables;
mod usage;

use std::path::{Path, PathBuf};

use clap::Args;

use crate::Outcome;
use crate::process::root;
use results::Results;
use scenario::Scenario;
use shape::{Running, Shape};

/// Where the scenarios are, and below it what came out.
const FOLDER: &str = "tests/load";

#[derive(Args)]
pub(crate) struct LoadArgs {
    /// What to measure; without a name all of them.
    #[arg(value_enum)]
    shapes: Vec<Shape>,
    /// The follows, a pair of numbers on each line; without it a graph is made.
    #[arg(long, value_name = "FILE")]
    edges: Option<PathBuf>,
    /// So many posts are there before.
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    posts: u32,
    /// How long each kind of call is made.
    #[arg(long, value_name = "S", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// Measure nothing, print the tables of what was measured last.
    #[arg(long)]
    tables: bool,
}

pub(crate) fn verb(args: &LoadArgs) -> Outcome {
    if !args.tables {
        measure(args)?;
    }
    let each = Shape::ALL.into_iter().filter_map(|shape| Some((shape, Results::read(shape)?)));
    print!("{}", tables::of(&each.collect::<Vec<_>>()));
    Ok(())
}

fn measure(args: &LoadArgs) -> Outcome {
    let scenarios = scenario::read(&root().join(FOLDER), args.seconds)?;
    ghz::check()?;
    let program = crate::cluster::up::build(true)?;
    for shape in Shape::ALL.into_iter().filter(|shape| args.shapes.is_empty() || args.shapes.contains(shape)) {
        println!("== {}", shape.told());
        let mut results = on(shape, &program, |running| calls(args, &scenarios, running))?;
        // On one that is empty: its people are others.
        results.delay = on(shape, &program, bench::delay)?;
        results.write(shape)?;
    }
    Ok(())
}

/// Measures something on a platform of this shape, which ends whatever comes of it.
fn on<T>(shape: Shape, program: &Path, measure: impl FnOnce(&Running) -> Outcome<T>) -> Outcome<T> {
    let running = shape.start(program)?;
    let measured = measure(&running);
    running.end()?;
    measured
}

/// What calls cost, first at a fixed rate, then as many as are answered.
fn calls(args: &LoadArgs, scenarios: &[Scenario], running: &Running) -> Outcome<Results> {
    let cast = bench::fill(args, running)?;
    let open = scenarios.iter().map(|scenario| ghz::run(scenario, running, &cast)).collect::<Outcome<_>>()?;
    let closed = bench::calls(args, running)?;
    Ok(Results { open, closed, delay: Vec::new(), memory: running.usage().memory() })
}
