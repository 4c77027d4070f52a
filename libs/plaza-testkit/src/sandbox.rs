//! The real `plaza` binary, started for one test and gone with it.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use plaza_core::{Position, Token};
use plaza_proto::accounts::v1::{Account, UpdateProfileRequest};
use plaza_proto::graph::v1::{FollowRequest, UnfollowRequest};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::person::{Guest, Person, Routes, request_id};
use crate::{Backends, Store};

/// The variable of the platform's secret.
const SECRET: &str = "PLAZA_SECRET";

/// The services, in the order in which they need each other.
pub const SERVICES: [&str; 5] = ["accounts", "sessions", "graph", "posts", "feeds"];

/// Which processes the platform runs as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// All services in one process.
    OneProcess,
    /// A process for each service, calling each other over gRPC.
    ProcessEach,
}

/// A running platform with a data folder of its own.
#[derive(Debug)]
pub struct Sandbox {
    _folder: TempDir,
    processes: Vec<Process>,
}

#[derive(Debug)]
struct Process {
    /// What it serves, as arguments of `plaza`.
    command: Vec<String>,
    services: Vec<&'static str>,
    port: u16,
    /// Its data folder.
    data: PathBuf,
    settings: Vec<(String, String)>,
    child: Option<Child>,
}

/// How far the outboxes of the services have got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Positions {
    accounts: Position,
    graph: Position,
    posts: Position,
}

impl Positions {
    /// Where [`Sandbox::positions`] stands the next time if nobody writes in between: it writes itself to ask.
    #[must_use]
    pub fn next(self) -> Self {
        Self { accounts: self.accounts + 1, graph: self.graph + 2, posts: self.posts + 1 }
    }
}

