//! A store's address: its scheme picks the engine, and nothing else does.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::sqlite::{SqliteOptions, Sync};

/// A kind of store that runs as a server of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ServerKind {
    /// Postgres: `postgres://USER:PASSWORD@HOST:PORT/DATABASE`.
    Postgres,
    /// Redis or Valkey: `redis://:PASSWORD@HOST:PORT/DATABASE`.
    Redis,
    /// Neo4j over Bolt: `neo4j://USER:PASSWORD@HOST:PORT/DATABASE`.
    Neo4j,
    /// NATS with JetStream: `nats://USER:PASSWORD@HOST:PORT`.
    Nats,
}

impl ServerKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Postgres, Self::Redis, Self::Neo4j, Self::Nats];

    /// The scheme of its addresses.
    #[must_use]
    pub fn scheme(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Redis => "redis",
            Self::Neo4j => "neo4j",
            Self::Nats => "nats",
        }
    }
}

/// Where a store's server is, with the credentials for it, which nothing but [`ServerAddress::url`] shows.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ServerAddress {
    kind: ServerKind,
    url: String,
}

impl ServerAddress {
    /// The kind of server.
    #[must_use]
    pub fn kind(&self) -> ServerKind {
        self.kind
    }

    /// The whole address with its password: for the driver, never for a log.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address without its password.
    #[must_use]
    pub fn redacted(&self) -> String {
        redacted(&self.url)
    }
}

impl fmt::Debug for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.redacted())
    }
}

/// Where a store is and which engine serves it. Text form: `sqlite:/path/file.db?sync=full`, `memory:`,
/// `postgres://USER:PASSWORD@HOST/DATABASE`, `redis://HOST`, `neo4j://HOST`, `nats://HOST`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
#[non_exhaustive]
pub enum StoreAddress {
    /// A SQLite file.
    Sqlite {
        /// The database file; its folder is created if missing.
        path: PathBuf,
        /// How carefully commits reach the disk.
        sync: Sync,
    },
    /// In the process's memory (or a temporary folder that goes with it): gone when the process ends.
    Memory,
    /// A server of its own.
    Server(ServerAddress),
}

/// The schemes there are, as messages name them.
const SCHEMES: &str = "`sqlite:PATH[?sync=full|normal|off]`, `memory:`, `postgres://HOST/DATABASE`, `redis://HOST`, \
                       `neo4j://HOST`, `nats://HOST`";

/// Why a text is not a store's address; says what would be right.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// There is no engine for this scheme.
    #[error("`{0}` names no known kind of store; use one of {SCHEMES}")]
    UnknownScheme(String),
    /// The scheme is known and the rest is not right.
    #[error("`{address}` is not right: {what}")]
    Malformed {
        /// The text.
        address: String,
        /// What is wrong and what would be right.
        what: String,
    },
}

impl StoreAddress {
    /// The address of a SQLite file that holds truth.
    #[must_use]
    pub fn sqlite(path: impl Into<PathBuf>) -> Self {
        Self::Sqlite { path: path.into(), sync: Sync::Full }
    }

    /// The options to open it with, if it is a SQLite file.
    #[must_use]
    pub fn sqlite_options(&self) -> Option<SqliteOptions> {
        match self {
            Self::Sqlite { path, sync } => Some(SqliteOptions { sync: *sync, ..SqliteOptions::new(path) }),
            Self::Memory | Self::Server(_) => None,
        }
    }

    /// Whether other processes can use the same store at the same time.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        matches!(self, Self::Server(_))
    }

    /// The server of `kind` that it names, if it names one.
    #[must_use]
    pub fn server(&self, kind: ServerKind) -> Option<&ServerAddress> {
        match self {
            Self::Server(server) if server.kind == kind => Some(server),
            _ => None,
        }
    }
}

impl FromStr for StoreAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let unknown = || AddressError::UnknownScheme(redacted(text));
        let (scheme, rest) = text.split_once(':').ok_or_else(unknown)?;
        match scheme {
            "sqlite" => parse_sqlite(text, rest),
            "memory" if rest.is_empty() || rest == "//" => Ok(Self::Memory),
            "memory" => Err(malformed(text, "`memory:` takes nothing after the colon")),
            _ => {
                let kind = ServerKind::ALL.into_iter().find(|kind| kind.scheme() == scheme).ok_or_else(unknown)?;
                parse_server(text, kind, rest)
            }
        }
    }
}

