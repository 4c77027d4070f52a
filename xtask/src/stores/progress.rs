//! Commands that take their time: on a terminal a bar with their latest line, else a line for each step.

use std::fs::File;
use std::io::{BufRead as _, BufReader, IsTerminal as _, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use plaza_servers::{process, tail};

use crate::Outcome;
use crate::stopwatch::Stopwatch;

/// A step that says nothing for so long hangs: a network that swallows packets is the usual cause.
const SILENCE: Duration = Duration::from_mins(2);
/// For one step, however much it says.
const LIMIT: Duration = Duration::from_mins(15);
/// How often a step shows how far it is where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);
/// How much of a line is shown.
const WIDTH: usize = 90;

/// The steps of one piece of work, all they print kept in a log.
pub(crate) struct Steps {
    label: &'static str,
    log: PathBuf,
    bar: Option<ProgressBar>,
}

impl Steps {
    /// `label` stands before each line; the log begins anew.
    pub(crate) fn new(label: &'static str, log: &Path) -> Self {
        let bar = std::io::stderr().is_terminal().then(ProgressBar::new_spinner);
        if let Some(bar) = &bar {
            let style = ProgressStyle::with_template("{prefix:>12} {spinner} {elapsed} {msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_spinner()));
            bar.set_prefix(label);
            bar.enable_steady_tick(Duration::from_millis(100));
        }
        // A log that cannot be written only makes an error shorter.
        let _ = File::create(log);
        Self { label, log: log.to_owned(), bar }
    }

    /// Says what is being done now.
    pub(crate) fn say(&self, what: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(what.to_owned()),
            None => eprintln!("{}: {what}", self.label),
        }
    }

    /// Runs a command to its end. An error has the end of what it printed.
    pub(crate) fn run(&self, what: &str, command: &mut Command) -> Outcome {
        self.say(what);
        let name = program(command);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| format!("{what}: cannot start {name}: {error}"))?;
        // Bounded: a command that prints faster than it is read waits.
        let (sender, lines) = sync_channel(64);
        forward(child.stdout.take(), sender.clone());
        forward(child.stderr.take(), sender);
        if let Err(why) = self.follow(what, &lines) {
            process::signal(&process::family(child.id()), process::Signal::Kill);
            let _ = child.wait();
            return Err(format!("{what}: {name} {why}"));
        }
        let status = child.wait().map_err(|error| format!("cannot wait for {name}: {error}"))?;
        if status.success() {
            return Ok(());
        }
        let (log, end) = (self.log.display(), tail(&self.log));
        Err(format!("{what}: {name} ended with {status}, see {log}\n{end}"))
    }

    /// Shows and keeps lines until the last writer is gone.
    fn follow(&self, what: &str, lines: &std::sync::mpsc::Receiver<String>) -> Result<(), String> {
        let watch = Stopwatch::start();
        let mut log = File::options().append(true).open(&self.log).ok();
        let (mut count, mut next_line) = (0_u64, LINE_EVERY);
        loop {
            match lines.recv_timeout(SILENCE.min(watch.left_of(LIMIT))) {
                Ok(line) => {
                    count += 1;
                    if let Some(log) = &mut log {
                        let _ = writeln!(log, "{line}");
                    }
                    if let Some(bar) = &self.bar {
                        let short: String = line.chars().take(WIDTH).collect();
                        bar.set_message(format!("{what}: {short}"));
                    } else if watch.elapsed() > next_line {
                        next_line = watch.elapsed() + LINE_EVERY;
                        eprintln!("{}: {what}, {} s, {count} lines", self.label, watch.elapsed().as_secs());
                    }
                }
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Err(RecvTimeoutError::Timeout) if watch.left_of(LIMIT).is_zero() => {
                    return Err(format!("did not end within {} s", LIMIT.as_secs()));
                }
                Err(RecvTimeoutError::Timeout) => {
                    return Err(format!("has said nothing for {} s: is the network there?", SILENCE.as_secs()));
                }
            }
        }
    }
}

impl Drop for Steps {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// The program's name without its folder.
fn program(command: &Command) -> String {
    let path = Path::new(command.get_program());
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

fn forward(output: Option<impl Read + Send + 'static>, lines: SyncSender<String>) {
    let Some(output) = output else { return };
    thread::spawn(move || {
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            if lines.send(String::from_utf8_lossy(&line).trim_end().to_owned()).is_err() {
                return;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(dir: &tempfile::TempDir) -> Steps {
        Steps::new("test", &dir.path().join("log"))
    }

    #[test]
    fn what_a_step_prints_is_kept_in_the_log() {
        let dir = tempfile::tempdir().unwrap();
        let steps = steps(&dir);
        assert_eq!(steps.run("speak", Command::new("sh").args(["-c", "echo one; echo two >&2"])), Ok(()));
        let log = std::fs::read_to_string(dir.path().join("log")).unwrap();
        assert!(log.contains("one\n") && log.contains("two\n"), "{log}");
    }

    #[test]
    fn a_step_that_fails_tells_why() {
        let dir = tempfile::tempdir().unwrap();
        let steps = steps(&dir);
        let error = steps.run("fail", Command::new("sh").args(["-c", "echo no such package; exit 3"])).unwrap_err();
        assert!(error.contains("exit status: 3") && error.contains("no such package"), "{error}");
        assert!(steps.run("start", &mut Command::new("no-such-program")).is_err_and(|e| e.contains("cannot start")));
    }
}