impl Sandbox {
    /// Starts the platform and waits until it is ready.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start(shape: Shape) -> Self {
        Self::start_with(shape, &[]).await
    }

    /// As [`Sandbox::start`], with settings as `PLAZA_*` environment variables.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn start_with(shape: Shape, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::Builder::new().prefix("plaza-test-").tempdir().expect("a temporary folder");
        let processes = match shape {
            Shape::OneProcess => vec![Process::new(vec!["up".to_owned()], SERVICES.to_vec())],
            Shape::ProcessEach => SERVICES.into_iter().map(Process::serving).collect(),
        };
        let data = folder.path().join("data");
        Self::with(folder, processes, |_| data.clone(), settings).await
    }

    /// The platform on real stores: each service a process, posts and feeds two, with a part of each store to itself.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn cluster(backends: &Backends, settings: &[(&str, &str)]) -> Self {
        let replicas = |service: &str| if matches!(service, "posts" | "feeds") { 2 } else { 1 };
        Self::on_stores(backends, replicas, settings).await
    }

    /// As [`Sandbox::cluster`], with two processes of every service.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn cluster_of_twos(backends: &Backends, settings: &[(&str, &str)]) -> Self {
        Self::on_stores(backends, |_| 2, settings).await
    }

    async fn on_stores(backends: &Backends, replicas: fn(&str) -> usize, settings: &[(&str, &str)]) -> Self {
        let folder = tempfile::Builder::new().prefix("plaza-test-").tempdir().expect("a temporary folder");
        let processes = SERVICES.into_iter().flat_map(|service| vec![service; replicas(service)]);
        let own = own_parts(backends, &Store::unique_name());
        let mut all: Vec<(&str, &str)> = own.iter().map(|(key, value)| (*key, value.as_str())).collect();
        all.extend(settings);
        let data = folder.path().to_owned();
        let of_process = |port: u16| data.join(format!("data-{port}"));
        Self::with(folder, processes.map(Process::serving).collect(), of_process, &all).await
    }

    async fn with(
        folder: TempDir,
        mut processes: Vec<Process>,
        data: impl Fn(u16) -> PathBuf,
        settings: &[(&str, &str)],
    ) -> Self {
        let mut ports: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for process in &processes {
            let address = format!("http://127.0.0.1:{}", process.port);
            process.services.iter().for_each(|service| ports.entry(service).or_default().push(address.clone()));
        }
        let in_pieces = processes.len() > 1;
        for process in &mut processes {
            process.data = data(process.port);
            let mut set = |key: String, value: String| process.settings.push((key, value));
            set("PLAZA_ACCOUNTS__INSECURE_FAST_HASH".to_owned(), "true".to_owned());
            let mail = format!("folder:{}", folder.path().join("mail").display());
            set("PLAZA_ACCOUNTS__MAILER".to_owned(), mail);
            // A test calls as often as it likes, unless it is about the limit.
            set("PLAZA_RATE_LIMIT__PER_MINUTE".to_owned(), "0".to_owned());
            for (service, addresses) in ports.iter().filter(|_| in_pieces) {
                set(format!("PLAZA_PEERS__{}", service.to_uppercase()), addresses.join(","));
            }
            for (key, value) in settings {
                set((*key).to_owned(), (*value).to_owned());
            }
        }
        let mut sandbox = Self { _folder: folder, processes };
        sandbox.restart().await;
        sandbox
    }

    /// Starts what is not running, with the data of before.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn restart(&mut self) {
        for process in self.processes.iter_mut().filter(|p| p.child.is_none()) {
            assert!(process.start().await, "plaza {:?} ended before it was ready", process.command);
        }
    }

    /// As [`Sandbox::restart`], for a platform that is to die by itself, perhaps before it is ready.
    ///
    /// # Panics
    /// If it does neither.
    pub async fn restart_doomed(&mut self) {
        for process in self.processes.iter_mut().filter(|p| p.child.is_none()) {
            process.start().await;
        }
    }

    /// Adds a setting for the next start.
    pub fn set(&mut self, key: &str, value: &str) {
        for process in &mut self.processes {
            process.settings.retain(|(k, _)| k != key);
            process.settings.push((key.to_owned(), value.to_owned()));
        }
    }

    /// Ends every process with SIGKILL.
    ///
    /// # Panics
    /// If the system refuses.
    pub async fn kill(&mut self) {
        for process in &mut self.processes {
            if let Some(mut child) = process.child.take() {
                child.kill().await.expect("SIGKILL");
            }
        }
    }

    /// Waits until the process has ended by itself.
    ///
    /// # Panics
    /// If it lives on.
    pub async fn await_end(&mut self) {
        for process in &mut self.processes {
            if let Some(mut child) = process.child.take() {
                let ended = tokio::time::timeout(crate::wait::PATIENCE, child.wait()).await;
                ended.expect("the process to end by itself").expect("an exit status");
            }
        }
    }

    /// Sends SIGTERM to every process and gives their exit codes.
    ///
    /// # Panics
    /// If one is still there after 10 s.
    pub async fn terminate(&mut self) -> Vec<Option<i32>> {
        for child in self.processes.iter().filter_map(|p| p.child.as_ref()) {
            terminate(child).await;
        }
        let mut codes = Vec::new();
        for process in &mut self.processes {
            if let Some(mut child) = process.child.take() {
                let ended = tokio::time::timeout(Duration::from_secs(10), child.wait()).await;
                codes.push(ended.expect("an end within 10 s").expect("an exit status").code());
            }
        }
        codes
    }

    /// Ends the platform, as an operator would.
    ///
    /// # Panics
    /// If a process does not end well.
    pub async fn stop(mut self) {
        let codes = self.terminate().await;
        assert!(codes.iter().all(|code| *code == Some(0)), "exit codes {codes:?}");
    }

    /// Somebody who is not signed in.
    #[must_use]
    pub fn guest(&self) -> Guest {
        let at = |method: &plaza_rpc::Method| match package(method) {
            // Every process has it, for its own.
            "projections" => self.address(),
            service => self.addresses(service),
        };
        Guest { routes: Routes::new(plaza_proto::methods().map(|method| (method.service, at(method)))) }
    }

    /// Where the processes of a service are, as peers are told.
    fn addresses(&self, service: &str) -> String {
        let serving = self.processes.iter().filter(|process| process.services.contains(&service));
        serving.map(Process::address).collect::<Vec<_>>().join(",")
    }

    /// The whole platform as `--target` takes it.
    fn target(&self) -> String {
        if self.processes.len() == 1 {
            return self.address();
        }
        SERVICES.map(|service| format!("{service}={}", self.addresses(service))).join(",")
    }

    /// How many processes there are.
    #[must_use]
    pub fn processes(&self) -> usize {
        self.processes.len()
    }

    /// Holds that no process has ended by itself.
    ///
    /// # Panics
    /// If one has.
    pub fn assert_alive(&mut self) {
        for process in &mut self.processes {
            let ended = process.child.as_mut().and_then(|child| child.try_wait().expect("a child to ask"));
            assert!(ended.is_none(), "plaza {:?} ended with {ended:?}", process.command);
        }
    }

    /// Restarts process number `n` in good order, and waits until it is ready again.
    ///
    /// # Panics
    /// If it does not end or start.
    pub async fn roll(&mut self, n: usize) {
        let process = &mut self.processes[n];
        let mut child = process.child.take().expect("a running process");
        terminate(&child).await;
        let ended = tokio::time::timeout(Duration::from_secs(10), child.wait()).await;
        assert_eq!(ended.expect("an end within 10 s").expect("an exit status").code(), Some(0));
        assert!(process.start().await, "plaza {:?} ended before it was ready", process.command);
    }

    /// The address of the first process.
    #[must_use]
    pub fn address(&self) -> String {
        self.processes[0].address()
    }

    /// Runs `plaza` with `args` against this platform and gives what it printed.
    ///
    /// # Panics
    /// If it fails.
    pub async fn run(&self, args: &[&str]) -> String {
        let process = &self.processes[0];
        let mut command = Command::new(binary());
        command.args(args).args(["--target", &self.target()]).arg("--data-dir").arg(&process.data);
        command.envs(process.settings.iter().filter(|(key, _)| key == SECRET).map(|(key, value)| (key, value)));
        let output = command.output().await.expect("plaza runs");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "plaza {args:?}: {}{}", text(&output.stdout), text(&output.stderr));
        text(&output.stdout)
    }

    /// How far each outbox has got, found by writing once or twice to each as `me`, who does not follow `other`.
    ///
    /// # Panics
    /// If a write fails.
    pub async fn positions(&self, me: &Person, other: &Person) -> Positions {
        let of = |token: &Token, source: &str| token.iter().find(|(s, _)| *s == source).expect("a position").1;
        let update = UpdateProfileRequest {
            request_id: request_id(),
            account_id: me.id(),
            account: Some(Account { bio: request_id(), ..Account::default() }),
            update_mask: Some(prost_types::FieldMask { paths: vec!["bio".to_owned()] }),
            etag: String::new(),
        };
        let accounts = me.call(update).await.expect("a profile update").token;
        me.call(FollowRequest { request_id: request_id(), account_id: other.id() }).await.expect("a follow");
        let unfollow = UnfollowRequest { request_id: request_id(), account_id: other.id() };
        let graph = me.call(unfollow).await.expect("an unfollow").token;
        let (_, posts) = me.post("a probe").await.expect("a post");
        Positions { accounts: of(&accounts, "accounts"), graph: of(&graph, "graph"), posts: of(&posts, "posts") }
    }
}

