//! A server's programs, got once, and beside them the script that starts it.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use plaza_servers::Program;

use super::folder::Folder;
use super::progress::Steps;
use super::recipes::Recipe;
use super::sources::Programs;
use crate::Outcome;
use crate::process::root;

/// A server that can be started.
pub(crate) struct Installed {
    /// Its folder.
    pub(crate) folder: PathBuf,
    /// The folder of its programs.
    pub(crate) bin: PathBuf,
    pub(crate) program: Program,
    /// What it is and where it is from, for people.
    pub(crate) what: String,
}

/// Gets what is missing; with everything there it only looks.
pub(crate) fn install(folder: &Folder, recipe: &Recipe) -> Outcome<Installed> {
    let place = folder.of(recipe.kind);
    fs::create_dir_all(&place).map_err(|error| format!("cannot make {}: {error}", place.display()))?;
    let steps = Steps::new(recipe.name(), &place.join("install.log"));
    let programs = first_that_works(folder, recipe, &steps)?;
    copy_files(recipe, &place)?;
    link(&programs.bin, &place.join("bin"))?;
    if let Some(lib) = &programs.lib {
        link(lib, &place.join("lib"))?;
    } else {
        let _ = fs::remove_file(place.join("lib"));
    }
    let program = Program::find(folder.root(), recipe.kind).ok_or("its recipe has no script to start it")?;
    let installed = Installed { folder: place, bin: programs.bin, program, what: programs.what };
    if let Some(prepare) = recipe.prepare {
        prepare(&installed, &steps)?;
    }
    Ok(installed)
}

fn first_that_works(folder: &Folder, recipe: &Recipe, steps: &Steps) -> Outcome<Programs> {
    let mut reasons = Vec::new();
    for source in recipe.sources {
        match source.programs(folder, steps) {
            Ok(programs) => return Ok(programs),
            Err(reason) => reasons.push(reason),
        }
    }
    Err(reasons.join("; "))
}

/// The recipe's files, the script among them, as they are in the repository now.
fn copy_files(recipe: &Recipe, place: &Path) -> Outcome {
    let from = root().join("deploy/stores").join(recipe.name());
    let files = fs::read_dir(&from).map_err(|error| format!("cannot read {}: {error}", from.display()))?;
    for file in files.flatten() {
        let to = place.join(file.file_name());
        let text = fs::read(file.path()).map_err(|error| format!("cannot read {}: {error}", file.path().display()))?;
        if fs::read(&to).is_ok_and(|present| present == text) {
            continue;
        }
        // A server that was started from the old file goes on reading the old file.
        let new = place.join("new");
        let mode = if file.file_name() == "serve" { 0o755 } else { 0o644 };
        fs::write(&new, text)
            .and_then(|()| fs::set_permissions(&new, fs::Permissions::from_mode(mode)))
            .and_then(|()| fs::rename(&new, &to))
            .map_err(|error| format!("cannot write {}: {error}", to.display()))?;
    }
    Ok(())
}

fn link(to: &Path, at: &Path) -> Outcome {
    if fs::read_link(at).is_ok_and(|present| present == to) {
        return Ok(());
    }
    let _ = fs::remove_file(at);
    symlink(to, at).map_err(|error| format!("cannot make the link {}: {error}", at.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stores::recipes::ALL;

    #[test]
    fn every_recipe_has_a_script_that_lands_beside_its_data() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::at(dir.path()).unwrap();
        for recipe in ALL {
            let place = folder.of(recipe.kind);
            fs::create_dir_all(&place).unwrap();
            copy_files(recipe, &place).unwrap();
            copy_files(recipe, &place).unwrap();
            assert!(Program::find(folder.root(), recipe.kind).is_some(), "{}", recipe.name());
            let mode = fs::metadata(place.join("serve")).unwrap().permissions().mode();
            assert_eq!(mode & 0o111, 0o111);
        }
    }

    #[test]
    fn a_link_is_moved() {
        let dir = tempfile::tempdir().unwrap();
        let at = dir.path().join("bin");
        for to in ["/usr/bin", "/usr/bin", "/bin"] {
            link(Path::new(to), &at).unwrap();
            assert_eq!(fs::read_link(&at).unwrap(), Path::new(to));
        }
    }
}
