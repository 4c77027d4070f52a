//! The one folder that holds everything: programs, data, logs, what runs.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use plaza_servers::Kind;

use crate::Outcome;

/// The folder of `cargo xtask stores`: `PLAZA_STORES_DIR`, or `plaza/stores` in the user's cache.
#[derive(Clone, Debug)]
pub(crate) struct Folder {
    root: PathBuf,
}

impl Folder {
    /// Where it is on this machine; made if it is not there.
    pub(crate) fn open() -> Outcome<Self> {
        let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let cache = || set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
        let root = set("PLAZA_STORES_DIR").or_else(|| cache().map(|cache| cache.join("plaza/stores")));
        let root = root.ok_or("neither HOME nor PLAZA_STORES_DIR says where to keep the stores")?;
        Self::at(&root)
    }

    pub(crate) fn at(root: &Path) -> Outcome<Self> {
        fs::create_dir_all(root).map_err(|error| format!("cannot make {}: {error}", root.display()))?;
        let root = fs::canonicalize(root).map_err(|error| format!("cannot read {}: {error}", root.display()))?;
        Ok(Self { root })
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// What belongs to one server: `serve`, its data, its log, the record of its process.
    pub(crate) fn of(&self, kind: Kind) -> PathBuf {
        self.root.join(kind.name())
    }

    pub(crate) fn data(&self, kind: Kind) -> PathBuf {
        self.of(kind).join("data")
    }

    pub(crate) fn log(&self, kind: Kind) -> PathBuf {
        self.of(kind).join("log")
    }

    /// Where a source keeps what it fetched, under a name that says what and which version.
    pub(crate) fn programs(&self, id: &str) -> PathBuf {
        self.root.join("programs").join(id)
    }

    /// Held while stores are started or ended, so that two runs do not do it at once.
    pub(crate) fn lock(&self) -> Outcome<File> {
        let file = self.lock_file("lock")?;
        if file.try_lock().is_err() {
            println!("waiting for another run of `cargo xtask` that starts or ends stores");
            file.lock().map_err(|error| format!("cannot lock {}: {error}", self.root.display()))?;
        }
        Ok(file)
    }

    /// Held together by all test runs that use the stores; the last one ends those that tests started.
    pub(crate) fn used_by_tests(&self) -> Outcome<File> {
        let file = self.lock_file("tests.lock")?;
        file.lock_shared().map_err(|error| format!("cannot lock {}: {error}", self.root.display()))?;
        Ok(file)
    }

    /// Whether no test run uses the stores.
    pub(crate) fn is_free_of_tests(&self) -> bool {
        self.lock_file("tests.lock").is_ok_and(|file| file.try_lock().is_ok())
    }

    fn lock_file(&self, name: &str) -> Outcome<File> {
        let path = self.root.join(name);
        let file = File::options().create(true).append(true).open(&path);
        file.map_err(|error| format!("cannot open {}: {error}", path.display()))
    }
}

/// Deletes a folder and what is in it, if it is there.
pub(crate) fn wipe(path: &Path) -> Outcome {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("cannot delete {}: {error}", path.display()))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_test_run_knows_that_it_is_the_last() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::at(dir.path()).unwrap();
        let (first, second) = (folder.used_by_tests().unwrap(), folder.used_by_tests().unwrap());
        drop(first);
        assert!(!folder.is_free_of_tests());
        drop(second);
        assert!(folder.is_free_of_tests());
    }

    #[test]
    fn wiping_what_is_not_there_is_no_error() {
        let dir = tempfile::tempdir().unwrap();
        let inside = dir.path().join("a");
        fs::create_dir(&inside).unwrap();
        fs::write(inside.join("b"), "").unwrap();
        assert_eq!((wipe(&inside), wipe(&inside)), (Ok(()), Ok(())));
        assert!(!inside.exists());
    }
}