/// Sends SIGTERM.
async fn terminate(child: &Child) {
    let pid = child.id().expect("a running process").to_string();
    let sent = Command::new("kill").args(["-TERM", &pid]).status().await.expect("kill");
    assert!(sent.success(), "SIGTERM to {pid}");
}

/// The settings that give a platform a part of each store to itself, under `name`.
fn own_parts(backends: &Backends, name: &str) -> Vec<(&'static str, String)> {
    let (postgres, cache) = (backends.address(Store::Postgres), backends.address(Store::RedisCache));
    vec![
        (SECRET, "5e".repeat(32)),
        ("PLAZA_ACCOUNTS__STORE", format!("{postgres}?schema={name}_accounts")),
        ("PLAZA_POSTS__STORE", format!("{postgres}?schema={name}_posts")),
        ("PLAZA_SESSIONS__STORE", format!("{}/0?prefix={name}:", backends.address(Store::Redis))),
        ("PLAZA_GRAPH__STORE", format!("{}/neo4j?namespace={name}", backends.address(Store::Neo4j))),
        ("PLAZA_FEEDS__STORE", format!("{cache}/0?prefix={name}:")),
        ("PLAZA_FEEDS__POSITIONS", format!("{postgres}?schema={name}_feeds")),
        ("PLAZA_EVENTS__STORE", backends.address(Store::Nats)),
        ("PLAZA_EVENTS__PREFIX", name.to_owned()),
        ("PLAZA_ACCOUNTS__CACHE", format!("{cache}/0?prefix={name}:")),
    ]
}

