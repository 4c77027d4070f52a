//! The real servers that a test run reaches, by their addresses in the environment.
//!
//! `cargo xtask test` sets them for the servers that it found or started. Without one, the tests of that engine are
//! skipped aloud; with `PLAZA_REQUIRE_STORES=all` they fail.

use plaza_servers::Kind;

/// A real server that tests can use. Each test takes a database, a key prefix or a stream of its own on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// Postgres: `PLAZA_TEST_POSTGRES`, whose user may create databases.
    Postgres,
    /// Redis that keeps what it acknowledged: `PLAZA_TEST_REDIS`.
    Redis,
    /// Redis that forgets the least used when it is full: `PLAZA_TEST_REDIS_CACHE`.
    RedisCache,
    /// Neo4j: `PLAZA_TEST_NEO4J`.
    Neo4j,
    /// NATS with JetStream: `PLAZA_TEST_NATS`.
    Nats,
}

impl Store {
    /// All of them, the slowest to start first.
    pub const ALL: [Self; 5] = [Self::Neo4j, Self::Postgres, Self::Redis, Self::RedisCache, Self::Nats];

    /// The address of one that serves on this port of this machine, as a store's setting takes it.
    #[must_use]
    pub fn address_at(self, port: u16) -> String {
        self.kind().address(port)
    }

    /// Its name, as the summary and `cargo xtask stores` have it.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.kind().name()
    }

    /// The server's address, or `None` after saying that the test is skipped.
    ///
    /// # Panics
    /// If there is none and `PLAZA_REQUIRE_STORES` asks for all.
    #[must_use]
    pub fn address(self) -> Option<String> {
        let variable = self.kind().variable();
        let address = std::env::var(&variable).ok().filter(|address| !address.is_empty());
        if address.is_none() {
            let name = self.name();
            self.skip(&format!("{variable} is not set; `cargo xtask stores up {name}` starts one"));
        }
        address
    }

    pub(crate) fn kind(self) -> Kind {
        match self {
            Self::Postgres => Kind::Postgres,
            Self::Redis => Kind::Redis,
            Self::RedisCache => Kind::RedisCache,
            Self::Neo4j => Kind::Neo4j,
            Self::Nats => Kind::Nats,
        }
    }

    /// Says that a test is skipped, and why.
    ///
    /// # Panics
    /// If `PLAZA_REQUIRE_STORES` asks for all.
    pub(crate) fn skip(self, why: &str) {
        let told = format!("no {} to test on: {why}", self.name());
        let required = std::env::var("PLAZA_REQUIRE_STORES").is_ok_and(|required| required == "all");
        assert!(!required, "{told}");
        eprintln!("SKIPPED: {told}");
    }

    /// A name that no other test of any run has, for a database, a prefix or a stream: lower-case letters, digits and `_`.
    #[must_use]
    pub fn unique_name() -> String {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let id = plaza_core::Env::system().event_id().simple().to_string();
        format!("t_{}_{}", id, NEXT.fetch_add(1, Ordering::Relaxed))
    }
}
