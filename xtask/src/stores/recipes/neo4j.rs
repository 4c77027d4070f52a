//! Neo4j: Maven Central has the community server as a library with an entry point.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use plaza_servers::{Kind, process};

use super::Recipe;
use crate::Outcome;
use crate::stores::folder::wipe;
use crate::stores::install::Installed;
use crate::stores::ports;
use crate::stores::progress::Steps;
use crate::stores::sources::{Maven, Source};
use crate::stores::start::{self, Start};

const VERSION: &str = "5.26.30";

/// Writing the archive takes longest, on a machine with other work.
const PATIENCE: Duration = Duration::from_mins(5);

pub(crate) const RECIPE: Recipe = Recipe {
    kind: Kind::Neo4j,
    port: 27_687,
    sources: &[Source::Maven(Maven { id: "neo4j", version: VERSION, java: &[17, 21] })],
    pinned: Some(VERSION),
    prepare: Some(archive_classes),
};

/// Starts it once to write its parsed classes into an archive: every later start takes a third of the time.
fn archive_classes(installed: &Installed, steps: &Steps) -> Outcome {
    let archive = installed.bin.join("classes.jsa");
    if archive.exists() {
        return Ok(());
    }
    steps.say("first start, to make later ones fast");
    let (data, log) = (installed.folder.join("first-start"), installed.folder.join("first-start.log"));
    let written = first_start(installed, &archive.with_extension("new"), data.clone(), log);
    wipe(&data)?;
    fs::rename(written?, &archive).map_err(|error| format!("cannot keep the archive of classes: {error}"))
}

fn first_start(installed: &Installed, archive: &PathBuf, data: PathBuf, log: PathBuf) -> Outcome<PathBuf> {
    wipe(&data)?;
    let start = Start { kind: Kind::Neo4j, data, port: ports::free()?, log, detached: false };
    let mut command = start.command(&installed.program)?;
    command.env("ARCHIVE_CLASSES_AT_EXIT", archive);
    let mut child = command.spawn().map_err(|error| format!("cannot start neo4j: {error}"))?;
    let served = start::await_ready(&start, &mut child, PATIENCE);
    process::signal(&[child.id()], process::Signal::Term);
    let ended = start::await_end(&mut child, PATIENCE);
    served?;
    ended?;
    if archive.exists() { Ok(archive.clone()) } else { Err("java wrote no archive of classes".to_owned()) }
}