/// `posts` of `plaza.posts.v1.PostsService`.
fn package(method: &plaza_rpc::Method) -> &'static str {
    method.service.split('.').nth(1).unwrap_or_default()
}

impl Process {
    fn new(command: Vec<String>, services: Vec<&'static str>) -> Self {
        Self { command, services, port: free_port(), data: PathBuf::new(), settings: Vec::new(), child: None }
    }

    /// One that serves one service.
    fn serving(service: &'static str) -> Self {
        Self::new(vec!["serve".to_owned(), service.to_owned()], vec![service])
    }

    fn address(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Starts it and waits until it is ready (true) or has ended.
    async fn start(&mut self) -> bool {
        let mut command = Command::new(binary());
        command
            .args(&self.command)
            .arg("--data-dir")
            .arg(&self.data)
            .args(["--grpc-address", &format!("127.0.0.1:{}", self.port), "--admin-address", "127.0.0.1:0"])
            .env("RUST_LOG", std::env::var("PLAZA_TEST_LOG").unwrap_or_else(|_| "error".to_owned()))
            .envs(self.settings.iter().map(|(key, value)| (key, value)))
            .stdout(Stdio::piped())
            .kill_on_drop(true);
        let mut child = command.spawn().expect("plaza starts");
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let ready = tokio::time::timeout(crate::wait::PATIENCE, async {
            while let Some(line) = lines.next_line().await.expect("text") {
                if line.starts_with("ready:") {
                    return true;
                }
            }
            false
        });
        let ready = ready.await.expect("plaza is ready in time");
        // Whatever it prints from now on must not fill the pipe.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        self.child = Some(child);
        ready
    }
}

/// A port that nobody listens on, and that nobody gets by asking the system for any: it is below the range that the
/// system gives out. Test processes start looking at different places.
pub(crate) fn free_port() -> u16 {
    const FIRST: u32 = 10_000;
    const SPAN: u32 = 20_000;
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let start = std::process::id().wrapping_mul(97);
    let ports = std::iter::repeat_with(|| FIRST + start.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % SPAN);
    let mut ports = ports.take(1_000).filter_map(|port| u16::try_from(port).ok());
    ports.find(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok()).expect("a free port")
}

/// The binary that cargo built beside this test.
fn binary() -> PathBuf {
    let test = std::env::current_exe().expect("the test's path");
    let path = test.parent().and_then(Path::parent).expect("a target folder").join("plaza");
    assert!(
        path.exists(),
        "there is no {}: run `cargo build -p plaza` first (`cargo xtask test` does)",
        path.display()
    );
    path
}
