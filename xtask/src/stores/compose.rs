//! Servers as containers, where a Docker daemon answers: `deploy/compose.yaml` says which.

use std::process::Command;
use std::time::Duration;

use plaza_servers::Kind;

use super::progress::Steps;
use crate::Outcome;
use crate::process::{command, output, succeeds_within};

const FILE: &str = "deploy/compose.yaml";

/// A daemon that is there answers at once.
const PATIENCE: Duration = Duration::from_secs(5);

/// Docker with its compose plugin, found to work.
pub(crate) struct Compose(());

impl Compose {
    /// Whether a daemon answers and `docker compose` is there; if not, why.
    pub(crate) fn find() -> Outcome<Self> {
        if !succeeds_within(Command::new("docker").arg("--version"), PATIENCE) {
            return Err("no Docker".to_owned());
        }
        if !succeeds_within(Command::new("docker").args(["compose", "version"]), PATIENCE) {
            return Err("Docker has no `docker compose`".to_owned());
        }
        if !succeeds_within(Command::new("docker").arg("info"), PATIENCE) {
            return Err("no Docker daemon answers".to_owned());
        }
        Ok(Self(()))
    }

    /// Starts one and waits until it is healthy. What does not become so is removed.
    pub(crate) fn up(&self, kind: Kind, port: u16, steps: &Steps) -> Outcome {
        let mut up = docker_compose(&["up", "--detach", "--wait", "--wait-timeout", "180", kind.name()]);
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
        output(&mut docker_compose(&["rm", "--stop", "--force", kind.name()]))?;
        if wipe {
            output(&mut command("docker", &["volume", "rm", "--force", &volume(kind)]))?;
        }
        if output(&mut docker_compose(&["ps", "--all", "--quiet"]))?.is_empty() {
            output(&mut docker_compose(&["down"]))?;
        }
        Ok(())
    }
}

fn docker_compose(args: &[&str]) -> Command {
    let mut command = command("docker", &["compose", "--file", FILE]);
    command.args(args);
    command
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
    use crate::process::root;
    use crate::stores::recipes::ALL;

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
