//! Shell scripts with an end: each in a process group of its own, so that nothing it started outlives it.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use crate::{Outcome, process};

/// A script as a command, ready to be started in the root of the repository.
pub(crate) fn script(text: &str) -> Command {
    let mut command = process::command("bash", &["-euo", "pipefail", "-c", text]);
    command.process_group(0);
    command
}

/// Runs to the end, its output on the terminal; past the limit it is ended and that is an error.
pub(crate) fn run(text: &str, limit: Duration) -> Outcome {
    let child = script(text).spawn().map_err(|error| format!("cannot start bash: {error}"))?;
    let group = Group(child.id());
    match exit_of(child).recv_timeout(limit) {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("ended with {status}")),
        Err(_) => {
            group.kill();
            Err(format!("did not end within {} s", limit.as_secs()))
        }
    }
}

/// Sends the exit status when there is one.
pub(crate) fn exit_of(mut child: Child) -> Receiver<ExitStatus> {
    let (sender, receiver) = sync_channel(1);
    thread::spawn(move || {
        if let Ok(status) = child.wait() {
            // The receiver may have given up.
            let _ = sender.send(status);
        }
    });
    receiver
}

/// The processes that a script started, by the id of its group.
#[derive(Clone, Copy)]
pub(crate) struct Group(pub(crate) u32);

impl Group {
    /// Asks them to end and gives them the grace that the platform promises, and some more.
    pub(crate) fn end(self, exit: &Receiver<ExitStatus>, grace: Duration) -> Outcome<ExitStatus> {
        self.signal("TERM");
        let status = exit.recv_timeout(grace);
        // What the script's own shell left behind.
        self.kill();
        status.map_err(|error| match error {
            RecvTimeoutError::Timeout => {
                format!("did not end within {} s of SIGTERM", grace.as_secs())
            }
            RecvTimeoutError::Disconnected => "its exit status is lost".to_owned(),
        })
    }

    pub(crate) fn kill(self) {
        self.signal("KILL");
    }

    /// A group that has ended already is no error.
    fn signal(self, name: &str) {
        process::succeeds(&mut process::command("kill", &[&format!("-{name}"), "--", &format!("-{}", self.0)]));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_script_stops_at_its_first_error() {
        assert_eq!(run("true", LONG), Ok(()));
        assert!(run("false\ntrue", LONG).is_err());
        assert!(run("false | true", LONG).is_err());
    }

    #[test]
    fn a_script_past_its_limit_is_ended() {
        let error = run("sleep 60", Duration::from_millis(50)).unwrap_err();
        assert!(error.contains("did not end"), "{error}");
    }
}
