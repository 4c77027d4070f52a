//! What a process says of itself at `/readyz`.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// For one question.
const ANSWER: Duration = Duration::from_secs(2);
/// No answer is longer.
const MAX: u64 = 64 * 1024;

/// How ready a process is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Readiness {
    pub(crate) ready: bool,
    /// The lines about what is missing.
    pub(crate) missing: Vec<String>,
}

/// Asks the process whose metrics and health are on `port` of this machine.
pub(crate) fn ask(port: u16) -> io::Result<Readiness> {
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from(([127, 0, 0, 1], port)), ANSWER)?;
    stream.set_read_timeout(Some(ANSWER))?;
    stream.set_write_timeout(Some(ANSWER))?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(MAX).read_to_string(&mut answer)?;
    Ok(read(&answer))
}

fn read(answer: &str) -> Readiness {
    let ready = answer.starts_with("HTTP/1.1 200");
    let lines = answer.lines().filter_map(|line| line.strip_prefix("dependency "));
    Readiness { ready, missing: lines.filter(|line| line.contains(": missing")).map(str::to_owned).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_read_off_the_answer() {
        let head = "HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain\r\n\r\n";
        let body = "not ready\nservice a: not serving\ndependency a-store: missing (STORE_UNAVAILABLE), critical to a\n\
                    dependency graph: up\n";
        let expected = vec!["a-store: missing (STORE_UNAVAILABLE), critical to a".to_owned()];
        assert_eq!(read(&format!("{head}{body}")), Readiness { ready: false, missing: expected });
        assert_eq!(read("HTTP/1.1 200 OK\r\n\r\nready\n"), Readiness { ready: true, missing: Vec::new() });
    }

    #[test]
    fn nobody_there_is_an_error() {
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        assert!(ask(port).is_err());
    }
}
