//! Where the server is and how it is used.

use std::time::Duration;

use plaza_core::{Error, Result};
use sqlx::ConnectOptions as _;
use sqlx::postgres::PgConnectOptions;

use crate::address::ServerAddress;

/// How many prepared statements a connection keeps.
const STATEMENTS: usize = 256;

/// How to use a server.
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// Whose connections these are: in `pg_stat_activity` and in figures.
    pub name: &'static str,
    /// Where reads may go that carry no consistency token.
    pub replica: Option<ServerAddress>,
    /// Connections for reads, that is reads at the same time.
    pub readers: usize,
    /// Connections for writes; a [`super::Batcher`]'s workers use them too.
    pub writers: usize,
    /// Connections kept apart for what must not wait behind other reads: sign-in, health.
    pub reserved: usize,
    /// How long a call waits for a free connection at most.
    pub acquire: Duration,
    /// How long opening a connection may take.
    pub connect: Duration,
    /// How long the start waits for a server that does not answer yet.
    pub start: Duration,
}

impl PostgresOptions {
    /// 8 readers, 4 writers, 2 reserved; 500 ms for a free connection, 2 s for a new one, 30 s for the server to come up.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            replica: None,
            readers: 8,
            writers: 4,
            reserved: 2,
            acquire: Duration::from_millis(500),
            connect: Duration::from_secs(2),
            start: Duration::from_secs(30),
        }
    }
}

/// A server's address, read.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) connect: PgConnectOptions,
    /// The schema that the address names by `?schema=`; without it the server's default, `public`.
    pub(super) schema: Option<String>,
}

impl Target {
    pub(super) fn read(address: &ServerAddress, name: &str) -> Result<Self> {
        let (url, schema) = split_schema(address.url());
        let wrong = |what: String| Error::invalid_field("store", format!("`{}`: {what}", address.redacted()));
        if let Some(schema) = schema.filter(|schema| !is_identifier(schema)) {
            return Err(wrong(format!("schema `{schema}` must be lower-case letters, digits and `_`, 63 at most")));
        }
        let parsed: PgConnectOptions = url.parse().map_err(|e: sqlx::Error| wrong(e.to_string()))?;
        let mut connect = parsed
            .application_name(&format!("plaza-{name}"))
            .statement_cache_capacity(STATEMENTS)
            .options(SESSION)
            .disable_statement_logging();
        if let Some(schema) = schema {
            connect = connect.options([("search_path", schema)]);
        }
        Ok(Self { connect, schema: schema.map(str::to_owned) })
    }
}

/// What each session is set to. Whoever is cut off leaves nothing behind: the server ends a statement whose client has
/// closed its socket, a transaction that waits for its client, and a connection whose peer no longer acknowledges.
/// `statement_timeout` is the last resort; calls set their own.
const SESSION: [(&str, &str); 8] = [
    ("statement_timeout", "30s"),
    ("idle_in_transaction_session_timeout", "10s"),
    ("client_connection_check_interval", "1s"),
    ("tcp_keepalives_idle", "10"),
    ("tcp_keepalives_interval", "5"),
    ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "15s"),
    ("jit", "off"),
];

/// The address without its `schema` option, which is ours, and that option.
fn split_schema(url: &str) -> (String, Option<&str>) {
    let Some((base, query)) = url.split_once('?') else { return (url.to_owned(), None) };
    let (schema, rest): (Vec<&str>, Vec<&str>) = query.split('&').partition(|part| part.starts_with("schema="));
    let schema = schema.last().and_then(|part| part.strip_prefix("schema="));
    let url = if rest.is_empty() { base.to_owned() } else { format!("{base}?{}", rest.join("&")) };
    (url, schema)
}

fn is_identifier(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    (1..=63).contains(&name.len()) && name.bytes().all(plain) && !name.starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ServerKind, StoreAddress};

    fn target(url: &str) -> Result<Target> {
        let address: StoreAddress = url.parse().unwrap();
        Target::read(address.server(ServerKind::Postgres).unwrap(), "test")
    }

    #[test]
    fn an_address_may_name_a_schema() {
        let plain = target("postgres://plaza:secret@db:5433/posts").unwrap();
        assert_eq!((plain.connect.get_host(), plain.connect.get_port(), plain.schema), ("db", 5433, None));
        let with = target("postgres://db/plaza?schema=posts&sslmode=disable").unwrap();
        assert_eq!((with.schema.as_deref(), with.connect.get_database()), (Some("posts"), Some("plaza")));
        assert!(with.connect.get_options().unwrap().contains("search_path=posts"));
        for bad in ["Posts", "1a", "", "a-b", "a;drop"] {
            let error = target(&format!("postgres://u:secret@db/plaza?schema={bad}")).unwrap_err();
            let told = &error.violations()[0].description;
            assert!(told.contains("schema") && !told.contains("secret"), "{told}");
        }
    }
}
