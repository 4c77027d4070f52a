//! Programs that are on the machine already.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Programs;
use super::search::{folder_with, is_program};
use crate::Outcome;
use crate::process;

/// A program on the PATH, or below folders where distributions put what is not on it.
pub(crate) struct Machine {
    pub(crate) program: &'static str,
    pub(crate) folders: &'static [&'static str],
    /// An older one will not do.
    pub(crate) at_least: (u32, u32, u32),
}

impl Machine {
    pub(crate) fn programs(&self) -> Outcome<Programs> {
        let path = env::var_os("PATH").unwrap_or_default();
        let on_path = env::split_paths(&path).find(|folder| is_program(&folder.join(self.program)));
        let elsewhere = || self.folders.iter().find_map(|folder| folder_with(self.program, Path::new(folder)));
        let bin: PathBuf =
            on_path.or_else(elsewhere).ok_or_else(|| format!("there is no {} on the machine", self.program))?;
        let told = process::output(Command::new(bin.join(self.program)).arg("--version"))?;
        let version = version(&told).ok_or_else(|| format!("{} tells no version: {told}", self.program))?;
        let (major, minor, patch) = self.at_least;
        if version < self.at_least {
            return Err(format!("{} on the machine is older than {major}.{minor}.{patch}: {told}", self.program));
        }
        let what = format!("{} {}.{} of the machine", self.program, version.0, version.1);
        Ok(Programs { bin, lib: None, what })
    }
}

/// The first two or three numbers with dots between them; a third that is not told is 0.
pub(crate) fn version(text: &str) -> Option<(u32, u32, u32)> {
    let numbers = text.split(|c: char| !c.is_ascii_digit() && c != '.');
    numbers.filter(|word| word.starts_with(|c: char| c.is_ascii_digit())).find_map(|word| {
        let mut parts = word.split('.').map(str::parse);
        Some((parts.next()?.ok()?, parts.next()?.ok()?, parts.next().and_then(Result::ok).unwrap_or_default()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_as_servers_tell_them() {
        assert_eq!(version("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"), Some((15, 18, 0)));
        assert_eq!(version("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.2.1 bits=64"), Some((7, 0, 15)));
        assert_eq!(version("nats-server: v2.15.1"), Some((2, 15, 1)));
        assert_eq!(version("openjdk version \"17.0.15\" 2025-04-15"), Some((17, 0, 15)));
        assert_eq!(version("no number"), None);
    }

    #[test]
    fn what_is_missing_or_too_old_is_said() {
        let missing = Machine { program: "no-such-server", folders: &["/nowhere"], at_least: (1, 0, 0) };
        assert!(missing.programs().is_err_and(|why| why.contains("no no-such-server")));
        let old = Machine { program: "git", folders: &[], at_least: (1000, 0, 0) };
        assert!(old.programs().is_err_and(|why| why.contains("older than 1000.0.0")));
        let good = Machine { program: "git", folders: &[], at_least: (1, 0, 0) };
        assert!(good.programs().is_ok_and(|programs| programs.bin.join("git").exists()));
    }
}
