//! The platform as a person reaches it: over gRPC with an access token, or in this process.
//!
//! Both ways go through the same entry steps.

use std::collections::BTreeMap;
use std::time::Duration;

use plaza_core::{AccountId, Caller, Cx, Error, Result, reason};
use plaza_proto::accounts::v1::AccountsServiceClient;
use plaza_proto::feeds::v1::FeedsServiceClient;
use plaza_proto::graph::v1::GraphServiceClient;
use plaza_proto::posts::v1::PostsServiceClient;
use plaza_proto::sessions::v1::{GetJwksRequest, SessionsService as _, SessionsServiceClient, SignInRequest};
use plaza_rpc::{Channel, ChannelConfig, ServiceKey, auth};
use tokio::time::Instant;

use super::target::Target;
use crate::config::Service;
use crate::people::PASSWORD;

/// How long a call may take: loading runs a machine at its limit.
const TIMEOUT: Duration = Duration::from_secs(20);
/// Connections to a platform elsewhere.
const CONNECTIONS: usize = 4;

/// A client of each service.
#[derive(Clone)]
pub struct Clients {
    /// Accounts.
    pub accounts: AccountsServiceClient,
    /// Sessions.
    pub sessions: SessionsServiceClient,
    /// Graph.
    pub graph: GraphServiceClient,
    /// Posts.
    pub posts: PostsServiceClient,
    /// Feeds.
    pub feeds: FeedsServiceClient,
}

impl std::fmt::Debug for Clients {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Clients").finish_non_exhaustive()
    }
}

impl Clients {
    /// The same, called by an operator.
    fn for_operator(self) -> Self {
        Self {
            accounts: self.accounts.as_service(auth::ADMIN),
            sessions: self.sessions.as_service(auth::ADMIN),
            graph: self.graph.as_service(auth::ADMIN),
            posts: self.posts.as_service(auth::ADMIN),
            feeds: self.feeds.as_service(auth::ADMIN),
        }
    }
}

/// The channels to a platform that runs elsewhere: one for each address.
#[derive(Clone, Debug)]
pub struct Ways {
    channels: BTreeMap<Service, Channel>,
    is_operator: bool,
}

impl Ways {
    fn new(target: &Target) -> Result<Self> {
        let config = ChannelConfig { connections: CONNECTIONS, ..ChannelConfig::default() };
        let mut channels = BTreeMap::new();
        for (address, services) in target.by_address() {
            let channel = Channel::connect(address, &config)?;
            channels.extend(services.into_iter().map(|service| (service, channel.clone())));
        }
        Ok(Self { channels, is_operator: false })
    }

    fn with(&self, change: impl Fn(Channel) -> Result<Channel>) -> Result<Self> {
        let changed = self.channels.iter().map(|(service, channel)| Ok((*service, change(channel.clone())?)));
        Ok(Self { channels: changed.collect::<Result<_>>()?, is_operator: self.is_operator })
    }

    fn clients(&self) -> Clients {
        // `new` makes a channel to each service there is.
        let to = |service: Service| self.channels[&service].clone();
        let clients = Clients {
            accounts: AccountsServiceClient::remote(to(Service::Accounts)),
            sessions: SessionsServiceClient::remote(to(Service::Sessions)),
            graph: GraphServiceClient::remote(to(Service::Graph)),
            posts: PostsServiceClient::remote(to(Service::Posts)),
            feeds: FeedsServiceClient::remote(to(Service::Feeds)),
        };
        if self.is_operator { clients.for_operator() } else { clients }
    }
}

/// A way into a platform.
#[derive(Clone, Debug)]
pub enum Door {
    /// It runs in this process.
    Inside(Box<Clients>),
    /// It runs elsewhere.
    Outside(Ways),
}

/// One of the people, ready to act.
#[derive(Clone, Debug)]
pub struct Actor {
    /// Their account.
    pub account: AccountId,
    /// Clients that act for them.
    pub clients: Clients,
    /// Their access token; empty where none is needed: in this process, and for an operator.
    pub access_token: String,
    caller: Caller,
}

impl Actor {
    /// The context of one call of theirs.
    #[must_use]
    pub fn cx(&self) -> Cx {
        Cx::new(self.caller.clone(), Instant::now() + TIMEOUT)
    }
}

impl Door {
    /// A door to the platform at `target`.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` if it is no address.
    pub fn outside(target: &str) -> Result<Self> {
        let target: Target = target.parse().map_err(|wrong: String| Error::invalid_field("target", wrong))?;
        Self::at(&target)
    }

    /// A door to the platform at `target`.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` if its addresses are none.
    pub fn at(target: &Target) -> Result<Self> {
        Ways::new(target).map(Self::Outside)
    }

    /// The same door for an operator, who acts for everybody without signing them in, and whom no limit holds up; as it
    /// was if the platform there has another secret.
    ///
    /// # Errors
    /// The platform's.
    pub async fn with_key(self, key: &ServiceKey) -> Result<Self> {
        let Self::Outside(ways) = self else { return Ok(self) };
        let operator = Ways { is_operator: true, ..ways.with(|channel| Ok(channel.with_key(key)))? };
        match operator.clients().sessions.get_jwks(&Self::cx(), GetJwksRequest {}).await {
            Ok(_) => Ok(Self::Outside(operator)),
            Err(error) if error.is(reason::CREDENTIALS_INVALID) => Ok(Self::Outside(ways)),
            Err(error) => Err(error),
        }
    }

    /// Clients for somebody who is not signed in.
    #[must_use]
    pub fn anybody(&self) -> Clients {
        match self {
            Self::Inside(clients) => (**clients).clone(),
            Self::Outside(ways) => ways.clients(),
        }
    }

    /// The context of a call of somebody who is not signed in.
    #[must_use]
    pub fn cx() -> Cx {
        Cx::new(Caller::default(), Instant::now() + TIMEOUT)
    }

    /// Signs somebody in where that is needed. In this process the caller is taken at its word.
    ///
    /// # Errors
    /// The platform's.
    pub async fn sign_in(&self, account: AccountId, login: &str, request_id: String) -> Result<Actor> {
        match self {
            Self::Inside(clients) => {
                let (clients, access_token) = ((**clients).clone(), String::new());
                Ok(Actor { account, clients, access_token, caller: Caller::user(account) })
            }
            Self::Outside(ways) if ways.is_operator => {
                let (clients, access_token) = (ways.clients(), String::new());
                Ok(Actor { account, clients, access_token, caller: Caller::user(account) })
            }
            Self::Outside(ways) => {
                let access_token = self.access_token(login, request_id).await?;
                let clients = ways.with(|channel| channel.with_bearer(&access_token))?.clients();
                Ok(Actor { account, clients, access_token, caller: Caller::default() })
            }
        }
    }

    /// An access token for somebody, by their password.
    ///
    /// # Errors
    /// The platform's.
    pub async fn access_token(&self, login: &str, request_id: String) -> Result<String> {
        let (login, password) = (login.to_owned(), PASSWORD.to_owned());
        let request = SignInRequest { request_id, login, password, device_name: "plaza seed".to_owned() };
        let response = self.anybody().sessions.sign_in(&Self::cx(), request).await?;
        let tokens = response.tokens.ok_or_else(|| Error::internal("a sign-in without tokens"))?;
        Ok(tokens.access_token)
    }
}
