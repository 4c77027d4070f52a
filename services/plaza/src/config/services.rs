//! The services by name, where they are, and where their stores are.

use std::fmt;
use std::str::FromStr;

use http::HeaderName;
use plaza_accounts::config::PasswordHash;
use plaza_events::NatsOptions;
use plaza_proto::accounts::v1::AccountsServiceServer;
use plaza_proto::feeds::v1::FeedsServiceServer;
use plaza_proto::graph::v1::GraphServiceServer;
use plaza_proto::posts::v1::PostsServiceServer;
use plaza_proto::sessions::v1::SessionsServiceServer;
use plaza_stores::{ServerKind, StoreAddress, Sync};
use serde::{Deserialize, Serialize};

use super::{Settings, check_url};

/// One a microsecond for each caller is as good as none.
const MAX_PER_MINUTE: u32 = 60_000_000;

/// A service of the platform. In the order in which they are built: each needs only those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Service {
    /// Identities, credentials, profiles.
    Accounts,
    /// Sign-in and tokens.
    Sessions,
    /// Follows and blocks.
    Graph,
    /// Posts and likes.
    Posts,
    /// Home and user feeds.
    Feeds,
}

impl Service {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Accounts, Self::Sessions, Self::Graph, Self::Posts, Self::Feeds];

    /// Its name, as in `plaza serve` and the settings.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Accounts => "accounts",
            Self::Sessions => "sessions",
            Self::Graph => "graph",
            Self::Posts => "posts",
            Self::Feeds => "feeds",
        }
    }

    /// Its name in its `.proto`.
    #[must_use]
    pub fn full_name(self) -> &'static str {
        match self {
            Self::Accounts => AccountsServiceServer::NAME,
            Self::Sessions => SessionsServiceServer::NAME,
            Self::Graph => GraphServiceServer::NAME,
            Self::Posts => PostsServiceServer::NAME,
            Self::Feeds => FeedsServiceServer::NAME,
        }
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Service {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = || Self::ALL.map(Self::name).join(", ");
        Self::ALL.into_iter().find(|s| s.name() == name).ok_or_else(|| format!("there are: {}", known()))
    }
}

/// Addresses of services that run in other processes, such as `http://127.0.0.1:50052`: one that may be a name of several
/// machines, or several apart by commas.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PeersConfig {
    /// Where accounts is.
    pub accounts: Option<String>,
    /// Where sessions is.
    pub sessions: Option<String>,
    /// Where graph is.
    pub graph: Option<String>,
    /// Where posts is.
    pub posts: Option<String>,
    /// Where feeds is.
    pub feeds: Option<String>,
}

impl PeersConfig {
    /// Where `service` is, if it was said.
    #[must_use]
    pub fn of(&self, service: Service) -> Option<&str> {
        let address = match service {
            Service::Accounts => &self.accounts,
            Service::Sessions => &self.sessions,
            Service::Graph => &self.graph,
            Service::Posts => &self.posts,
            Service::Feeds => &self.feeds,
        };
        address.as_deref()
    }

    /// Says where `service` is.
    pub fn set(&mut self, service: Service, address: &str) {
        let place = match service {
            Service::Accounts => &mut self.accounts,
            Service::Sessions => &mut self.sessions,
            Service::Graph => &mut self.graph,
            Service::Posts => &mut self.posts,
            Service::Feeds => &mut self.feeds,
        };
        *place = Some(address.to_owned());
    }
}

/// The event log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EventsConfig {
    /// Where events are kept between their outboxes and those who follow them.
    pub store: StoreAddress,
    /// On NATS: what streams and subjects begin with, so that platforms can share a broker.
    pub prefix: String,
    /// On NATS: how many servers of its cluster hold each stream.
    pub replicas: usize,
}

impl EventsConfig {
    fn check(&self) -> Result<(), String> {
        if matches!(&self.store, StoreAddress::Server(server) if server.kind() != ServerKind::Nats) {
            return Err(format!("`events.store` cannot be {}: use `sqlite:`, `memory:` or `nats://`", self.store));
        }
        if !NatsOptions::is_prefix(&self.prefix) {
            return Err("`events.prefix` has lower-case letters, digits, `-` and `_` only".to_owned());
        }
        if !(1..=5).contains(&self.replicas) {
            return Err("`events.replicas` is 1 to 5".to_owned());
        }
        Ok(())
    }
}

