//! Servers as containers, where a Docker daemon answers: `deploy/compose.yaml` says which.

use std::ffi::OsString;
use std::process::Command;
use std::time::Duration;

use plaza_servers::Kind;

use super::progress::Steps;
use crate::Outcome;
use crate::process::{output, root, succeeds_within};

const FILE: &str = "deploy/compose.yaml";

/// A daemon that is there answers at once.
const PATIENCE: Duration = Duration::from_secs(5);

/// Docker with its compose plugin, found to work.
pub(crate) struct Compose {
    docker: OsString,
}

impl Compose {
    /// Whether a daemon answers and `docker compose` is there; if not, why.
    pub(crate) fn find() -> Outcome<Self> {
        Self::of(OsString::from("docker"))
    }

    fn of(docker: OsString) -> Outcome<Self> {
        let succeeds = |args: &[&str]| succeeds_within(Command::new(&docker).args(args), PATIENCE);
        if !succeeds(&["--version"]) {
            return Err("there is no Docker".to_owned());
        }
        if !succeeds(&["compose", "version"]) {
            return Err("Docker has no `docker compose`".to_owned());
        }
        if !succeeds(&["info"]) {
            return Err("no Docker daemon answers".to_owned());
        }
        Ok(Self { docker })
    }

    /// Starts one and waits until it is healthy. What does not become so is removed.
    pub(crate) fn up(&self, kind: Kind, port: u16, steps: &Steps) -> Outcome {
        let mut up = self.compose(&["up", "--detach", "--wait", "--wait-timeout", "180", kind.name()]);
        up.env(port_variable(kind), port.to_string());
        let outcome = steps.run("container", &mut up);
        if outcome.is_err() {
            // The first error is the one to tell.
            let _ = self.down(kind, false);
        }
        outcome
    }

    /// Ends one and removes its container, and with `wipe` its data. The last one takes the network along.
    pub(crate) fn down(&self, kind: Kind, wipe: bool) -> Outcome {
        output(&mut self.compose(&["rm", "--stop", "--force", kind.name()]))?;
        if wipe {
            output(self.docker().args(["volume", "rm", "--force", &volume(kind)]))?;
        }
        if output(&mut self.compose(&["ps", "--all", "--quiet"]))?.is_empty() {
            output(&mut self.compose(&["down"]))?;
        }
        Ok(())
    }

    fn compose(&self, args: &[&str]) -> Command {
        let mut command = self.docker();
        command.args(["compose", "--file", FILE]).args(args);
        command
    }

    fn docker(&self) -> Command {
        let mut command = Command::new(&self.docker);
        command.current_dir(root());
        command
    }
}

/// The variable that `deploy/compose.yaml` reads the port from; `cargo xtask stores up` reads it too.
pub(crate) fn port_variable(kind: Kind) -> String {
    format!("PLAZA_STORES_{}_PORT", kind.upper_name())
}

/// As `deploy/compose.yaml` names it.
fn volume(kind: Kind) -> String {
    format!("plaza-stores_{}", kind.name())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::stores::recipes::ALL;

    /// A `docker` that writes down what it is asked for and fails at what `fails` matches.
    fn docker(dir: &tempfile::TempDir, fails: &str) -> OsString {
        let path = dir.path().join("docker");
        let calls = dir.path().join("calls");
        let port = "${PLAZA_STORES_NATS_PORT:-}";
        let script =
            format!("#!/bin/sh\necho \"$*\" {port} >>{}\ncase $* in {fails}) exit 1;; esac\n", calls.display());
        let text = dir.path().join("docker.sh");
        fs::write(&text, script).unwrap();
        // By another process: one that this process has just written may be busy when it is to be run.
        assert!(Command::new("install").arg("-m755").arg(&text).arg(&path).status().unwrap().success());
        path.into_os_string()
    }

    /// What it was asked for, but for the questions whether it is there.
    fn calls(dir: &tempfile::TempDir) -> Vec<String> {
        let text = fs::read_to_string(dir.path().join("calls")).unwrap();
        let short = |line: &str| line.replace("compose --file deploy/compose.yaml ", "");
        text.lines().skip(3).map(short).collect()
    }

    #[test]
    fn what_docker_lacks_is_said() {
        let dir = tempfile::tempdir().unwrap();
        let why = |fails: &str| Compose::of(docker(&dir, fails)).err().unwrap_or_default();
        assert_eq!(why("info"), "no Docker daemon answers");
        assert_eq!(why("*version"), "there is no Docker");
        assert_eq!(why("compose*version"), "Docker has no `docker compose`");
        assert_eq!(why("nothing"), "");
    }

    #[test]
    fn a_container_is_started_on_its_port_and_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let compose = Compose::of(docker(&dir, "nothing")).unwrap();
        let steps = Steps::new("nats", &dir.path().join("log"));
        assert_eq!(compose.up(Kind::Nats, 4333, &steps), Ok(()));
        assert_eq!(compose.down(Kind::Nats, true), Ok(()));
        let expected = [
            "up --detach --wait --wait-timeout 180 nats 4333",
            "rm --stop --force nats",
            "volume rm --force plaza-stores_nats",
            "ps --all --quiet",
            "down",
        ];
        assert_eq!(calls(&dir), expected);
    }

    #[test]
    fn a_container_that_does_not_become_healthy_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        let compose = Compose::of(docker(&dir, "*--wait*")).unwrap();
        let steps = Steps::new("nats", &dir.path().join("log"));
        assert!(compose.up(Kind::Nats, 4333, &steps).is_err());
        assert_eq!(calls(&dir)[1], "rm --stop --force nats");
    }

    #[test]
    fn the_file_has_a_port_and_a_volume_for_each() {
        let text = fs::read_to_string(root().join(FILE)).unwrap();
        assert!(text.contains("\nname: plaza-stores\n"));
        for recipe in ALL {
            let port = format!("\"127.0.0.1:${{{}:-{}}}:", port_variable(recipe.kind), recipe.port);
            assert!(text.contains(&port), "{port}");
            if recipe.kind != Kind::RedisCache {
                assert!(text.contains(&format!("\n  {}:\n    name: {}\n", recipe.name(), volume(recipe.kind))));
            }
        }
    }
}
