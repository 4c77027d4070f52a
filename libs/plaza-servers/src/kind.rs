//! Which servers there are.

/// A server that a store of Plaza runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Postgres, whose user may create databases.
    Postgres,
    /// Redis that keeps what it acknowledged: the truth of sessions.
    Redis,
    /// Redis that forgets the least used when it is full: feeds, caches, rate limits.
    RedisCache,
    /// NATS with JetStream.
    Nats,
    /// Neo4j, community edition.
    Neo4j,
}

impl Kind {
    /// All of them, the slowest to start last.
    pub const ALL: [Self; 5] = [Self::Postgres, Self::Redis, Self::RedisCache, Self::Nats, Self::Neo4j];

    /// Its name on command lines, in folders and in summaries.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            Self::Redis => "redis",
            Self::RedisCache => "redis-cache",
            Self::Nats => "nats",
            Self::Neo4j => "neo4j",
        }
    }

    /// The variable that tells tests its address, such as `PLAZA_TEST_POSTGRES`.
    #[must_use]
    pub fn variable(self) -> String {
        format!("PLAZA_TEST_{}", self.upper_name())
    }

    /// Its name as part of a variable, such as `REDIS_CACHE`.
    #[must_use]
    pub fn upper_name(self) -> String {
        self.name().to_uppercase().replace('-', "_")
    }

    /// The address of one that serves on this port of this machine, as a store's setting takes it.
    #[must_use]
    pub fn address(self, port: u16) -> String {
        match self {
            Self::Postgres => format!("postgres://postgres@127.0.0.1:{port}/postgres"),
            Self::Redis | Self::RedisCache => format!("redis://127.0.0.1:{port}"),
            Self::Nats => format!("nats://127.0.0.1:{port}"),
            Self::Neo4j => format!("neo4j://127.0.0.1:{port}"),
        }
    }

    /// The port of an address that names none.
    pub(crate) fn usual_port(self) -> u16 {
        match self {
            Self::Postgres => 5432,
            Self::Redis | Self::RedisCache => 6379,
            Self::Nats => 4222,
            Self::Neo4j => 7687,
        }
    }
}
