//! `stores status`: what serves, and where.

use std::time::Duration;

use plaza_servers::{Kind, Program, answers, shown};

use super::folder::Folder;
use super::record::{Record, Way};
use super::up::given;

const ANSWER: Duration = Duration::from_secs(2);

/// How one server is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Status {
    /// Its address, if it serves.
    pub(crate) address: Option<String>,
    /// The line for people.
    pub(crate) line: String,
}

pub(crate) fn status(folder: &Folder, kind: Kind) -> Status {
    let record = Record::read(folder, kind);
    let (address, from) = match (given(kind), &record) {
        (Some(address), _) => (address, format!("given by {}", kind.variable())),
        (None, Some(record)) if record.is_alive() => (kind.address(record.port), way(record)),
        (None, record) => {
            // One of a test run that was interrupted ended with it.
            let died = record.as_ref().is_some_and(|record| !record.for_tests);
            return Status { address: None, line: stopped(folder, kind, died) };
        }
    };
    match answers(kind, &address, ANSWER) {
        Ok(()) => Status { line: format!("serves at {} ({from})", shown(&address)), address: Some(address) },
        Err(why) => Status { address: None, line: format!("DOES NOT SERVE at {} ({from}): {why}", shown(&address)) },
    }
}

fn way(record: &Record) -> String {
    let user = if record.for_tests { ", for a test run" } else { "" };
    match record.way {
        Way::Native { pid, .. } => format!("process {pid}{user}"),
        Way::Compose => format!("container{user}"),
    }
}

fn stopped(folder: &Folder, kind: Kind, died: bool) -> String {
    if died {
        return format!("ENDED BY ITSELF, see {}", folder.log(kind).display());
    }
    let installed = Program::find(folder.root(), kind).is_some();
    if installed { "not running, installed".to_owned() } else { "not running".to_owned() }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn one_that_died_is_told_apart_from_one_that_never_ran() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::at(dir.path()).unwrap();
        let kind = Kind::RedisCache;
        if given(kind).is_some() {
            return;
        }
        assert_eq!(status(&folder, kind).line, "not running");
        fs::create_dir(folder.of(kind)).unwrap();
        let way = Way::Native { pid: std::process::id(), began: "another time".to_owned() };
        Record { way, port: 1, for_tests: false }.write(&folder, kind).unwrap();
        let died = status(&folder, kind);
        assert!(died.address.is_none() && died.line.starts_with("ENDED BY ITSELF"), "{died:?}");
    }
}
