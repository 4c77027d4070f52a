//! Whether a server serves: one question in its own protocol, without its driver.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use crate::Kind;
use crate::endpoint::Endpoint;

/// Enough for the longest greeting, that of NATS.
const MOST: usize = 4096;

/// Asks the server at `address` whether it serves; connecting and each answer take at most `limit`.
///
/// A server that wants a password answers: it is the driver's business to have one. Through TLS only the connection is
/// tried.
///
/// # Errors
/// Why it does not, in words for a developer.
pub fn answers(kind: Kind, address: &str, limit: Duration) -> Result<(), String> {
    let endpoint = Endpoint::of(address, kind.usual_port()).ok_or("this is no address of a server")?;
    let mut stream = endpoint.connect(limit).map_err(|error| format!("cannot connect: {error}"))?;
    if endpoint.encrypted {
        return Ok(());
    }
    let asked = match kind {
        Kind::Postgres => postgres(&mut stream),
        Kind::Redis | Kind::RedisCache => redis(&mut stream),
        Kind::Nats => nats(&mut stream),
        Kind::Neo4j => neo4j(&mut stream),
    };
    asked.unwrap_or_else(|error| match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Err("says nothing".to_owned()),
        _ => Err(format!("does not answer as {} would: {error}", kind.name())),
    })
}

type Answer = io::Result<Result<(), String>>;

/// A start-up message of protocol 3.0, to which a server that takes connections says how to authenticate, or that it
/// refuses us; one that is starting or stopping says so.
fn postgres(stream: &mut TcpStream) -> Answer {
    let parameters = b"user\0postgres\0database\0postgres\0\0";
    let length = u32::try_from(8 + parameters.len()).unwrap_or(u32::MAX);
    let mut message = length.to_be_bytes().to_vec();
    message.extend(196_608_u32.to_be_bytes());
    message.extend(parameters);
    stream.write_all(&message)?;
    let mut kind = [0];
    stream.read_exact(&mut kind)?;
    match kind[0] {
        b'R' => Ok(Ok(())),
        b'E' => {
            let error = read_some(stream)?;
            // `cannot_connect_now`, as the field of the SQLSTATE has it.
            Ok(if error.contains("C57P03") { Err("is starting or stopping".to_owned()) } else { Ok(()) })
        }
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

fn redis(stream: &mut TcpStream) -> Answer {
    stream.write_all(b"PING\r\n")?;
    let answer = read_line(stream)?;
    if answer.starts_with("+PONG") || answer.starts_with("-NOAUTH") {
        return Ok(Ok(()));
    }
    if answer.starts_with('-') { Ok(Err(answer.trim().to_owned())) } else { Err(io::ErrorKind::InvalidData.into()) }
}

/// It speaks first.
fn nats(stream: &mut TcpStream) -> Answer {
    let greeting = read_line(stream)?;
    if !greeting.starts_with("INFO ") {
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(if greeting.contains("\"jetstream\":true") { Ok(()) } else { Err("serves without JetStream".to_owned()) })
}

/// The Bolt handshake: a magic number and four versions, the server picks one.
fn neo4j(stream: &mut TcpStream) -> Answer {
    let mut hello = vec![0x60, 0x60, 0xb0, 0x17];
    // 4.4 and the two before it; nothing else.
    hello.extend([0, 2, 4, 4]);
    hello.extend([0; 12]);
    stream.write_all(&hello)?;
    let mut version = [0; 4];
    stream.read_exact(&mut version)?;
    match version {
        [0, 0, minor, 4] if minor <= 4 => Ok(Ok(())),
        [0, 0, 0, 0] => Ok(Err("speaks no Bolt 4.4".to_owned())),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

fn read_line(stream: &mut TcpStream) -> io::Result<String> {
    let mut line = Vec::new();
    let mut byte = [0];
    while line.len() < MOST && !line.ends_with(b"\n") {
        stream.read_exact(&mut byte)?;
        line.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&line).into_owned())
}

fn read_some(stream: &mut TcpStream) -> io::Result<String> {
    let mut bytes = [0; MOST];
    let count = stream.read(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes[..count]).into_owned())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    /// What a server that says `answer` to the first bytes, or at once if it speaks first, is taken for.
    fn probe(kind: Kind, answer: &'static [u8]) -> Result<(), String> {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            if kind != Kind::Nats {
                assert!(stream.read(&mut [0; 64]).unwrap() > 0);
            }
            stream.write_all(answer).unwrap();
        });
        let answered = answers(kind, &kind.address(port), Duration::from_secs(10));
        server.join().unwrap();
        answered
    }

    #[test]
    fn a_server_that_serves_answers() {
        assert_eq!(probe(Kind::Postgres, b"R\0\0\0\x08\0\0\0\0"), Ok(()));
        assert_eq!(probe(Kind::Postgres, b"E\0\0\0\x10SFATAL\0C28000\0\0"), Ok(()));
        assert_eq!(probe(Kind::Redis, b"+PONG\r\n"), Ok(()));
        assert_eq!(probe(Kind::RedisCache, b"-NOAUTH Authentication required.\r\n"), Ok(()));
        assert_eq!(probe(Kind::Nats, b"INFO {\"version\":\"2.15.1\",\"jetstream\":true}\r\n"), Ok(()));
        assert_eq!(probe(Kind::Neo4j, &[0, 0, 4, 4]), Ok(()));
    }

    #[test]
    fn a_server_that_is_not_ready_says_why() {
        let starting = probe(Kind::Postgres, b"E\0\0\0\x10SFATAL\0C57P03\0\0");
        assert_eq!(starting, Err("is starting or stopping".to_owned()));
        assert!(probe(Kind::Redis, b"-LOADING the dataset\r\n").is_err_and(|why| why.contains("LOADING")));
        assert!(probe(Kind::Nats, b"INFO {\"version\":\"2.15.1\"}\r\n").is_err_and(|why| why.contains("JetStream")));
        assert!(probe(Kind::Neo4j, &[0, 0, 0, 0]).is_err_and(|why| why.contains("Bolt")));
    }

    #[test]
    fn another_server_is_told_apart() {
        for kind in Kind::ALL {
            let other = probe(kind, b"HTTP/1.1 400 Bad Request\r\n\r\n");
            assert!(other.is_err_and(|why| why.contains("does not answer as")), "{}", kind.name());
        }
    }

    #[test]
    fn one_that_is_silent_is_given_up() {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = Kind::Neo4j.address(silent.local_addr().unwrap().port());
        let answer = answers(Kind::Neo4j, &address, Duration::from_millis(20));
        assert_eq!(answer, Err("says nothing".to_owned()));
    }

    #[test]
    fn nobody_there_is_no_answer() {
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let answer = answers(Kind::Redis, &Kind::Redis.address(free), Duration::from_secs(10));
        assert!(answer.is_err_and(|why| why.starts_with("cannot connect")));
    }
}
