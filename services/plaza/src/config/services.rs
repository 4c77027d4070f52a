//! The services by name, where they are, and where their stores are.

use std::fmt;
use std::str::FromStr;

use plaza_accounts::config::PasswordHash;
use plaza_proto::accounts::v1::AccountsServiceServer;
use plaza_proto::feeds::v1::FeedsServiceServer;
use plaza_proto::graph::v1::GraphServiceServer;
use plaza_proto::posts::v1::PostsServiceServer;
use plaza_proto::sessions::v1::SessionsServiceServer;
use plaza_stores::{StoreAddress, Sync};
use serde::{Deserialize, Serialize};

use super::{Settings, check_url};

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
}

impl Default for EventsConfig {
    fn default() -> Self {
        Self { store: StoreAddress::Memory }
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
        // What the log loses with the machine's power, the outboxes still have.
        self.events.store = store("events", Sync::Normal);
        if self.accounts.insecure_fast_hash {
            self.accounts.password_hash = PasswordHash::FASTEST;
        }
        self
    }

    pub(super) fn check_services(&self, wrong: &mut Vec<String>) {
        for service in Service::ALL {
            let Some(address) = self.peers.of(service) else { continue };
            if let Err(told) = address.split(',').try_for_each(|address| check_url(address.trim())) {
                wrong.push(format!("`peers.{service}` is not right: {told}"));
            }
        }
        wrong.extend([self.accounts.check(), self.sessions.check()].into_iter().filter_map(Result::err));
        let checks = [("graph", self.graph.check()), ("posts", self.posts.check()), ("feeds", self.feeds.check())];
        for (section, error) in checks.into_iter().filter_map(|(section, check)| Some((section, check.err()?))) {
            let each = error.violations().iter();
            wrong.extend(each.map(|v| format!("`{section}.{}` {}", v.field, v.description)));
        }
    }
}
