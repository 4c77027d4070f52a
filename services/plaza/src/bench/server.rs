//! The platform that is measured: one that is there, or one started as a process of its own, so that its CPU time can be
//! told from the generator's.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use plaza_servers::usage;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use super::report::Cpu;
use crate::cli::LoadArgs;
use crate::failure::{Failure, Result};
use crate::load::Target;

/// How long a platform may take to start, ...
const START: Duration = Duration::from_secs(60);
/// ... and to end.
const END: Duration = Duration::from_secs(15);

/// The platform under load.
#[derive(Debug)]
pub(super) struct Server {
    /// Where it is.
    pub target: Target,
    pids: Vec<u32>,
    child: Option<Child>,
}

impl Server {
    /// The platform that the arguments name, or a new one with `settings` as well.
    pub(super) async fn get(args: &LoadArgs, settings: &[(&str, String)]) -> Result<Self> {
        match &args.target {
            Some(target) => Ok(Self { target: target.clone(), pids: args.server_pids.clone(), child: None }),
            None => Self::start(args, settings).await,
        }
    }

    async fn start(args: &LoadArgs, settings: &[(&str, String)]) -> Result<Self> {
        let exe = std::env::current_exe().map_err(|e| Failure::new(format!("own path unknown: {e}")))?;
        let mut command = Command::new(exe);
        command.arg("up").args(["--grpc-address", "127.0.0.1:0", "--admin-address", "127.0.0.1:0", "--log", "warn"]);
        match args.data_dir.as_deref() {
            Some(dir) => command.arg("--data-dir").arg(dir),
            None => command.arg("--ephemeral"),
        };
        command.args(["--set", "accounts.insecure_fast_hash=true", "--set", "rate_limit.per_minute=0"]);
        for (name, value) in settings.iter().map(|(n, v)| (*n, v.as_str())) {
            command.args(["--set", &format!("{name}={value}")]);
        }
        for (name, value) in &args.sets {
            command.args(["--set", &format!("{name}={value}")]);
        }
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|e| Failure::new(format!("a platform cannot be started: {e}")))?;
        let stdout = child.stdout.take().ok_or_else(|| Failure::new("a process without output"))?;
        let mut lines = BufReader::new(stdout).lines();
        let ready = async {
            while let Ok(Some(line)) = lines.next_line().await {
                if let Some(address) = grpc_address(&line) {
                    return Some(address);
                }
            }
            None
        };
        let address = tokio::time::timeout(START, ready).await.ok().flatten();
        let address = address.ok_or_else(|| Failure::new("the platform ended before it was ready"))?;
        // What it prints from now on must not fill the pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        let target = format!("http://{address}").parse().map_err(|wrong: String| Failure::new(wrong))?;
        Ok(Self { target, pids: child.id().into_iter().collect(), child: Some(child) })
    }

    /// The CPU time that it and this process have used.
    pub(super) fn cpu(&self) -> Cpu {
        let each = self.pids.iter().map(|pid| usage::cpu(Path::new(&format!("/proc/{pid}"))));
        let server = each.sum::<Option<Duration>>().filter(|_| !self.pids.is_empty());
        Cpu { server, client: usage::cpu(Path::new("/proc/self")) }
    }

    /// Its peak memory in MB, of all its processes together, if that can be read.
    pub(super) fn peak_mb(&self) -> Option<u64> {
        let each = self.pids.iter().map(|pid| usage::peak_mb(Path::new(&format!("/proc/{pid}"))));
        each.sum::<Option<u64>>().filter(|_| !self.pids.is_empty())
    }

    /// Ends it in good order, so that it removes its files, if it was started here.
    pub(super) async fn end(mut self) {
        let Some(mut child) = self.child.take() else { return };
        if let Some(pid) = child.id() {
            let _ = Command::new("kill").args(["-TERM", &pid.to_string()]).status().await;
        }
        if tokio::time::timeout(END, child.wait()).await.is_err() {
            let _ = child.kill().await;
        }
    }
}

/// The address in `ready: grpc=127.0.0.1:50051 admin=…`.
fn grpc_address(line: &str) -> Option<String> {
    let mut words = line.strip_prefix("ready:")?.split_whitespace();
    words.find_map(|word| word.strip_prefix("grpc=")).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ready_line_tells_the_address() {
        let told = grpc_address("ready: grpc=127.0.0.1:4711 admin=127.0.0.1:4712");
        assert_eq!(told.as_deref(), Some("127.0.0.1:4711"));
        assert_eq!(grpc_address("grpc=1"), None);
    }
}
