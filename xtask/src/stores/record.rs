//! What runs: a record beside each server that was started here, read by the next run.

use std::fs;
use std::path::PathBuf;

use plaza_servers::{Kind, process};

use super::folder::Folder;
use crate::Outcome;

/// How a server was started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// As a process of this machine.
    Native {
        pid: u32,
        /// When it began: an id alone may be another process's by now.
        began: String,
    },
    /// As a container.
    Compose,
}

/// A server that was started and not ended yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) way: Way,
    pub(crate) port: u16,
    /// The test run that needed it ends it.
    pub(crate) for_tests: bool,
}

impl Record {
    pub(crate) fn read(folder: &Folder, kind: Kind) -> Option<Self> {
        Self::parse(&fs::read_to_string(path(folder, kind)).ok()?)
    }

    pub(crate) fn write(&self, folder: &Folder, kind: Kind) -> Outcome {
        let path = path(folder, kind);
        // Whole or not at all.
        let new = path.with_extension("new");
        let written = fs::write(&new, self.text()).and_then(|()| fs::rename(&new, &path));
        written.map_err(|error| format!("cannot write {}: {error}", path.display()))
    }

    pub(crate) fn remove(folder: &Folder, kind: Kind) {
        // One that stays names a process that is gone, which every reader finds out.
        let _ = fs::remove_file(path(folder, kind));
    }

    /// Whether the process of then is still there. Of a container only its port can tell.
    pub(crate) fn is_alive(&self) -> bool {
        match &self.way {
            Way::Native { pid, began } => process::began(*pid).as_ref() == Some(began),
            Way::Compose => true,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "));
        let way = match field("way")? {
            "compose" => Way::Compose,
            _ => Way::Native { pid: field("pid")?.parse().ok()?, began: field("began")?.to_owned() },
        };
        Some(Self { way, port: field("port")?.parse().ok()?, for_tests: field("for")? == "tests" })
    }

    fn text(&self) -> String {
        let way = match &self.way {
            Way::Native { pid, began } => format!("way = native\npid = {pid}\nbegan = {began}"),
            Way::Compose => "way = compose".to_owned(),
        };
        let user = if self.for_tests { "tests" } else { "developer" };
        format!("{way}\nport = {}\nfor = {user}\n", self.port)
    }
}

fn path(folder: &Folder, kind: Kind) -> PathBuf {
    folder.of(kind).join("running")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records() -> [Record; 2] {
        let native = Way::Native { pid: 7, began: "Tue Nov 24 20:31:06 2026".to_owned() };
        [
            Record { way: native, port: 25432, for_tests: true },
            Record { way: Way::Compose, port: 24222, for_tests: false },
        ]
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::at(dir.path()).unwrap();
        fs::create_dir(folder.of(Kind::Nats)).unwrap();
        for record in records() {
            assert_eq!(record.write(&folder, Kind::Nats), Ok(()));
            assert_eq!(Record::read(&folder, Kind::Nats), Some(record));
        }
        Record::remove(&folder, Kind::Nats);
        assert_eq!(Record::read(&folder, Kind::Nats), None);
    }

    #[test]
    fn a_process_of_the_same_id_that_began_at_another_time_is_another() {
        let pid = std::process::id();
        let mut record = records()[0].clone();
        record.way = Way::Native { pid, began: process::began(pid).unwrap() };
        assert!(record.is_alive());
        record.way = Way::Native { pid, began: "1".to_owned() };
        assert!(!record.is_alive());
    }
}
