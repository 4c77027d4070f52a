//! Where an address leads.

use std::io;
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

/// Host and port of an address, and whether what follows is encrypted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    host: String,
    port: u16,
    /// The scheme or an option asks for TLS, which a probe does not speak.
    pub(crate) encrypted: bool,
}

impl Endpoint {
    /// Of `scheme://[user[:password]@]host[:port][/…]`.
    pub(crate) fn of(address: &str, usual_port: u16) -> Option<Self> {
        let (scheme, rest) = address.split_once("://")?;
        let authority = rest.split(['/', '?']).next()?;
        let host_and_port = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        // The colons of an IPv6 host stand in brackets.
        let port_at = host_and_port.rfind(':').filter(|at| host_and_port.rfind(']').is_none_or(|end| *at > end));
        let (host, port) = match port_at {
            Some(at) => (&host_and_port[..at], host_and_port[at + 1..].parse().ok()?),
            None => (host_and_port, usual_port),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let encrypted = ["rediss", "tls"].contains(&scheme) || scheme.contains('+') || rest.contains("sslmode=");
        (!host.is_empty()).then(|| Self { host: host.to_owned(), port, encrypted })
    }

    /// A connection on which reads and writes end within `limit` too.
    pub(crate) fn connect(&self, limit: Duration) -> io::Result<TcpStream> {
        let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
        for address in (self.host.as_str(), self.port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, limit) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(limit))?;
                    stream.set_write_timeout(Some(limit))?;
                    return Ok(stream);
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

/// An address for people: without its password.
#[must_use]
pub fn shown(address: &str) -> String {
    match address.split_once("://") {
        Some((scheme, rest)) => match rest.rsplit_once('@') {
            Some((user, host)) if user.contains(':') => format!("{scheme}://…@{host}"),
            _ => address.to_owned(),
        },
        None => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(host: &str, port: u16, encrypted: bool) -> Option<Endpoint> {
        Some(Endpoint { host: host.to_owned(), port, encrypted })
    }

    #[test]
    fn host_and_port_of_an_address() {
        assert_eq!(Endpoint::of("postgres://u:p@db:15432/x?a=b", 5432), endpoint("db", 15432, false));
        assert_eq!(Endpoint::of("redis://127.0.0.1", 6379), endpoint("127.0.0.1", 6379, false));
        assert_eq!(Endpoint::of("nats://[::1]:14222", 4222), endpoint("::1", 14222, false));
        assert_eq!(Endpoint::of("nats://[::1]", 4222), endpoint("::1", 4222, false));
        assert_eq!(Endpoint::of("rediss://cache/0", 6379), endpoint("cache", 6379, true));
        assert_eq!(Endpoint::of("neo4j+s://graph", 7687), endpoint("graph", 7687, true));
    }

    #[test]
    fn a_password_is_not_shown() {
        assert_eq!(shown("postgres://plaza:secret@db/x"), "postgres://…@db/x");
        assert_eq!(shown("postgres://postgres@db/x"), "postgres://postgres@db/x");
    }

    #[test]
    fn what_leads_nowhere() {
        for address in ["", "db:5432", "redis://", "redis://:1", "redis://db:port"] {
            assert_eq!(Endpoint::of(address, 1), None, "{address}");
        }
    }
}
