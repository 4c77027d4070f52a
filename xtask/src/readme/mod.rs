//! `cargo xtask readme`: the README's commands work, because CI runs them.

mod background;
mod blocks;
mod shell;

use std::fs;
use std::time::Duration;

use crate::stopwatch::Stopwatch;
use crate::{Outcome, process};
use background::Background;
use blocks::{Block, Tag};

/// For one block: on two cores, the slowest is an optimised build of everything.
const LIMIT: Duration = Duration::from_mins(25);

pub(crate) fn verb(list: bool) -> Outcome {
    let path = process::root().join("README.md");
    let page = fs::read_to_string(&path).map_err(|error| format!("cannot read README.md: {error}"))?;
    let blocks = blocks::parse(&page).map_err(|problems| problems.join("\nerror: "))?;
    if list {
        for block in &blocks {
            println!("README.md:{}: {}", block.line, block.tag);
        }
        return Ok(());
    }
    let mut servers = Vec::new();
    let outcome = blocks.iter().try_for_each(|block| run(block, &mut servers));
    // All of them are ended, also after an error; the first error is told.
    servers.into_iter().rev().map(Background::end).fold(outcome, Outcome::and)
}

fn run(block: &Block, servers: &mut Vec<Background>) -> Outcome {
    println!("README.md:{}: {}", block.line, block.tag);
    let watch = Stopwatch::start();
    let outcome = match &block.tag {
        Tag::Skip(_) => Ok(()),
        Tag::Run => shell::run(&block.script, LIMIT),
        Tag::Background(ready) => Background::start(&block.script, ready, LIMIT).map(|server| servers.push(server)),
    };
    println!("README.md:{}: {:.1} s", block.line, watch.elapsed().as_secs_f64());
    outcome.map_err(|error| format!("README.md:{}: {error}", block.line))
}
