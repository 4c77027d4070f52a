//! Prepares what is measured: a platform with people in it, connections, and the calls that they make.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use plaza_core::{Env, Position};
use plaza_proto::feeds::v1::{GetHomeFeedRequest, GetHomeFeedResponse, GetUserFeedRequest};
use plaza_proto::graph::v1::{FollowRequest, UnfollowRequest};
use plaza_proto::posts::v1::CreatePostRequest;
use prost::Message as _;
use tokio::time::Instant;
use tonic::metadata::AsciiMetadataValue;

use super::drive::{Load, Seen, drive};
use super::report::Cpu;
use super::server::Server;
use super::wire::{self, Call, Connection};
use crate::cli::LoadArgs;
use crate::failure::{Failure, Result};
use crate::load::{Actor, Door, Filler};
use crate::people::Plan;

/// Calls under way at once while the platform is filled.
const FILLING: usize = 128;
/// How long what was published may take to reach every feed.
const DRAIN: Duration = Duration::from_secs(300);

const HOME: &str = "/plaza.feeds.v1.FeedsService/GetHomeFeed";
const USER: &str = "/plaza.feeds.v1.FeedsService/GetUserFeed";
const COMPOSE: &str = "/plaza.posts.v1.PostsService/CreatePost";
const FOLLOW: &str = "/plaza.graph.v1.GraphService/Follow";
const UNFOLLOW: &str = "/plaza.graph.v1.GraphService/Unfollow";

/// A platform ready to be measured.
pub(super) struct Stage {
    pub server: Server,
    pub connections: Vec<Connection>,
    pub cast: Arc<Cast>,
    load: Load,
}

/// Who calls, and with what.
pub(super) struct Cast {
    bearers: Vec<AsciiMetadataValue>,
    accounts: Vec<i64>,
    home: Bytes,
    page_size: i32,
    env: Env,
}

impl Stage {
    /// Starts or finds the platform and fills it by `plan`.
    pub(super) async fn set(args: &LoadArgs, plan: Plan, settings: &[(&str, String)]) -> Result<Self> {
        let server = Server::get(args, settings).await?;
        let env = Env::system();
        let filled = Filler::new(Door::at(&server.target)?, plan, env.clone(), FILLING).run().await?;
        let away = |e: tonic::transport::Error| Failure::new(format!("{} does not answer: {e}", server.target));
        let connections = wire::connect(&server.target, args.connections).await.map_err(away)?;
        let bearers = filled.actors.iter().map(|a| wire::bearer(&a.access_token)).collect::<Result<_, _>>()?;
        let home = GetHomeFeedRequest { page_size: args.page_size, ..GetHomeFeedRequest::default() };
        let cast = Cast {
            bearers,
            accounts: filled.actors.iter().map(|a: &Actor| a.account.get()).collect(),
            home: wire::encode(&home),
            page_size: args.page_size,
            env,
        };
        let time = Duration::from_secs(args.seconds);
        let load = Load { streams: args.streams, time, calls: args.requests.unwrap_or(u64::MAX) };
        Ok(Self { server, connections, cast: Arc::new(cast), load })
    }

    /// Reads every home once, so that every feed is there, and checks that pages hold posts.
    pub(super) async fn warm_up(&self) -> Result<()> {
        let people = self.cast.people();
        if people == 0 {
            return Err(Failure::new("there is nobody to call"));
        }
        let (cast, all) = (self.cast.clone(), Load { time: DRAIN, calls: people, ..self.load });
        let seen = drive(&self.connections, all, 1, move |n| cast.home(n, 0)).await;
        match seen.errors.iter().next() {
            Some((error, count)) => Err(Failure::new(format!("{count} of {people} homes cannot be read: {error}"))),
            None => Ok(()),
        }
    }

    /// How many posts one home page holds on average, by a sample.
    pub(super) async fn posts_in_a_page(&self) -> Result<f64> {
        let sample = self.cast.people().min(50);
        let mut posts = 0;
        for n in 0..sample {
            let answer = wire::call(&self.connections[0], self.cast.home(n, 0)).await?;
            let page = GetHomeFeedResponse::decode(answer.body).map_err(|e| Failure::new(e.to_string()))?;
            posts += page.posts.len();
        }
        #[expect(clippy::cast_precision_loss, reason = "small numbers")]
        Ok(posts as f64 / sample as f64)
    }

    /// Drives the load that the arguments ask for.
    pub(super) async fn run<F>(&self, kinds: usize, next: F) -> Measured
    where
        F: Fn(u64) -> Call + Send + Sync + 'static,
    {
        self.run_load(self.load, kinds, next).await
    }

