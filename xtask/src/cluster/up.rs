//! `cluster up`: the stores, then the services, then what to try.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use plaza_servers::{process, tail};

use super::folder::{Folder, Record};
use super::plan::{self, Planned};
use super::{down, ready, status};
use crate::process::{cargo, output, run};
use crate::stopwatch::Stopwatch;
use crate::{Outcome, stores};

/// For all services to serve.
const PATIENCE: Duration = Duration::from_mins(2);
/// For them to find each other.
const SETTLING: Duration = Duration::from_secs(15);
/// Between two looks.
const TICK: Duration = Duration::from_millis(50);

/// What is asked of `up`.
#[derive(Debug)]
pub(crate) struct Wishes {
    pub(crate) port: u16,
    pub(crate) release: bool,
    pub(crate) sets: Vec<(String, String)>,
}

pub(crate) fn up(folder: &Folder, wishes: &Wishes) -> Outcome {
    let alive = folder.records().iter().filter(|record| record.is_alive()).count();
    if alive > 0 {
        return Err(format!("{alive} processes of a cluster run already: `cargo xtask cluster down` ends them"));
    }
    let stores = stores::ensure()?;
    let program = build(wishes.release)?;
    let processes = plan::processes(wishes.port);
    let mut settings = plan::settings(&processes, &stores)?;
    // What comes later wins.
    settings.extend(wishes.sets.iter().cloned());
    let records = start(folder, &program, &processes, &settings)?;
    for record in &records {
        println!("{:<12} {}", record.name, status::told(folder, record).0);
    }
    println!("\nFill it and see what to try:\n{}", demo(&program, folder, &plan::target(&processes)));
    println!("\nMeasure it by `plaza bench mix --target …` after `up --set rate_limit.per_minute=0`.");
    println!("`cargo xtask cluster status` tells what it lacks, `cargo xtask cluster down` ends it.");
    Ok(())
}

/// Starts the processes and waits until they have found each other; if one does not serve, all are ended.
pub(crate) fn start(
    folder: &Folder,
    program: &Path,
    processes: &[Planned],
    settings: &[(String, String)],
) -> Outcome<Vec<Record>> {
    let mut started = Vec::new();
    let outcome = start_all(folder, program, processes, settings, &mut started);
    let records: Vec<Record> = started.iter().map(|(record, _)| record.clone()).collect();
    if let Err(error) = outcome {
        down::end(folder, &records)?;
        // Their exit status is taken, so that nothing of them stays behind.
        started.iter_mut().for_each(|(_, child)| drop(child.wait()));
        return Err(error);
    }
    settle(&records);
    Ok(records)
}

/// Waits until the processes have found each other and their stores; what is missing then is told.
fn settle(records: &[Record]) {
    let watch = Stopwatch::start();
    let is_whole = |record: &Record| ready::ask(record.admin).is_ok_and(|it| it.ready && it.missing.is_empty());
    while !records.iter().all(is_whole) && !watch.left_of(SETTLING).is_zero() {
        thread::park_timeout(TICK);
    }
}

fn demo(program: &Path, folder: &Folder, target: &str) -> String {
    format!("{} demo --people 200 --data-dir {} --target {target}", program.display(), folder.data().display())
}

/// Builds the program and says where it is.
pub(crate) fn build(release: bool) -> Outcome<PathBuf> {
    let mut build = cargo(&["build", "--package", "plaza"]);
    if release {
        build.arg("--release");
    }
    run(&mut build)?;
    let metadata = output(&mut cargo(&["metadata", "--format-version", "1", "--no-deps", "--offline"]))?;
    let target = metadata.split_once("\"target_directory\":\"").and_then(|(_, rest)| rest.split_once('"'));
    let (target, _) = target.ok_or("cargo does not say where it builds")?;
    let program = Path::new(target).join(if release { "release" } else { "debug" }).join("plaza");
    if program.is_file() { Ok(program) } else { Err(format!("there is no {}", program.display())) }
}

fn start_all(
    folder: &Folder,
    program: &Path,
    processes: &[Planned],
    settings: &[(String, String)],
    started: &mut Vec<(Record, Child)>,
) -> Outcome {
    for process in processes {
        let one = start_one(folder, program, process, settings)?;
        folder.write(&one.0)?;
        started.push(one);
    }
    let watch = Stopwatch::start();
    for (record, child) in started {
        await_ready(folder, record, child, watch.left_of(PATIENCE))?;
    }
    Ok(())
}

fn start_one(
    folder: &Folder,
    program: &Path,
    planned: &Planned,
    settings: &[(String, String)],
) -> Outcome<(Record, Child)> {
    let Planned { name, service, grpc, admin } = planned;
    let (log, ready) = (folder.log(name), folder.ready(name));
    let _ = fs::remove_file(&ready);
    let cannot = |error: std::io::Error| format!("cannot start {name}: {error}");
    let output = File::create(&log).map_err(cannot)?;
    let mut command = Command::new(program);
    match service {
        Some(service) => command.args(["serve", service]),
        None => command.arg("up"),
    };
    command
        .args(["--grpc-address", &format!("127.0.0.1:{grpc}")])
        .args(["--admin-address", &format!("127.0.0.1:{admin}")])
        .arg("--data-dir")
        .arg(folder.data())
        .arg("--ready-file")
        .arg(&ready)
        .envs(settings.iter().map(|(setting, value)| (plan::variable(setting), value)))
        .stdin(Stdio::null())
        .stdout(output.try_clone().map_err(cannot)?)
        .stderr(output)
        // It outlives this terminal.
        .process_group(0);
    let child = command.spawn().map_err(cannot)?;
    let pid = child.id();
    let began = process::began(pid).ok_or_else(|| format!("{name} ended at once:\n{}", tail(&log)))?;
    Ok((Record { name: name.clone(), pid, began, grpc: *grpc, admin: *admin }, child))
}

fn await_ready(folder: &Folder, record: &Record, child: &mut Child, limit: Duration) -> Outcome {
    let (ready, watch, name) = (folder.ready(&record.name), Stopwatch::start(), &record.name);
    let problem = loop {
        if ready.is_file() {
            return Ok(());
        }
        if let Ok(Some(status)) = child.try_wait() {
            break format!("{name} ended with {status} before it served");
        }
        if watch.left_of(limit).is_zero() {
            break format!("{name} did not serve in time");
        }
        thread::park_timeout(TICK);
    };
    let log = folder.log(name);
    Err(format!("{problem}; the end of {}:\n{}", log.display(), tail(&log)))
}
