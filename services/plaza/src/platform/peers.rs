//! The services that this one calls, here or elsewhere.

use plaza_accounts::Holders;
use plaza_proto::accounts::v1::AccountsServiceClient;
use plaza_proto::feeds::v1::FeedsServiceClient;
use plaza_proto::graph::v1::GraphServiceClient;
use plaza_proto::posts::v1::PostsServiceClient;
use plaza_proto::sessions::v1::SessionsServiceClient;
use plaza_rpc::{Channel, ChannelConfig, Dependency, Gate};
use plaza_stores::Gauge;

use crate::config::{Service, Settings};
use crate::failure::{Failure, Result};
use crate::load::Clients;

/// Connections to each machine of a peer.
const CONNECTIONS: usize = 2;

/// A client of each service that was said to be somewhere.
#[derive(Clone, Default)]
pub(super) struct Peers {
    pub(super) accounts: Option<AccountsServiceClient>,
    pub(super) sessions: Option<SessionsServiceClient>,
    pub(super) graph: Option<GraphServiceClient>,
    pub(super) posts: Option<PostsServiceClient>,
    pub(super) feeds: Option<FeedsServiceClient>,
    /// The ways to those that run elsewhere.
    channels: Vec<(Service, Channel)>,
}

fn known<T: Clone>(client: Option<&T>, which: Service) -> Result<T> {
    let told = || {
        Failure::new(format!(
            "`peers.{which}` is not set: say where {which} is with --peer {which}=http://HOST:PORT, or run it here"
        ))
    };
    client.cloned().ok_or_else(told)
}

impl Peers {
    /// Those that run elsewhere.
    pub(super) fn remote(settings: &Settings, gate: &Gate) -> Result<Self> {
        let mut peers = Self::default();
        for service in Service::ALL {
            let Some(address) = settings.peers.of(service) else { continue };
            let config = ChannelConfig { connections: CONNECTIONS, ..ChannelConfig::default() };
            let channel = Channel::connect(address, &config)?.with_key(gate.service_key());
            peers.channels.push((service, channel.clone()));
            match service {
                Service::Accounts => peers.accounts = Some(AccountsServiceClient::remote(channel)),
                Service::Sessions => peers.sessions = Some(SessionsServiceClient::remote(channel)),
                Service::Graph => peers.graph = Some(GraphServiceClient::remote(channel)),
                Service::Posts => peers.posts = Some(PostsServiceClient::remote(channel)),
                Service::Feeds => peers.feeds = Some(FeedsServiceClient::remote(channel)),
            }
        }
        Ok(peers)
    }

    /// That those answer which do not run `here`. None is critical: whoever calls one goes on without it, or says so.
    pub(super) fn dependencies(&self, here: &[Service]) -> Vec<Dependency> {
        let elsewhere = self.channels.iter().filter(|(service, _)| !here.contains(service));
        let dependency = |(service, channel): &(Service, Channel)| {
            let (channel, name) = (channel.clone(), service.full_name());
            Dependency::new(service.name(), move |cx| {
                let channel = channel.clone();
                Box::pin(async move { channel.check(cx, name).await })
            })
        };
        elsewhere.map(dependency).collect()
    }

    /// How many machines each of those has, and how many of them answer.
    pub(super) fn gauges(&self) -> Vec<Gauge> {
        let gauge = |name, service: &Service, value: usize| Gauge {
            name,
            labels: vec![("peer", service.name().to_owned())],
            value: u32::try_from(value).map_or(f64::MAX, f64::from),
        };
        let gauges = |(service, channel): &(Service, Channel)| {
            let state = channel.state();
            [gauge("peer_machines", service, state.machines), gauge("peer_machines_up", service, state.up)]
        };
        self.channels.iter().flat_map(gauges).collect()
    }

    pub(super) fn accounts(&self) -> Result<AccountsServiceClient> {
        known(self.accounts.as_ref(), Service::Accounts)
    }

    pub(super) fn sessions(&self) -> Result<SessionsServiceClient> {
        known(self.sessions.as_ref(), Service::Sessions)
    }

    pub(super) fn graph(&self) -> Result<GraphServiceClient> {
        known(self.graph.as_ref(), Service::Graph)
    }

    pub(super) fn posts(&self) -> Result<PostsServiceClient> {
        known(self.posts.as_ref(), Service::Posts)
    }

    fn feeds(&self) -> Result<FeedsServiceClient> {
        known(self.feeds.as_ref(), Service::Feeds)
    }

    /// Those that hold something of accounts, besides accounts.
    pub(super) fn holders(&self) -> Result<Holders> {
        Ok(Holders { sessions: self.sessions()?, graph: self.graph()?, posts: self.posts()?, feeds: self.feeds()? })
    }

    /// All of them.
    pub(super) fn all(&self) -> Result<Clients> {
        let (accounts, sessions) = (self.accounts()?, self.sessions()?);
        Ok(Clients { accounts, sessions, graph: self.graph()?, posts: self.posts()?, feeds: self.feeds()? })
    }
}
