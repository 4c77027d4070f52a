//! Starting and ending a process of this machine.

use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::Duration;

use plaza_servers::{Kind, Program, answers, process, tail};

use crate::Outcome;
use crate::stopwatch::Stopwatch;

/// Between two looks.
const TICK: Duration = Duration::from_millis(50);
/// For one question to a server.
const ANSWER: Duration = Duration::from_secs(2);
/// A server that was asked to end is killed after this.
const GRACE: Duration = Duration::from_secs(30);

/// One start of a server.
pub(crate) struct Start {
    pub(crate) kind: Kind,
    pub(crate) data: PathBuf,
    pub(crate) port: u16,
    pub(crate) log: PathBuf,
    /// It outlives this terminal.
    pub(crate) detached: bool,
}

impl Start {
    pub(crate) fn command(&self, program: &Program) -> Outcome<Command> {
        let command = program.command(&self.data, self.port, &self.log, self.detached);
        command.map_err(|error| format!("cannot write {}: {error}", self.log.display()))
    }

    /// Starts it and waits until it serves; what does not is ended.
    pub(crate) fn run(&self, program: &Program, limit: Duration) -> Outcome<u32> {
        let name = self.kind.name();
        let mut child = self.command(program)?.spawn().map_err(|error| format!("cannot start {name}: {error}"))?;
        match await_ready(self, &mut child, limit) {
            Ok(()) => Ok(child.id()),
            Err(error) => {
                process::signal(&process::family(child.id()), process::Signal::Kill);
                let _ = child.wait();
                Err(error)
            }
        }
    }
}

/// Waits until it serves. An error has the end of its log.
pub(crate) fn await_ready(start: &Start, child: &mut Child, limit: Duration) -> Outcome {
    let address = start.kind.address(start.port);
    let watch = Stopwatch::start();
    let problem = loop {
        if let Ok(Some(status)) = child.try_wait() {
            break format!("ended with {status} before it served");
        }
        match answers(start.kind, &address, ANSWER) {
            Ok(()) => return Ok(()),
            Err(why) if watch.left_of(limit).is_zero() => {
                break format!("did not serve within {} s: {why}", limit.as_secs());
            }
            Err(_) => thread::park_timeout(TICK),
        }
    };
    Err(format!("{problem}; the end of {}:\n{}", start.log.display(), tail(&start.log)))
}

/// Waits for a child that was asked to end; past the limit it is killed.
pub(crate) fn await_end(child: &mut Child, limit: Duration) -> Outcome<ExitStatus> {
    let watch = Stopwatch::start();
    loop {
        if let Some(status) = child.try_wait().map_err(|error| format!("cannot wait for a process: {error}"))? {
            return Ok(status);
        }
        if watch.left_of(limit).is_zero() {
            process::signal(&process::family(child.id()), process::Signal::Kill);
            let _ = child.wait();
            return Err(format!("did not end within {} s of SIGTERM", limit.as_secs()));
        }
        thread::park_timeout(TICK);
    }
}

/// Waits for a process that was asked to end and is not our child; past the grace it is killed.
pub(crate) fn await_gone(pid: u32, began: &str) -> Outcome {
    let is_there = || process::began(pid).as_deref() == Some(began);
    let family = process::family(pid);
    let watch = Stopwatch::start();
    let mut killed = false;
    while is_there() {
        if watch.left_of(GRACE).is_zero() && !killed {
            process::signal(&family, process::Signal::Kill);
            killed = true;
        }
        if watch.left_of(2 * GRACE).is_zero() {
            return Err(format!("process {pid} cannot be ended"));
        }
        thread::park_timeout(TICK);
    }
    Ok(())
}
