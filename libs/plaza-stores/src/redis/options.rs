//! How a Redis server is reached and used.

use std::time::Duration;

use fred::types::config::Config;
use plaza_core::{Error, Result};

use crate::{ServerAddress, ServerKind};

/// What stands before every key, unless the address says otherwise.
const PREFIX: &str = "plaza:";
/// No key needs a longer one.
const MAX_PREFIX: usize = 64;

/// How the connections to a server work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RedisOptions {
    /// What the connections are for; names them in metrics.
    pub name: &'static str,
    /// How many connections there are. Calls share them: each carries many at once.
    pub connections: usize,
    /// How long a command may take at most, however late its call's deadline is.
    pub command_timeout: Duration,
    /// How long opening one connection may take.
    pub connect_timeout: Duration,
    /// How many commands may wait for each connection; one more is refused with `OVERLOADED`.
    pub queue: usize,
}

impl RedisOptions {
    /// What suits most: four connections, a second for a command.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            connections: 4,
            command_timeout: Duration::from_secs(1),
            connect_timeout: Duration::from_secs(2),
            queue: 4_096,
        }
    }
}

/// What an address says: where the server is, and what stands before each key.
pub(super) struct Target {
    pub(super) config: Config,
    pub(super) prefix: String,
}

impl Target {
    /// Reads `redis://USER:PASSWORD@HOST:PORT/DATABASE?prefix=TEXT`.
    ///
    /// # Errors
    /// `INVALID_FIELDS` with a message for the operator.
    pub(super) fn of(address: &ServerAddress) -> Result<Self> {
        let wrong = |what: &str| Error::invalid_field("store", format!("`{}`: {what}", address.redacted()));
        if address.kind() != ServerKind::Redis {
            return Err(wrong("is no address of a Redis server, such as `redis://127.0.0.1:6379/0`"));
        }
        let (server, query) = address.url().split_once('?').unwrap_or((address.url(), ""));
        let mut prefix = PREFIX;
        for option in query.split('&').filter(|option| !option.is_empty()) {
            prefix = option.strip_prefix("prefix=").ok_or_else(|| wrong("after the `?` there may be `prefix=TEXT`"))?;
        }
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-.:".contains(c);
        if prefix.is_empty() || prefix.len() > MAX_PREFIX || !prefix.chars().all(plain) {
            return Err(wrong("a prefix is 1 to 64 letters, digits and `_-.:`, such as `prefix=plaza:`"));
        }
        // The driver's own text may repeat the password.
        let config = Config::from_url_centralized(server)
            .map_err(|_| wrong("must be `redis://USER:PASSWORD@HOST:PORT/DATABASE`, with a database of 0 to 255"))?;
        // Whoever opens a store decides whether to wait for it; the connections keep trying.
        Ok(Self { config: Config { fail_fast: false, ..config }, prefix: prefix.to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StoreAddress;

    fn read(text: &str) -> Result<Target> {
        let address: StoreAddress = text.parse().unwrap();
        let StoreAddress::Server(server) = address else { panic!("{text} is no server") };
        Target::of(&server)
    }

    #[test]
    fn an_address_tells_server_database_and_prefix() {
        for (text, host, port, database, prefix) in [
            ("redis://127.0.0.1", "127.0.0.1", 6379, None, "plaza:"),
            ("redis://cache:16379/2", "cache", 16379, Some(2), "plaza:"),
            ("redis://cache/0?prefix=t_1:", "cache", 6379, Some(0), "t_1:"),
            ("redis://ada:s%40cret@cache:1?prefix=a.b-c", "cache", 1, None, "a.b-c"),
        ] {
            let target = read(text).unwrap();
            let server = target.config.server.hosts().remove(0);
            assert_eq!((&*server.host, server.port, target.config.database), (host, port, database), "{text}");
            assert_eq!(target.prefix, prefix);
        }
        let secret = read("redis://ada:s%40cret@cache:1").unwrap().config;
        assert_eq!((secret.username.as_deref(), secret.password.as_deref()), (Some("ada"), Some("s@cret")));
    }

    #[test]
    fn a_wrong_address_is_refused_without_its_password() {
        for text in [
            "redis://:secret@cache/nine",
            "redis://:secret@cache/300",
            "redis://:secret@cache/0?prefix=",
            "redis://:secret@cache/0?prefix=a*",
            "redis://:secret@cache/0?db=1",
            "redis://:secret@cache:99999",
            "postgres://u:secret@cache/db",
        ] {
            let error = read(text).err().unwrap();
            assert_eq!(error.violations()[0].field, "store", "{text}");
            assert!(!format!("{error:?}").contains("secret"), "{text}");
        }
    }
}
