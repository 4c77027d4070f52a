//! Looking for a program, and for what was fetched in full.

use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use crate::Outcome;
use crate::stores::folder::wipe;

/// Deep enough for a package inside a virtual environment.
const DEPTH: usize = 9;

/// The folder below `root` with a program of this name: an executable that is no script.
pub(crate) fn folder_with(program: &str, root: &Path) -> Option<PathBuf> {
    look(program, root, DEPTH)
}

fn look(program: &str, folder: &Path, depth: usize) -> Option<PathBuf> {
    if is_program(&folder.join(program)) {
        return Some(folder.to_owned());
    }
    let entries = fs::read_dir(folder).ok()?.flatten();
    let mut folders: Vec<PathBuf> =
        entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()).collect();
    // The newest of several versions, as far as names tell.
    folders.sort_by(|a, b| b.cmp(a));
    let deeper = depth.checked_sub(1)?;
    folders.iter().find_map(|folder| look(program, folder, deeper))
}

/// An executable file that does not begin with `#!`.
pub(crate) fn is_program(path: &Path) -> bool {
    let executable = fs::metadata(path).is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0);
    let mut start = [0; 2];
    executable && File::open(path).and_then(|mut file| file.read_exact(&mut start)).is_ok() && &start != b"#!"
}

/// Fills a folder once: what an interrupted run left is thrown away, what a whole one left is kept.
pub(crate) fn once(folder: &Path, fill: impl FnOnce() -> Outcome) -> Outcome {
    let complete = folder.join("complete");
    if complete.exists() {
        return Ok(());
    }
    wipe(folder)?;
    let told = |error| format!("cannot write to {}: {error}", folder.display());
    fs::create_dir_all(folder).map_err(told)?;
    match fill() {
        Ok(()) => fs::write(&complete, "").map_err(told),
        Err(error) => {
            wipe(folder)?;
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, text: &str, mode: u32) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn the_newest_program_is_found_and_scripts_and_texts_are_not() {
        let dir = tempfile::tempdir().unwrap();
        write(&dir.path().join("bin/serve"), "#!/bin/sh\n", 0o755);
        write(&dir.path().join("doc/serve"), "text", 0o644);
        assert_eq!(folder_with("serve", dir.path()), None);
        write(&dir.path().join("lib/14/bin/serve"), "\x7fELF", 0o755);
        write(&dir.path().join("lib/15/bin/serve"), "\x7fELF", 0o755);
        assert_eq!(folder_with("serve", dir.path()), Some(dir.path().join("lib/15/bin")));
    }

    #[test]
    fn a_folder_is_filled_once_and_thrown_away_when_that_fails() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("x");
        assert_eq!(once(&folder, || Err("no".to_owned())), Err("no".to_owned()));
        assert!(!folder.exists());
        let file = folder.join("a");
        once(&folder, || fs::write(&file, "1").map_err(|e| e.to_string())).unwrap();
        once(&folder, || Err("is there already".to_owned())).unwrap();
        assert!(file.exists());
    }
}
