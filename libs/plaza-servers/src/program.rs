//! An installed server: a script that serves in the foreground.

use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::Kind;

/// How much of a log is shown when a server does not start.
const TAIL: u64 = 4 * 1024;
const TAIL_LINES: usize = 20;

/// A server that `cargo xtask stores` has installed.
///
/// Its `serve DATA_DIR PORT` makes the data folder ready if it is new, then becomes the server, which stays in the
/// foreground, listens on 127.0.0.1:PORT alone and writes its log to its output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    serve: PathBuf,
}

impl Program {
    /// The one of this kind in the folder of `cargo xtask stores`, if it is installed.
    #[must_use]
    pub fn find(folder: &Path, kind: Kind) -> Option<Self> {
        let serve = folder.join(kind.name()).join("serve");
        serve.is_file().then_some(Self { serve })
    }

    /// Starts it on this data and this port, its output added to the log. It is a process group of its own if
    /// `detached`, so that the terminal's Ctrl-C does not reach it.
    ///
    /// # Errors
    /// If the log cannot be written or the script cannot be started.
    pub fn start(&self, data: &Path, port: u16, log: &Path, detached: bool) -> io::Result<Child> {
        self.command(data, port, log, detached)?.spawn()
    }

    /// The command of [`Program::start`], not started yet.
    ///
    /// # Errors
    /// If the log cannot be written.
    pub fn command(&self, data: &Path, port: u16, log: &Path, detached: bool) -> io::Result<Command> {
        let log = File::options().create(true).append(true).open(log)?;
        let mut command = Command::new(&self.serve);
        command.arg(data).arg(port.to_string());
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        if detached {
            command.process_group(0);
        }
        Ok(command)
    }
}

/// The last lines of a log, for a message about a start that failed.
#[must_use]
pub fn tail(log: &Path) -> String {
    let read = || -> io::Result<String> {
        let mut file = File::open(log)?;
        let length = fs::metadata(log)?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
        let mut bytes = Vec::new();
        file.take(TAIL).read_to_end(&mut bytes)?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    };
    let text = read().unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_of_a_log_is_bounded() {
        let log = std::env::temp_dir().join(format!("plaza-servers-tail-{}", std::process::id()));
        let text: String = (0..10_000).map(|line| format!("line {line}\n")).collect();
        fs::write(&log, text).unwrap();
        let shown = tail(&log);
        fs::remove_file(&log).unwrap();
        assert_eq!(shown.lines().count(), TAIL_LINES);
        assert!(shown.ends_with("line 9999"));
        assert_eq!(tail(&log), "");
    }

    #[test]
    fn what_is_not_installed_is_not_found() {
        assert_eq!(Program::find(Path::new("/nowhere"), Kind::Nats), None);
    }
}