impl Default for EventsConfig {
    fn default() -> Self {
        let NatsOptions { prefix, replicas, .. } = NatsOptions::default();
        Self { store: StoreAddress::Memory, prefix, replicas }
    }
}

/// How much each caller may ask for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimitConfig {
    /// What a caller may spend in a minute, and at once; most calls cost 1. No limit if 0.
    pub per_minute: u32,
    /// Where it is counted: in this process, or for all processes together in Redis.
    pub store: StoreAddress,
    /// The header in which a proxy in front of this process tells the address of who is not signed in, such as
    /// `x-forwarded-for`. Only where nobody can get past the proxy: whoever can writes what they like.
    pub address_header: Option<String>,
}

impl Default for RateLimitConfig {
    fn default() -> Self {
        Self { per_minute: 100, store: StoreAddress::Memory, address_header: None }
    }
}

impl RateLimitConfig {
    /// The header that a trusted proxy tells addresses in. Of settings that were checked it is one.
    #[must_use]
    pub fn header(&self) -> Option<HeaderName> {
        self.address_header.as_ref().and_then(|header| header.parse().ok())
    }

    fn check(&self, wrong: &mut Vec<String>) {
        if self.per_minute > MAX_PER_MINUTE {
            wrong.push(format!("`rate_limit.per_minute` is {}: choose up to {MAX_PER_MINUTE}, or 0", self.per_minute));
        }
        if !matches!(self.store, StoreAddress::Memory) && self.store.server(ServerKind::Redis).is_none() {
            wrong.push(format!("`rate_limit.store` is {}: choose `memory:` or `redis://HOST`", self.store));
        }
        if let Some(header) = self.address_header.as_ref().filter(|header| header.parse::<HeaderName>().is_err()) {
            wrong.push(format!("`rate_limit.address_header` is `{header}`, which is no header's name"));
        }
    }
}

impl Settings {
    /// With what follows from other settings: the stores' addresses from the data folder, and a password hash without
    /// work from `accounts.insecure_fast_hash`. Whoever sets one of these names it and wins.
    #[must_use]
    pub fn derived(mut self) -> Self {
        let folder = self.data_dir.clone();
        let ephemeral = self.ephemeral;
        let store = |name: &str, sync| match ephemeral {
            true => StoreAddress::Memory,
            false => StoreAddress::Sqlite { path: folder.join(name).with_extension("db"), sync },
        };
        self.accounts.store = store("accounts", Sync::Full);
        self.sessions.store = store("sessions", Sync::Full);
        self.graph.store = store("graph", Sync::Full);
        self.posts.store = store("posts", Sync::Full);
        self.feeds.positions = store("feeds", Sync::Full);
        // What the log loses with the machine's power, the outboxes still have.
        self.events.store = store("events", Sync::Normal);
        if self.accounts.insecure_fast_hash {
            self.accounts.password_hash = PasswordHash::FASTEST;
        }
        self
    }

    /// Whether `service` keeps its data, or the events that it writes or follows, in the data folder.
    #[must_use]
    pub fn keeps_in_folder(&self, service: Service) -> bool {
        let stores = match service {
            Service::Accounts => vec![&self.accounts.store],
            Service::Sessions => vec![&self.sessions.store],
            Service::Graph => vec![&self.graph.store],
            Service::Posts => vec![&self.posts.store],
            Service::Feeds => vec![&self.feeds.store, &self.feeds.positions],
        };
        stores.into_iter().chain([&self.events.store]).any(|store| !matches!(store, StoreAddress::Server(_)))
    }

    pub(super) fn check_services(&self, wrong: &mut Vec<String>) {
        self.rate_limit.check(wrong);
        for service in Service::ALL {
            let Some(address) = self.peers.of(service) else { continue };
            if let Err(told) = address.split(',').try_for_each(|address| check_url(address.trim())) {
                wrong.push(format!("`peers.{service}` is not right: {told}"));
            }
        }
        wrong.extend(
            [self.accounts.check(), self.sessions.check(), self.events.check()].into_iter().filter_map(Result::err),
        );
        let checks = [("graph", self.graph.check()), ("posts", self.posts.check()), ("feeds", self.feeds.check())];
        for (section, error) in checks.into_iter().filter_map(|(section, check)| Some((section, check.err()?))) {
            let each = error.violations().iter();
            wrong.extend(each.map(|v| format!("`{section}.{}` {}", v.field, v.description)));
        }
    }
}
