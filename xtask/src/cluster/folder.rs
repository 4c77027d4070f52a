//! The folder of the cluster, and the records in it of the processes that were started.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use plaza_servers::process;

use crate::Outcome;

/// `PLAZA_CLUSTER_DIR`, or `plaza/cluster` in the user's cache.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    root: PathBuf,
}

/// A process that was started and not ended yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    /// Such as `posts-2`.
    pub(crate) name: String,
    pub(crate) pid: u32,
    /// When it began: an id alone may be another process's by now.
    pub(crate) began: String,
    pub(crate) grpc: u16,
    pub(crate) admin: u16,
}

impl Folder {
    /// Where it is on this machine; made if it is not there.
    pub(crate) fn open() -> Outcome<Self> {
        let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let cache = || set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
        let root = set("PLAZA_CLUSTER_DIR").or_else(|| cache().map(|cache| cache.join("plaza/cluster")));
        Self::at(&root.ok_or("neither HOME nor PLAZA_CLUSTER_DIR says where to keep the cluster")?)
    }

    pub(crate) fn at(root: &Path) -> Outcome<Self> {
        let records = root.join("running");
        fs::create_dir_all(&records).map_err(|error| format!("cannot make {}: {error}", records.display()))?;
        let root = fs::canonicalize(root).map_err(|error| format!("cannot read {}: {error}", root.display()))?;
        Ok(Self { root })
    }

    /// The data folder of every process: it holds their secret.
    pub(crate) fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    pub(crate) fn log(&self, name: &str) -> PathBuf {
        self.root.join(name).with_extension("log")
    }

    /// What a process writes once it serves.
    pub(crate) fn ready(&self, name: &str) -> PathBuf {
        self.root.join(name).with_extension("ready")
    }

    fn record(&self, name: &str) -> PathBuf {
        self.root.join("running").join(name)
    }

    /// All processes that were started and not ended, by name.
    pub(crate) fn records(&self) -> Vec<Record> {
        let entries = fs::read_dir(self.root.join("running")).into_iter().flatten().flatten();
        let read = |path: PathBuf| {
            let name = path.file_name()?.to_str()?.to_owned();
            Record::parse(name, &fs::read_to_string(&path).ok()?)
        };
        let mut records: Vec<Record> = entries.filter_map(|entry| read(entry.path())).collect();
        records.sort_by(|a, b| a.name.cmp(&b.name));
        records
    }

    pub(crate) fn write(&self, record: &Record) -> Outcome {
        let path = self.record(&record.name);
        fs::write(&path, record.text()).map_err(|error| format!("cannot write {}: {error}", path.display()))
    }

    pub(crate) fn remove(&self, record: &Record) {
        // One that stays names a process that is gone, which every reader finds out.
        let _ = fs::remove_file(self.record(&record.name));
    }
}

impl Record {
    /// Whether the process of then is still there.
    pub(crate) fn is_alive(&self) -> bool {
        process::began(self.pid).as_ref() == Some(&self.began)
    }

    fn parse(name: String, text: &str) -> Option<Self> {
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(" = "));
        let began = field("began")?.to_owned();
        let (grpc, admin) = (field("grpc")?.parse().ok()?, field("admin")?.parse().ok()?);
        Some(Self { name, pid: field("pid")?.parse().ok()?, began, grpc, admin })
    }

    fn text(&self) -> String {
        let Self { pid, began, grpc, admin, .. } = self;
        format!("pid = {pid}\nbegan = {began}\ngrpc = {grpc}\nadmin = {admin}\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_read_as_they_were_written_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::at(&dir.path().join("cluster")).unwrap();
        let pid = std::process::id();
        let began = process::began(pid).unwrap();
        let record = |name: &str| Record { name: name.to_owned(), pid, began: began.clone(), grpc: 1, admin: 2 };
        for name in ["posts-2", "posts-1"] {
            folder.write(&record(name)).unwrap();
        }
        assert_eq!(folder.records(), [record("posts-1"), record("posts-2")]);
        assert!(folder.records()[0].is_alive());
        assert!(!Record { began: "1".to_owned(), ..record("posts-1") }.is_alive());
        folder.remove(&record("posts-1"));
        assert_eq!(folder.records().len(), 1);
    }
}