fn parse_server(text: &str, kind: ServerKind, rest: &str) -> Result<StoreAddress, AddressError> {
    let authority = rest.strip_prefix("//").map(|rest| rest.split(['/', '?']).next().unwrap_or_default());
    let host = authority.map(|authority| authority.rsplit('@').next().unwrap_or_default());
    if host.is_none_or(|host| host.is_empty() || host.starts_with(':')) {
        let scheme = kind.scheme();
        return Err(malformed(text, &format!("a host must follow, such as `{scheme}://127.0.0.1`")));
    }
    Ok(StoreAddress::Server(ServerAddress { kind, url: text.to_owned() }))
}

fn parse_sqlite(text: &str, rest: &str) -> Result<StoreAddress, AddressError> {
    let rest = rest.strip_prefix("//").unwrap_or(rest);
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    if path.is_empty() {
        return Err(malformed(text, "a path must follow `sqlite:`, such as `sqlite:/var/lib/plaza/posts.db`"));
    }
    let mut sync = Sync::Full;
    for option in query.split('&').filter(|o| !o.is_empty()) {
        sync = match option {
            "sync=full" => Sync::Full,
            "sync=normal" => Sync::Normal,
            "sync=off" => Sync::Off,
            _ => return Err(malformed(text, &format!("`{option}` is no option; there are sync=full, normal and off"))),
        };
    }
    Ok(StoreAddress::Sqlite { path: PathBuf::from(path), sync })
}

fn malformed(address: &str, what: &str) -> AddressError {
    AddressError::Malformed { address: redacted(address), what: what.to_owned() }
}

/// The address without what stands before an `@`, which may be a password.
fn redacted(text: &str) -> String {
    match (text.split_once("://"), text.rsplit_once('@')) {
        (Some((scheme, _)), Some((_, host))) => format!("{scheme}://…@{host}"),
        _ => text.to_owned(),
    }
}

impl TryFrom<String> for StoreAddress {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl From<StoreAddress> for String {
    fn from(address: StoreAddress) -> Self {
        match address {
            // The setting itself, which has to lead to the server; what people see is `Display`.
            StoreAddress::Server(server) => server.url,
            embedded => embedded.to_string(),
        }
    }
}

impl fmt::Display for StoreAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite { path, sync } => write!(f, "sqlite:{}?sync={}", path.display(), sync.as_str()),
            Self::Memory => f.write_str("memory:"),
            Self::Server(server) => f.write_str(&server.redacted()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_and_written() {
        for (text, written) in [
            ("sqlite:/var/a.db", "sqlite:/var/a.db?sync=full"),
            ("sqlite:///var/a.db?sync=normal", "sqlite:/var/a.db?sync=normal"),
            ("sqlite:data/a.db?sync=off", "sqlite:data/a.db?sync=off"),
            ("memory:", "memory:"),
        ] {
            let address: StoreAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), written);
            assert_eq!(written.parse::<StoreAddress>().unwrap(), address);
        }
    }

    #[test]
    fn a_servers_address_shows_its_password_to_the_driver_alone() {
        let text = "postgres://plaza:secret@db:5432/posts";
        let address: StoreAddress = text.parse().unwrap();
        let server = address.server(ServerKind::Postgres).unwrap();
        assert_eq!((server.url(), server.kind()), (text, ServerKind::Postgres));
        assert!(address.is_shared() && !StoreAddress::Memory.is_shared() && !StoreAddress::sqlite("a.db").is_shared());
        assert!(address.server(ServerKind::Redis).is_none());
        assert_eq!(address.to_string(), "postgres://…@db:5432/posts");
        assert!(!format!("{address:?}").contains("secret"));
        assert_eq!(String::from(address), text);
        for text in ["redis://127.0.0.1:6379/1", "neo4j://localhost", "nats://[::1]:4222"] {
            assert_eq!(text.parse::<StoreAddress>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_not_an_address_is_refused_with_what_would_be_right() {
        for (text, said) in [
            ("", "use one of `sqlite:PATH"),
            ("/var/a.db", "use one of"),
            ("mysql://u:secret@host/db", "`mysql://…@host/db` names no known kind"),
            ("sqlite:", "a path must follow"),
            ("sqlite:a.db?sync=maybe", "`sync=maybe` is no option"),
            ("memory:x", "takes nothing"),
            ("postgres:", "a host must follow, such as `postgres://127.0.0.1`"),
            ("redis://", "a host must follow"),
            ("nats://u:secret@:4222", "a host must follow"),
        ] {
            let error = text.parse::<StoreAddress>().unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
            assert!(!error.contains("secret"));
        }
    }
}