    /// Drives another load.
    pub(super) async fn run_load<F>(&self, load: Load, kinds: usize, next: F) -> Measured
    where
        F: Fn(u64) -> Call + Send + Sync + 'static,
    {
        let before = self.server.cpu();
        let seen = drive(&self.connections, load, kinds, next).await;
        Measured { seen, cpu: self.server.cpu().since(before) }
    }

    /// The load that the arguments ask for.
    pub(super) fn load(&self) -> Load {
        self.load
    }

    /// Waits until what was published up to `position` is in every feed; how long that took.
    pub(super) async fn drain(&self, position: Position) -> Result<Duration> {
        let start = Instant::now();
        let token = AsciiMetadataValue::try_from(format!("posts={position}"));
        let token = token.map_err(|_| Failure::new("a position that is no text"))?;
        while start.elapsed() < DRAIN {
            let call = Call { token: Some(token.clone()), ..self.cast.home(0, 0) };
            // An answer without a remark shows everything that the token stands for.
            if wire::call(&self.connections[0], call).await.is_ok_and(|answer| !answer.degraded) {
                return Ok(start.elapsed());
            }
        }
        Err(Failure::new(format!("after {} s, not every post was in every feed", DRAIN.as_secs())))
    }
}

/// What was seen, and what it cost the server.
pub(super) struct Measured {
    pub seen: Seen,
    pub cpu: Cpu,
}

impl Cast {
    /// How many people there are.
    pub(super) fn people(&self) -> u64 {
        self.bearers.len() as u64
    }

    /// The account of person `n`.
    pub(super) fn account(&self, n: u64) -> i64 {
        self.accounts[self.who(n)]
    }

    fn who(&self, n: u64) -> usize {
        usize::try_from(n % self.people()).unwrap_or_default()
    }

    /// Person `n` (modulo their number) reads the top of their home feed.
    pub(super) fn home(&self, n: u64, kind: usize) -> Call {
        let bearer = self.bearers[self.who(n)].clone();
        Call { kind, path: HOME, body: self.home.clone(), bearer, token: None }
    }

    /// An id of a request's own.
    pub(super) fn request_id(&self) -> String {
        self.env.event_id().to_string()
    }

    /// Person `n` makes another call.
    pub(super) fn other(&self, n: u64, path: &'static str, request: &impl prost::Message) -> Call {
        Call { path, body: wire::encode(request), ..self.home(n, 0) }
    }

    /// Person `n` reads the page of their home feed after `page_token`.
    pub(super) fn home_after(&self, n: u64, page_token: &str, kind: usize) -> Call {
        let request = GetHomeFeedRequest {
            page_size: self.page_size,
            page_token: page_token.to_owned(),
            ..GetHomeFeedRequest::default()
        };
        Call { body: wire::encode(&request), ..self.home(n, kind) }
    }

    /// Person `n` reads the top of another's feed.
    pub(super) fn user(&self, n: u64, kind: usize) -> Call {
        let account_id = self.accounts[self.who(n.wrapping_mul(7).wrapping_add(3))];
        let request = GetUserFeedRequest { account_id, page_size: self.page_size, page_token: String::new() };
        Call { path: USER, body: wire::encode(&request), ..self.home(n, kind) }
    }

    /// Person `n` publishes.
    pub(super) fn compose(&self, n: u64, kind: usize) -> Call {
        let text = format!("Post number {n} of a long day at the desk, with a #bench tag and nothing else to say.");
        let request = CreatePostRequest { request_id: self.request_id(), text, ..CreatePostRequest::default() };
        Call { path: COMPOSE, body: wire::encode(&request), ..self.home(n, kind) }
    }

    /// Person `n` follows another, and takes it back when their turn comes again.
    pub(super) fn follow(&self, n: u64, kind: usize) -> Call {
        let (request_id, round) = (self.request_id(), n / self.people());
        // Another one each second round; never themselves, as fewer than all are added.
        let other =
            (self.who(n) as u64 + 1 + (round / 2 * 7 + 3) % self.people().saturating_sub(1).max(1)) % self.people();
        let account_id = self.account(other);
        let (path, body) = match round % 2 {
            0 => (FOLLOW, wire::encode(&FollowRequest { request_id, account_id })),
            _ => (UNFOLLOW, wire::encode(&UnfollowRequest { request_id, account_id })),
        };
        Call { path, body, ..self.home(n, kind) }
    }
}
