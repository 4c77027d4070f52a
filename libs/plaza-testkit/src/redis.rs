//! Redis for a test: keys of its own on a shared server.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::stores::Store;

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
        Self::on(Store::Redis)
    }

    /// As [`RedisKeys::new`], on either of the servers that are Redis.
    ///
    /// # Panics
    /// As [`RedisKeys::new`].
    #[must_use]
    pub fn on(store: Store) -> Option<Self> {
        let address = store.address()?;
        Some(Self { host: host(&address).to_owned(), prefix: format!("{}:", Store::unique_name()) })
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
}

impl Drop for RedisKeys {
    fn drop(&mut self) {
        // A test that failed because the server is away must say so itself.
        let _ = send(&self.host, &["EVAL", REMOVE, "0", &format!("{}*", self.prefix)]);
    }
}

/// Runs a command on the server at `address`; the answer's first line as the protocol has it, such as `+OK` or `:1`.
///
/// # Panics
/// If the server does not answer.
#[must_use]
pub fn command(address: &str, words: &[&str]) -> String {
    send(host(address), words).expect("redis answers")
}

/// The host and port of an address.
fn host(address: &str) -> &str {
    address.trim_start_matches("redis://").split(['/', '?']).next().unwrap_or_default()
}

/// Sends one command on a connection of its own; the first line of the answer.
fn send(host: &str, words: &[&str]) -> std::io::Result<String> {
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
