//! People who use the platform: real gRPC calls, with what a client would send.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use plaza_core::{Caller, Cx, Error, Token};
use plaza_proto::accounts::v1::{Account, CreateAccountRequest};
use plaza_proto::feeds::v1::{GetHomeFeedRequest, GetHomeFeedResponse};
use plaza_proto::graph::v1::FollowRequest;
use plaza_proto::posts::v1::{CreatePostRequest, Post};
use plaza_proto::sessions::v1::{SignInRequest, Tokens};
use plaza_rpc::{Channel, ChannelConfig, Rpc};
use tokio::time::Instant;

/// The password of everybody whom tests sign up.
pub const PASSWORD: &str = "correct horse battery";

/// A call's answer with what its metadata said.
#[derive(Clone, Debug)]
pub struct Answer<T> {
    /// The message.
    pub message: T,
    /// What to wait for to see this call's writes.
    pub token: Token,
    /// What was missing on the way.
    pub degraded: Vec<String>,
}

/// A result whose error is read out of the status with all its details.
pub type Outcome<T> = Result<Answer<T>, Error>;

/// The way to each service: one channel for all, or one for each service's full name.
#[derive(Clone, Debug)]
pub struct Routes(Arc<HashMap<String, Channel>>);

impl Routes {
    /// Every service of `services` (full names) behind its own address.
    ///
    /// # Panics
    /// If an address is not one.
    #[must_use]
    pub fn new<'a>(services: impl IntoIterator<Item = (&'a str, String)>) -> Self {
        let mut channels: HashMap<String, Channel> = HashMap::new();
        let mut routes = HashMap::new();
        for (service, address) in services {
            let connect = || Channel::connect(&address, &ChannelConfig::default()).expect("an address");
            let channel = channels.entry(address.clone()).or_insert_with(connect).clone();
            routes.insert(service.to_owned(), channel);
        }
        Self(Arc::new(routes))
    }

    /// The channel to `service`.
    ///
    /// # Panics
    /// If there is no such service.
    #[must_use]
    pub fn to(&self, service: &str) -> Channel {
        self.0.get(service).unwrap_or_else(|| panic!("no route to {service}")).clone()
    }
}

/// Somebody who is not signed in.
#[derive(Clone, Debug)]
pub struct Guest {
    /// The way to the platform.
    pub routes: Routes,
}

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub struct Person {
    /// The way to the platform.
    pub routes: Routes,
    /// Their account.
    pub account: Account,
    /// Their tokens.
    pub tokens: Tokens,
}

static NEXT: AtomicU64 = AtomicU64::new(1);

/// A request id that no other call of this process has; unlike anything random it is the same in each run.
#[must_use]
pub fn request_id() -> String {
    format!("00000000-0000-4000-8000-{:012x}", NEXT.fetch_add(1, Ordering::Relaxed))
}

impl Guest {
    /// Calls the method that takes `request`.
    ///
    /// # Errors
    /// The platform's.
    pub async fn call<Q: Rpc>(&self, request: Q) -> Outcome<Q::Response> {
        unary(&self.routes.to(Q::METHOD.service), &Token::default(), request).await
    }

    /// Calls the method that takes `request`; the answer shall show what `token` stands for.
    ///
    /// # Errors
    /// The platform's.
    pub async fn call_after<Q: Rpc>(&self, token: &Token, request: Q) -> Outcome<Q::Response> {
        unary(&self.routes.to(Q::METHOD.service), token, request).await
    }

    /// Signs up under `handle` and signs in.
    ///
    /// # Panics
    /// If the platform refuses.
    pub async fn join(&self, handle: &str) -> Person {
        let request = CreateAccountRequest {
            request_id: request_id(),
            handle: handle.to_owned(),
            email: format!("{handle}@example.org"),
            password: PASSWORD.to_owned(),
            display_name: String::new(),
        };
        let account = self.call(request).await.expect("sign up").message.account.expect("an account");
        let tokens = self.sign_in(handle).await.expect("sign in");
        Person { routes: self.routes.clone(), account, tokens }
    }

