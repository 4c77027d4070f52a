//! The platform as a person reaches it: over gRPC with an access token, or in this process.
//!
//! Both ways go through the same entry steps.

use std::time::Duration;

use plaza_core::{AccountId, Caller, Cx, Error, Result};
use plaza_proto::accounts::v1::AccountsServiceClient;
use plaza_proto::feeds::v1::FeedsServiceClient;
use plaza_proto::graph::v1::GraphServiceClient;
use plaza_proto::posts::v1::PostsServiceClient;
use plaza_proto::sessions::v1::{SessionsService as _, SessionsServiceClient, SignInRequest};
use plaza_rpc::{Channel, ChannelConfig};
use tokio::time::Instant;

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
    /// Clients of a platform whose services are all behind one channel.
    #[must_use]
    pub fn over(channel: &Channel) -> Self {
        Self {
            accounts: AccountsServiceClient::remote(channel.clone()),
            sessions: SessionsServiceClient::remote(channel.clone()),
            graph: GraphServiceClient::remote(channel.clone()),
            posts: PostsServiceClient::remote(channel.clone()),
            feeds: FeedsServiceClient::remote(channel.clone()),
        }
    }
}

/// A way into a platform.
#[derive(Clone, Debug)]
pub enum Door {
    /// It runs in this process.
    Inside(Box<Clients>),
    /// It runs elsewhere.
    Outside(Channel),
}

/// One of the people, ready to act.
#[derive(Clone, Debug)]
pub struct Actor {
    /// Their account.
    pub account: AccountId,
    /// Clients that act for them.
    pub clients: Clients,
    /// Their access token; empty where none is needed.
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
    /// A door to the platform at `address`.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` if it is no address.
    pub fn outside(address: &str) -> Result<Self> {
        let config = ChannelConfig { connections: CONNECTIONS, ..ChannelConfig::default() };
        Channel::connect(address, &config).map(Self::Outside)
    }

    /// Clients for somebody who is not signed in.
    #[must_use]
    pub fn anybody(&self) -> Clients {
        match self {
            Self::Inside(clients) => (**clients).clone(),
            Self::Outside(channel) => Clients::over(channel),
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
            Self::Outside(channel) => {
                let access_token = self.access_token(login, request_id).await?;
                let clients = Clients::over(&channel.clone().with_bearer(&access_token)?);
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
