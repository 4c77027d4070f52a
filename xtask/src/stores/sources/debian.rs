//! Programs from the distribution's packages, where there is apt.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Programs;
use super::search::{folder_with, once};
use crate::Outcome;
use crate::process::succeeds;
use crate::stores::folder::Folder;
use crate::stores::progress::Steps;

/// A package of Debian or one of its kin.
pub(crate) struct Debian {
    pub(crate) package: &'static str,
    pub(crate) program: &'static str,
}

impl Debian {
    /// Downloads the package and what the machine lacks of its dependencies, and unpacks them. Installing it would start
    /// a service, and leave it on the machine.
    pub(crate) fn programs(&self, folder: &Folder, steps: &Steps) -> Outcome<Programs> {
        let home = folder.programs(&format!("debian-{}", self.package));
        once(&home, || {
            if !succeeds(Command::new("apt-get").arg("--version")) {
                return Err("there is no apt-get".to_owned());
            }
            self.download(&home, steps)?;
            unpack(&home, steps)
        })?;
        let root = home.join("root");
        let missing = || format!("the package {} has no {}", self.package, self.program);
        let bin = folder_with(self.program, &root).ok_or_else(missing)?;
        Ok(Programs { bin, lib: libraries(&root), what: format!("{} of the distribution", self.package) })
    }

    fn download(&self, home: &Path, steps: &Steps) -> Outcome {
        for folder in ["archives/partial", "lists/partial"] {
            let path = home.join(folder);
            fs::create_dir_all(&path).map_err(|error| format!("cannot make {}: {error}", path.display()))?;
        }
        let what = format!("download {}", self.package);
        let first = steps.run(&what, &mut self.install(home, None));
        first.or_else(|_| {
            // The machine's own lists are old, or were never fetched.
            let lists = home.join("lists");
            steps.run("lists of packages", apt(home, Some(&lists)).arg("update"))?;
            steps.run(&what, &mut self.install(home, Some(&lists)))
        })
    }

    fn install(&self, home: &Path, lists: Option<&Path>) -> Command {
        let mut command = apt(home, lists);
        command.args(["--download-only", "--no-install-recommends", "install", self.package]);
        command
    }
}

/// apt-get on our own folders, which needs neither root nor the locks of the machine's.
fn apt(home: &Path, lists: Option<&Path>) -> Command {
    let mut command = Command::new("apt-get");
    command.args(["--yes", "-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User="]);
    command.args(["-o", "Acquire::Retries=1", "-o", "Acquire::http::Timeout=15", "-o", "Acquire::https::Timeout=15"]);
    command.arg("-o").arg(format!("Dir::Cache={}", home.display()));
    if let Some(lists) = lists {
        command.arg("-o").arg(format!("Dir::State::Lists={}", lists.display()));
    }
    command
}

fn unpack(home: &Path, steps: &Steps) -> Outcome {
    let archives = fs::read_dir(home.join("archives")).map_err(|error| format!("cannot read the packages: {error}"))?;
    let mut packages: Vec<PathBuf> = archives.flatten().map(|entry| entry.path()).collect();
    packages.retain(|path| path.extension().is_some_and(|extension| extension == "deb"));
    packages.sort();
    for package in &packages {
        let name = package.file_name().unwrap_or_default().to_string_lossy().into_owned();
        steps.run(&format!("unpack {name}"), Command::new("dpkg").arg("-x").arg(package).arg(home.join("root")))?;
    }
    for folder in ["archives", "lists"] {
        crate::stores::folder::wipe(&home.join(folder))?;
    }
    Ok(())
}

/// `usr/lib/<machine>-linux-gnu` of what was unpacked.
fn libraries(root: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(root.join("usr/lib")).ok()?.flatten();
    let mut folders = entries.map(|entry| entry.path());
    folders.find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().contains("-linux-")))
}
