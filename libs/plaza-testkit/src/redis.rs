//! Redis for a test: keys of its own on the shared server, or a server of its own that it may kill, stop and empty.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::stores::Store;
use crate::wait;

/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(5);

/// Removes every key of a prefix.
const REMOVE: &str = "local cursor = '0'
repeat
    local page = redis.call('SCAN', cursor, 'MATCH', ARGV[1], 'COUNT', 1000)
    cursor = page[1]
    for _, key in ipairs(page[2]) do redis.call('UNLINK', key) end
until cursor == '0'
return 1";

/// Keys of a test's own on the shared server; they go when this is dropped.
#[derive(Debug)]
pub struct RedisKeys {
    host: String,
    prefix: String,
}

impl RedisKeys {
    /// Keys that no other test has, or `None` after saying that there is no Redis to test on.
    ///
    /// # Panics
    /// If there is none and `PLAZA_REQUIRE_STORES` asks for all.
    #[must_use]
    pub fn new() -> Option<Self> {
        let address = Store::Redis.address()?;
        let rest = address.trim_start_matches("redis://");
        let host = rest.split(['/', '?']).next().unwrap_or_default().to_owned();
        Some(Self { host, prefix: format!("{}:", Store::unique_name()) })
    }

    /// The server's host and port.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The address of a store on these keys.
    #[must_use]
    pub fn address(&self) -> String {
        format!("redis://{}/0?prefix={}", self.host, self.prefix)
    }

    /// Runs a command on the shared server; the answer's first line as the protocol has it, such as `+OK` or `:1`.
    ///
    /// # Panics
    /// If the server does not answer.
    pub fn command(&self, words: &[&str]) -> String {
        command(&self.host, words).expect("redis answers")
    }
}

impl Drop for RedisKeys {
    fn drop(&mut self) {
        // A test that failed because the server is away must say so itself.
        let _ = command(&self.host, &["EVAL", REMOVE, "0", &format!("{}*", self.prefix)]);
    }
}

/// A server of a test's own, in a folder of its own. It keeps every write it has acknowledged, and ends with this.
#[derive(Debug)]
pub struct RedisServer {
    port: u16,
    folder: TempDir,
    process: Option<Child>,
}

impl RedisServer {
    /// Starts a server and waits until it answers; `None` after saying that the program is missing.
    ///
    /// # Panics
    /// If it cannot be started, or is missing though `PLAZA_REQUIRE_STORES` asks for all.
    pub async fn start() -> Option<Self> {
        Store::Redis.address()?;
        let port = TcpListener::bind(("127.0.0.1", 0)).and_then(|free| free.local_addr()).expect("a port").port();
        let folder = tempfile::Builder::new().prefix("plaza-redis-").tempdir().expect("a folder");
        let mut server = Self { port, folder, process: None };
        server.run().await;
        Some(server)
    }

    /// Its host and port.
    #[must_use]
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The address of a store on it.
    #[must_use]
    pub fn address(&self) -> String {
        format!("redis://{}/0", self.host())
    }

    /// Ends it as `kill -9` does.
    ///
    /// # Panics
    /// If it is not there any more.
    pub fn kill(&mut self) {
        let mut process = self.process.take().expect("a running server");
        process.kill().expect("a process to kill");
        process.wait().expect("a process that ended");
    }

    /// Starts it again after [`RedisServer::kill`], on the same port and files, and waits until it answers.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn run(&mut self) {
        let folder = self.folder.path().to_string_lossy();
        let port = self.port.to_string();
        let process = Command::new("redis-server")
            .args(["--port", &port, "--bind", "127.0.0.1", "--dir", &folder, "--save", "", "--daemonize", "no"])
            .args(["--appendonly", "yes", "--appendfsync", "always"])
            .stdout(Stdio::null())
            .spawn()
            .expect("`redis-server` is installed: it comes with the package that has the shared server");
        self.process = Some(process);
        let host = self.host();
        wait::until("redis to answer", || async { command(&host, &["PING"]).ok().filter(|said| said == "+PONG") })
            .await;
    }

    /// Stops it as SIGSTOP does: connections stay, and nothing is answered.
    pub fn pause(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on after [`RedisServer::pause`].
    pub fn resume(&self) {
        self.signal("-CONT");
    }

    /// Runs a command; the answer's first line as the protocol has it, such as `+OK` or `:1`.
    ///
    /// # Panics
    /// If it does not answer.
    pub fn command(&self, words: &[&str]) -> String {
        command(&self.host(), words).expect("redis answers")
    }

    fn signal(&self, signal: &str) {
        let process = self.process.as_ref().expect("a running server");
        let sent = Command::new("kill").args([signal, &process.id().to_string()]).status();
        assert!(sent.is_ok_and(|status| status.success()), "cannot send {signal}");
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Sends one command on a connection of its own; the first line of the answer.
fn command(host: &str, words: &[&str]) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(host)?;
    stream.set_read_timeout(Some(ANSWER))?;
    let mut request = format!("*{}\r\n", words.len());
    for word in words {
        request.push_str(&format!("${}\r\n{word}\r\n", word.len()));
    }
    stream.write_all(request.as_bytes())?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    Ok(line.trim_end().to_owned())
}
