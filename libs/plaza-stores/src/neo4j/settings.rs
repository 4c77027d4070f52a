//! How a database is reached.

use std::time::Duration;

use plaza_core::{Error, Result, reason};
use url::Url;

use super::namespace::Namespace;
use crate::ServerAddress;

const PORT: u16 = 7_687;
const MAX_CONNECTIONS: usize = 256;
/// Writes come from one writer; one more for upkeep, and one for a transaction that is being given up.
pub(super) const WRITE_CONNECTIONS: usize = 3;

/// How to reach a database, as its address has it:
/// `neo4j://USER:PASSWORD@HOST:PORT/DATABASE?connections=8&timeout_ms=3000`.
#[derive(Clone, PartialEq, Eq)]
pub struct Neo4jOptions {
    /// Host and port.
    pub host: String,
    /// The user; empty if the server asks for none.
    pub user: String,
    /// The password.
    pub password: String,
    /// The database; the user's own if empty.
    pub database: String,
    /// How many reads run at the same time.
    pub connections: usize,
    /// How long one read or one transaction may take, whatever its caller's deadline.
    pub call_timeout: Duration,
    /// What keeps the data of tests apart.
    pub namespace: Namespace,
}

impl std::fmt::Debug for Neo4jOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { host, database, connections, namespace, .. } = self;
        f.debug_struct("Neo4jOptions")
            .field("host", host)
            .field("database", database)
            .field("connections", connections)
            .field("namespace", namespace)
            .finish_non_exhaustive()
    }
}

impl Neo4jOptions {
    /// Reads an address.
    ///
    /// # Errors
    /// `STORE_UNAVAILABLE` with a message for the operator, saying what would be right.
    pub fn from_address(address: &ServerAddress) -> Result<Self> {
        let wrong = |what: &str| {
            let message = format!("`{}` is not right: {what}", address.redacted());
            Error::new(reason::STORE_UNAVAILABLE).message(message)
        };
        let url = Url::parse(address.url()).map_err(|e| wrong(&e.to_string()))?;
        let host = url.host_str().ok_or_else(|| wrong("a host must follow `neo4j://`"))?;
        let text = |part: &str| decoded(part).ok_or_else(|| wrong("a `%` must be followed by two hexadecimal digits"));
        let mut options = Self {
            host: format!("{host}:{}", url.port().unwrap_or(PORT)),
            user: text(url.username())?,
            password: text(url.password().unwrap_or_default())?,
            database: text(url.path().trim_matches('/'))?,
            connections: 8,
            call_timeout: Duration::from_secs(3),
            namespace: Namespace::default(),
        };
        for (key, value) in url.query_pairs() {
            options.set(&key, &value).map_err(|what| wrong(&what))?;
        }
        Ok(options)
    }

    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        match key {
            "connections" => {
                let connections = value.parse().ok().filter(|n| (1..=MAX_CONNECTIONS).contains(n));
                self.connections = connections.ok_or(format!("`connections` must be 1 to {MAX_CONNECTIONS}"))?;
            }
            "timeout_ms" => {
                let ms = value.parse().ok().filter(|ms| (100..=60_000).contains(ms));
                self.call_timeout = Duration::from_millis(ms.ok_or("`timeout_ms` must be 100 to 60000")?);
            }
            "namespace" => {
                let wrong = "`namespace` must be up to 60 lower-case letters, digits and `_`";
                self.namespace = Namespace::new(value).ok_or(wrong)?;
            }
            _ => {
                return Err(format!("`{key}` is no option; there are `connections`, `timeout_ms` and `namespace`"));
            }
        }
        Ok(())
    }
}

/// A part of an address without its percent-encoding.
fn decoded(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || char::from(rest.next()?).to_digit(16);
        let value = digit()? * 16 + digit()?;
        bytes.push(u8::try_from(value).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ServerKind, StoreAddress};

    fn options(text: &str) -> Result<Neo4jOptions> {
        let address: StoreAddress = text.parse().unwrap();
        Neo4jOptions::from_address(address.server(ServerKind::Neo4j).unwrap())
    }

    #[test]
    fn an_address_has_it_all() {
        let all = options("neo4j://plaza:p%40ss@db:7000/graph?connections=4&timeout_ms=500&namespace=t_1").unwrap();
        assert_eq!((all.host.as_str(), all.user.as_str(), all.password.as_str()), ("db:7000", "plaza", "p@ss"));
        assert_eq!((all.database.as_str(), all.connections), ("graph", 4));
        assert_eq!(all.call_timeout, Duration::from_millis(500));
        assert_eq!(all.namespace, Namespace::new("t_1").unwrap());
        assert!(!format!("{all:?}").contains("p@ss"));

        let least = options("neo4j://[::1]").unwrap();
        assert_eq!((least.host.as_str(), least.user.as_str(), least.database.as_str()), ("[::1]:7687", "", ""));
        assert_eq!(least.namespace, Namespace::default());
    }

    #[test]
    fn what_is_wrong_is_said_with_what_would_be_right() {
        for (text, said) in [
            ("neo4j://h?connections=0", "1 to 256"),
            ("neo4j://h?timeout_ms=5", "100 to 60000"),
            ("neo4j://h?namespace=A-b", "lower-case"),
            ("neo4j://h?tls=on", "`tls` is no option"),
            ("neo4j://u:secret%4@h", "two hexadecimal digits"),
            ("neo4j://u:secret@h:99999", "is not right"),
        ] {
            let error = options(text).unwrap_err();
            assert!(error.is(reason::STORE_UNAVAILABLE) && error.text().contains(said), "{text}: {error}");
            assert!(!error.text().contains("secret"), "{error}");
        }
    }
}