    /// Signs in with the test password.
    ///
    /// # Errors
    /// The platform's.
    pub async fn sign_in(&self, login: &str) -> Result<Tokens, Error> {
        let request = SignInRequest {
            request_id: request_id(),
            login: login.to_owned(),
            password: PASSWORD.to_owned(),
            device_name: "test".to_owned(),
        };
        Ok(self.call(request).await?.message.tokens.expect("tokens"))
    }
}

impl Person {
    /// Their account's id.
    #[must_use]
    pub fn id(&self) -> i64 {
        self.account.account_id
    }

    /// Calls the method that takes `request`.
    ///
    /// # Errors
    /// The platform's.
    pub async fn call<Q: Rpc>(&self, request: Q) -> Outcome<Q::Response> {
        self.call_after(&Token::default(), request).await
    }

    /// Calls the method that takes `request`; the answer shall show what `token` stands for.
    ///
    /// # Errors
    /// The platform's.
    pub async fn call_after<Q: Rpc>(&self, token: &Token, request: Q) -> Outcome<Q::Response> {
        unary(&self.channel::<Q>(), token, request).await
    }

    /// Opens the stream of the method that takes `request`.
    ///
    /// # Errors
    /// The platform's.
    pub async fn stream<Q: Rpc>(&self, request: Q) -> Result<plaza_rpc::Stream<Q::Response>, Error> {
        self.channel::<Q>().streaming(&cx(&Token::default()), None, Q::METHOD, request).await
    }

    fn channel<Q: Rpc>(&self) -> Channel {
        self.routes.to(Q::METHOD.service).with_bearer(&self.tokens.access_token).expect("an ASCII token")
    }

    /// Publishes a public post.
    ///
    /// # Errors
    /// The platform's.
    pub async fn post(&self, text: &str) -> Result<(Post, Token), Error> {
        let request = CreatePostRequest { request_id: request_id(), text: text.to_owned(), ..Default::default() };
        let answer = self.call(request).await?;
        Ok((answer.message.post.expect("a post"), answer.token))
    }

    /// Follows `other`.
    ///
    /// # Errors
    /// The platform's.
    pub async fn follow(&self, other: &Self) -> Result<Token, Error> {
        let request = FollowRequest { request_id: request_id(), account_id: other.id() };
        Ok(self.call(request).await?.token)
    }

    /// The first page of their home feed, after what `token` stands for.
    ///
    /// # Errors
    /// The platform's.
    pub async fn home(&self, token: &Token, page_size: i32) -> Outcome<GetHomeFeedResponse> {
        self.call_after(token, GetHomeFeedRequest { page_size, ..GetHomeFeedRequest::default() }).await
    }

    /// The ids of their whole home feed, page by page; a page that says that it is behind is asked for again.
    ///
    /// # Errors
    /// The platform's.
    pub async fn walk_home(&self, token: &Token, page_size: i32) -> Result<Vec<i64>, Error> {
        let (mut ids, mut page_token, mut behind) = (Vec::new(), String::new(), 0);
        loop {
            let request = GetHomeFeedRequest { page_size, page_token: page_token.clone(), ..Default::default() };
            let answer = self.call_after(token, request).await?;
            if answer.degraded.iter().any(|lacking| lacking == "feeds-behind") && behind < PATIENCE {
                behind += 1;
                continue;
            }
            ids.extend(answer.message.posts.iter().map(|post| post.post_id));
            page_token = answer.message.next_page_token;
            if page_token.is_empty() {
                return Ok(ids);
            }
        }
    }
}

/// So often a page is asked for again that says that it is behind.
const PATIENCE: u32 = 5;
/// How long a call may take; more than a service's default, as tests share the machine.
const TIMEOUT: Duration = Duration::from_secs(10);

fn cx(token: &Token) -> Cx {
    Cx::new(Caller::default(), Instant::now() + TIMEOUT).with_token(token.clone())
}

async fn unary<Q: Rpc>(channel: &Channel, token: &Token, request: Q) -> Outcome<Q::Response> {
    let cx = cx(token);
    let message = channel.unary(&cx, None, Q::METHOD, request).await?;
    let plaza_core::cx::Outcome { token, degraded } = cx.take_outcome();
    Ok(Answer { message, token, degraded })
}
