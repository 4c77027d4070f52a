//! Real servers of a test's own, to be killed, stopped and started again.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::Duration;

use plaza_servers::process::{self, Signal};
use plaza_servers::{Program, answers, tail};
use tempfile::TempDir;

use crate::sandbox::free_port;
use crate::{Store, wait};

/// For a server to serve: Neo4j on a machine that has other work.
const PATIENCE: Duration = Duration::from_mins(3);
/// For one question.
const ANSWER: Duration = Duration::from_secs(2);

/// A server with data and a port of its own, gone with the test.
///
/// Its programs are those that `cargo xtask stores` keeps in the folder that `PLAZA_TEST_SERVERS` names; `cargo xtask
/// test` sets it.
#[derive(Debug)]
pub struct Server {
    store: Store,
    program: Program,
    folder: TempDir,
    port: u16,
    child: Option<Child>,
}

impl Server {
    /// Starts one on an empty folder and waits until it serves; `None` after saying that the test is skipped.
    ///
    /// # Panics
    /// If it is not installed and `PLAZA_REQUIRE_STORES` asks for all, or if it does not serve.
    pub async fn start(store: Store) -> Option<Self> {
        let programs = std::env::var_os("PLAZA_TEST_SERVERS").map(PathBuf::from);
        let Some(program) = programs.and_then(|folder| Program::find(&folder, store.kind())) else {
            let name = store.name();
            store.skip(&format!(
                "PLAZA_TEST_SERVERS names no folder with a {name} to start; `cargo xtask stores up --native {name}` \
                 makes one"
            ));
            return None;
        };
        let folder = tempfile::Builder::new().prefix("plaza-server-").tempdir().expect("a temporary folder");
        let mut server = Self { store, program, folder, port: free_port(), child: None };
        server.restart().await;
        Some(server)
    }

    /// Its port, the same after a restart.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its address, the same after a restart.
    #[must_use]
    pub fn address(&self) -> String {
        self.store.kind().address(self.port)
    }

    /// Ends it with SIGKILL, its children too, and waits until they are gone.
    ///
    /// # Panics
    /// If it lives on.
    pub async fn kill(&mut self) {
        self.end(Signal::Kill).await;
    }

    /// Asks it to end and waits until it has.
    ///
    /// # Panics
    /// If it does not.
    pub async fn stop(&mut self) {
        self.end(Signal::Term).await;
    }

    /// Stops it where it stands, as SIGSTOP does: connections stay, nothing is answered.
    pub fn pause(&self) {
        let itself: Vec<u32> = self.child.iter().map(Child::id).collect();
        process::signal(&itself, Signal::Stop);
        // It makes no more children now.
        process::signal(&self.family(), Signal::Stop);
    }

    /// Lets it go on after [`Server::pause`].
    pub fn resume(&self) {
        process::signal(&self.family(), Signal::Cont);
    }

    /// Starts it again on its data, unless it runs, and waits until it serves.
    ///
    /// # Panics
    /// If it does not serve.
    pub async fn restart(&mut self) {
        if self.child.is_none() {
            self.spawn();
        }
        wait::within(PATIENCE, "a server to serve", || {
            self.assert_runs();
            let (kind, address) = (self.store.kind(), self.address());
            async move {
                let asked = tokio::task::spawn_blocking(move || answers(kind, &address, ANSWER)).await;
                asked.expect("a probe").ok()
            }
        })
        .await;
    }

    /// Deletes all its data; it must have ended.
    ///
    /// # Panics
    /// If it runs.
    pub fn wipe(&self) {
        assert!(self.child.is_none(), "a server that runs is not wiped");
        match std::fs::remove_dir_all(self.data()) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => panic!("cannot wipe its data: {error}"),
            _ => {}
        }
    }

    /// What it logged last, for a test that fails.
    #[must_use]
    pub fn log_tail(&self) -> String {
        tail(&self.log())
    }

    /// In the process group of the tests, so that Ctrl-C ends it too.
    fn spawn(&mut self) {
        let child = self.program.start(&self.data(), self.port, &self.log(), false).expect("a server starts");
        self.child = Some(child);
    }

    fn assert_runs(&mut self) {
        let exited = self.child.as_mut().and_then(|child| child.try_wait().expect("a child to ask"));
        assert!(exited.is_none(), "{} ended with {exited:?}:\n{}", self.store.name(), self.log_tail());
    }

    async fn end(&mut self, signal: Signal) {
        let family = self.family();
        let Some(mut child) = self.child.take() else { return };
        // One that asks its children to end does so itself; a kill has to reach each.
        let whom = if signal == Signal::Kill { family.as_slice() } else { &family[..1] };
        process::signal(whom, signal);
        wait::until("a server to end", || {
            let exited = child.try_wait().expect("a child to ask").is_some();
            let gone = exited && family.iter().all(|pid| process::began(*pid).is_none());
            std::future::ready(gone.then_some(()))
        })
        .await;
    }

    /// Its process and those that it started, while it runs.
    fn family(&self) -> Vec<u32> {
        self.child.as_ref().map(|child| process::family(child.id())).unwrap_or_default()
    }

    fn data(&self) -> PathBuf {
        self.path("data")
    }

    fn log(&self) -> PathBuf {
        self.path("log")
    }

    fn path(&self, name: &str) -> PathBuf {
        Path::new(self.folder.path()).join(name)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        process::signal(&self.family(), Signal::Kill);
        if let Some(mut child) = self.child.take() {
            // Its exit status is taken, so that nothing of it stays behind.
            let _ = child.wait();
        }
    }
}
