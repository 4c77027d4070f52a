//! A server that runs while the blocks after it do.

use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::process::{ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::thread;
use std::time::Duration;

use super::blocks::Ready;
use super::shell::{Group, exit_of, script};
use crate::Outcome;
use crate::stopwatch::Stopwatch;

/// The platform promises to end within 10 s of SIGTERM.
const GRACE: Duration = Duration::from_secs(15);

/// How often a port is tried and an early end is looked for.
const TICK: Duration = Duration::from_millis(200);

pub(crate) struct Background {
    group: Group,
    exit: Receiver<ExitStatus>,
}

impl Background {
    /// Starts the script and waits until it is ready. If it ends first, or is late, nothing of it is left running.
    pub(crate) fn start(text: &str, ready: &Ready, limit: Duration) -> Outcome<Self> {
        let mut command = script(text);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("cannot start bash: {error}"))?;
        let (sender, seen) = sync_channel(1);
        let needle = if let Ready::Line(needle) = ready { Some(needle.clone()) } else { None };
        if let Some(stdout) = child.stdout.take() {
            forward(stdout, needle.clone(), sender.clone());
        }
        if let Some(stderr) = child.stderr.take() {
            forward(stderr, needle, sender);
        }
        let server = Self { group: Group(child.id()), exit: exit_of(child) };
        match server.wait(ready, &seen, limit) {
            Ok(()) => Ok(server),
            Err(error) => {
                server.group.kill();
                Err(error)
            }
        }
    }

    fn wait(&self, ready: &Ready, seen: &Receiver<()>, limit: Duration) -> Outcome {
        let watch = Stopwatch::start();
        loop {
            let is_ready = match ready {
                Ready::Line(_) => seen.try_recv().is_ok(),
                Ready::Port(port) => TcpStream::connect_timeout(port, TICK).is_ok(),
            };
            if is_ready {
                return Ok(());
            }
            if watch.left_of(limit).is_zero() {
                return Err(format!("was not ready within {} s", limit.as_secs()));
            }
            match self.exit.recv_timeout(TICK) {
                // Its last line may have come with its end, but then it serves nobody.
                Ok(status) => return Err(format!("ended with {status} before it was ready")),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    return Err("its exit status is lost".to_owned());
                }
            }
        }
    }

    /// Ends it by its process id. One that did not run until now has failed.
    pub(crate) fn end(self) -> Outcome {
        match self.exit.try_recv() {
            Ok(status) => Err(format!("a background block ended early, with {status}")),
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => {
                let status = self.group.end(&self.exit, GRACE)?;
                println!("background block ended with {status}");
                Ok(())
            }
        }
    }
}

/// Copies lines to the terminal and tells when the needle is in one.
fn forward(output: impl Read + Send + 'static, needle: Option<String>, seen: SyncSender<()>) {
    thread::spawn(move || {
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line);
            println!("  | {line}");
            if needle.as_ref().is_some_and(|needle| line.contains(needle)) {
                // Full: it is known already.
                let _ = seen.try_send(());
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn line(text: &str) -> Ready {
        Ready::Line(text.to_owned())
    }

    #[test]
    fn a_server_is_ready_with_its_line_and_ends_when_asked() {
        let server = Background::start("echo loading; echo ready >&2; sleep 60", &line("ready"), LONG).unwrap();
        assert_eq!(server.end(), Ok(()));
    }

    #[test]
    fn a_server_is_ready_with_its_port() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = Ready::Port(listener.local_addr().unwrap());
        let server = Background::start("sleep 60", &port, LONG).unwrap();
        assert_eq!(server.end(), Ok(()));
    }

    #[test]
    fn an_early_end_and_a_late_start_are_errors() {
        assert!(Background::start("echo other", &line("ready"), LONG).is_err_and(|error| error.contains("before")));
        let late = Background::start("sleep 60", &line("ready"), Duration::from_millis(50));
        assert!(late.is_err_and(|error| error.contains("within")));
    }
}
