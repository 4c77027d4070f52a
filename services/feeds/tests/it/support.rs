//! A service under test: the app over a world, with the events in the test's hand.

use std::sync::Arc;
use std::time::Duration;

use plaza_core::{AccountId, Caller, Cx, Result, Secret, Token};
use plaza_events::projection::{AuditOptions, audit};
use plaza_events::{Event, Marks, Projection};
use plaza_feeds::store::FeedStore;
use plaza_feeds::store::faulty::FaultyFeeds;
use plaza_feeds::store::positions::PositionStore;
use plaza_feeds::store::sqlite::SqlitePositions;
use plaza_feeds::{App, Config, Deps};
use plaza_proto::accounts::v1::AccountsServiceClient;
use plaza_proto::feeds::v1::{
    FeedRepost, FeedsService as _, FeedsServiceClient, GetHashtagFeedRequest, GetHomeFeedRequest, GetListFeedRequest,
    GetUserFeedRequest, HomeFilter, RebuildFeedRequest,
};
use plaza_proto::graph::v1::GraphServiceClient;
use plaza_proto::posts::v1::{Post, PostsServiceClient};
use plaza_rpc::Gate;
use plaza_stores::{Faults, StoreAddress};
use plaza_testkit::Server;

pub(crate) use crate::engine::Engine;
use crate::engine::{Evicted, Opened};
use crate::fakes::Fake;
use crate::world::{Placed, World};

/// Small, so that tests hit the edges.
pub(crate) const CAP: usize = 8;
pub(crate) const THRESHOLD: usize = 3;

pub(crate) struct Bench {
    pub(crate) world: Arc<World>,
    pub(crate) app: App,
    pub(crate) client: FeedsServiceClient,
    pub(crate) opened: Opened,
    pub(crate) store: Arc<dyn FeedStore>,
    pub(crate) positions: Arc<dyn PositionStore>,
    pub(crate) faults: Faults,
    pub(crate) projection: Arc<dyn Projection>,
    pub(crate) marks: Marks,
}

/// A page as tests look at it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    /// The places: ids of posts, or of the reposts by which they stand there.
    pub(crate) posts: Vec<i64>,
    pub(crate) entries: Vec<Placed>,
    pub(crate) next: String,
    pub(crate) degraded: Vec<String>,
}

impl Shown {
    /// Places, token and what was degraded.
    pub(crate) fn told(self) -> (Vec<i64>, String, Vec<String>) {
        (self.posts, self.next, self.degraded)
    }
}

pub(crate) fn config() -> Config {
    Config { cap: CAP, celebrity_threshold: THRESHOLD, live_queue: 4, ..Config::default() }
}

impl Bench {
    /// The service over a world of the accounts 1 to `accounts`.
    pub(crate) async fn new(engine: Engine, accounts: i64) -> Self {
        Self::with(engine, accounts, &config()).await
    }

    pub(crate) async fn with(engine: Engine, accounts: i64, config: &Config) -> Self {
        let world = World::new(accounts);
        let opened = engine.open(config, &world.env).await;
        Self::over(world, config, opened)
    }

    /// The service on a server of the test's own.
    pub(crate) async fn on(server: &Server, accounts: i64) -> Self {
        let world = World::new(accounts);
        let opened = Opened::on(server, &config(), &world.env).await;
        Self::over(world, &config(), opened)
    }

    /// Another replica over the same world and the same store.
    pub(crate) fn beside(&self, config: &Config) -> Self {
        Self::over(self.world.clone(), config, self.opened.beside())
    }

    /// The service with this store of read positions.
    pub(crate) async fn with_positions(positions: Arc<dyn PositionStore>) -> Self {
        let world = World::new(1);
        let opened = Engine::Memory.open(&config(), &world.env).await;
        Self::assemble(world, &config(), opened, positions)
    }

    fn over(world: Arc<World>, config: &Config, opened: Opened) -> Self {
        let positions = SqlitePositions::open(&StoreAddress::Memory, world.env.clone()).unwrap();
        Self::assemble(world, config, opened, Arc::new(positions))
    }

    fn assemble(world: Arc<World>, config: &Config, opened: Opened, positions: Arc<dyn PositionStore>) -> Self {
        let (faults, secret) = (Faults::new(), Secret::new([7; 32]));
        let deps = Deps {
            env: world.env.clone(),
            gate: Gate::builder(world.env.clone(), &secret).build(),
            secret,
            posts: PostsServiceClient::local(Arc::new(Fake(world.clone()))),
            graph: GraphServiceClient::local(Arc::new(Fake(world.clone()))),
            accounts: AccountsServiceClient::local(Arc::new(Fake(world.clone()))),
            log: world.log.clone(),
        };
        let store = opened.store.clone();
        let faulty = Arc::new(FaultyFeeds::new(store.clone(), faults.clone()));
        let app = App::with_stores(config, deps, faulty, positions.clone()).unwrap();
        let (projection, marks) = app.projections().pop().unwrap();
        Self { client: app.client(), world, app, opened, store, positions, faults, projection, marks }
    }

    /// Applies all events of the world, in order.
    pub(crate) async fn deliver(&self) {
        let events = self.world.drain();
        self.world.log(&events).await;
        self.apply(&events).await;
    }

    pub(crate) async fn apply(&self, events: &[Event]) {
        self.try_apply(events).await.unwrap();
    }

    pub(crate) async fn try_apply(&self, events: &[Event]) -> Result<()> {
        let cx = Cx::background("home-feeds", Duration::from_secs(30));
        self.projection.apply(&cx, events).await?;
        self.follow(events).await
    }

    /// What a replica does of which another one has applied the events.
    pub(crate) async fn follow(&self, events: &[Event]) -> Result<()> {
        let cx = Cx::background("follow", Duration::from_secs(30));
        self.marks.raise(events.iter().map(|e| (e.source.as_str(), e.position)));
        for (follow, followed) in self.app.followers() {
            let own: Vec<Event> =
                events.iter().filter(|e| follow.sources().contains(&e.source.as_str())).cloned().collect();
            follow.apply(&cx, &own).await?;
            followed.raise(own.iter().map(|e| (e.source.as_str(), e.position)));
            followed.heard(tokio::time::Instant::now());
        }
        Ok(())
    }

    pub(crate) async fn page_at(&self, reader: i64, size: i32, token: &str) -> Result<Shown> {
        self.page_with(&user(reader), size, token).await
    }

    pub(crate) async fn page_with(&self, cx: &Cx, size: i32, token: &str) -> Result<Shown> {
        self.page_of(cx, HomeFilter::Unspecified, size, token).await
    }

    pub(crate) async fn page_of(&self, cx: &Cx, filter: HomeFilter, size: i32, token: &str) -> Result<Shown> {
        let req = GetHomeFeedRequest { page_size: size, page_token: token.to_owned(), filter: filter.into() };
        let page = self.client.get_home_feed(cx, req).await?;
        let entries = placed(&page.posts, &page.reposts);
        let posts = entries.iter().map(|entry| entry.place).collect();
        Ok(Shown { posts, entries, next: page.next_page_token, degraded: cx.take_outcome().degraded })
    }

    /// The newest page.
    pub(crate) async fn page(&self, reader: i64, size: i32) -> Shown {
        self.page_at(reader, size, "").await.unwrap()
    }

    /// All pages from top to bottom.
    pub(crate) async fn walk(&self, reader: i64, size: i32) -> Vec<i64> {
        self.walk_of(reader, HomeFilter::Unspecified, size).await
    }

    pub(crate) async fn walk_of(&self, reader: i64, filter: HomeFilter, size: i32) -> Vec<i64> {
        let (mut posts, mut token) = (Vec::new(), String::new());
        loop {
            let page = self.page_of(&user(reader), filter, size, &token).await.unwrap();
            assert_eq!(page.degraded, [""; 0]);
            posts.extend(page.posts);
            assert!(falls(&posts), "not falling: {posts:?}");
            token = page.next;
            if token.is_empty() {
                return posts;
            }
        }
    }

    pub(crate) async fn list_page(&self, cx: &Cx, list_id: i64, size: i32, token: &str) -> Result<Shown> {
        let req = GetListFeedRequest { list_id, page_size: size, page_token: token.to_owned() };
        let page = self.client.get_list_feed(cx, req).await?;
        let entries = placed(&page.posts, &page.reposts);
        let posts = entries.iter().map(|entry| entry.place).collect();
        Ok(Shown { posts, entries, next: page.next_page_token, degraded: cx.take_outcome().degraded })
    }

    /// All pages of a list's feed.
    pub(crate) async fn walk_list(&self, reader: Option<i64>, list_id: i64, size: i32) -> Vec<i64> {
        let (mut posts, mut token) = (Vec::new(), String::new());
        loop {
            let page = self.list_page(&reader.map_or_else(guest, user), list_id, size, &token).await.unwrap();
            assert_eq!(page.degraded, [""; 0]);
            posts.extend(page.posts);
            assert!(falls(&posts), "not falling: {posts:?}");
            token = page.next;
            if token.is_empty() {
                return posts;
            }
        }
    }

    /// All pages of the feed of hashtags: any of, all of, none of.
    pub(crate) async fn walk_hashtags(&self, reader: Option<i64>, of: &[Vec<String>; 3], size: i32) -> Vec<i64> {
        let [any_of, all_of, none_of] = of.clone();
        let mut req = GetHashtagFeedRequest { any_of, all_of, none_of, page_size: size, page_token: String::new() };
        let mut posts = Vec::new();
        loop {
            let cx = reader.map_or_else(guest, user);
            let page = self.client.get_hashtag_feed(&cx, req.clone()).await.unwrap();
            assert_eq!(cx.take_outcome().degraded, [""; 0]);
            posts.extend(page.posts.iter().map(|post| post.post_id));
            assert!(falls(&posts), "not falling: {posts:?}");
            req.page_token = page.next_page_token;
            if req.page_token.is_empty() {
                return posts;
            }
        }
    }

    /// The newest page of an account's own feed.
    pub(crate) async fn user_feed(&self, reader: i64, account_id: i64) -> Vec<i64> {
        let req = GetUserFeedRequest { account_id, page_size: 100, page_token: String::new() };
        let page = self.client.get_user_feed(&user(reader), req).await.unwrap();
        placed(&page.posts, &page.reposts).iter().map(|entry| entry.place).collect()
    }

    pub(crate) async fn rebuild(&self, reader: i64) -> i32 {
        let request_id = self.world.env.event_id().to_string();
        let req = RebuildFeedRequest { request_id, account_id: reader };
        self.client.rebuild_feed(&user(reader), req).await.unwrap().entries
    }

    /// What the store holds, newest first, with the floor; `None` if cold.
    pub(crate) async fn held(&self, reader: i64) -> Option<(Vec<i64>, i64)> {
        let cx = Cx::background("test", Duration::from_secs(5));
        let window = self.store.windows(&cx, &[AccountId(reader)]).await.unwrap().remove(0)?;
        Some((window.iter().map(|e| e.place.0).collect(), window.floor().0))
    }

    pub(crate) async fn make_cold(&self, reader: i64) {
        let cx = Cx::background("test", Duration::from_secs(5));
        self.store.drop_feeds(&cx, &[AccountId(reader)]).await.unwrap();
    }

    pub(crate) async fn evict(&self, account: i64, evicted: Evicted) {
        self.opened.evict(account, evicted).await;
    }

    /// Lets time pass, by the test's clock and for what expires in the store.
    pub(crate) fn pass_ms(&self, ms: i64) {
        self.world.clock.advance(ms);
        let accounts = self.world.state.lock().accounts.last().copied().unwrap_or(0);
        self.opened.pass_ms(ms, accounts);
    }

    /// The owners whose held feeds are not what the truth says.
    pub(crate) async fn drifted(&self) -> Vec<i64> {
        let options = AuditOptions { page: 3, ..AuditOptions::default() };
        audit(&*self.projection, &self.world.env, &options).await.unwrap().keys()
    }
}

/// Where the posts of a page stand, and who brought them there.
pub(crate) fn placed(posts: &[Post], reposts: &[FeedRepost]) -> Vec<Placed> {
    let mut reposts = reposts.iter().peekable();
    let place = |post: &Post| match reposts.next_if(|repost| repost.post_id == post.post_id) {
        Some(repost) => Placed { place: repost.repost_id, by: repost.reposted_by, post: post.post_id },
        None => Placed { place: post.post_id, by: post.author_id, post: post.post_id },
    };
    let entries = posts.iter().map(place).collect();
    assert_eq!(reposts.next(), None, "of no post on the page");
    entries
}

/// Whether posts are in strict order, newest first; so a walk that does not get on is seen.
pub(crate) fn falls(posts: &[i64]) -> bool {
    posts.windows(2).all(|pair| pair[0] > pair[1])
}

/// A call of a signed-in user.
pub(crate) fn user(account: i64) -> Cx {
    Cx::new(Caller::user(AccountId(account)), tokio::time::Instant::now() + Duration::from_secs(5))
}

/// The same with a consistency token.
pub(crate) fn user_with(account: i64, token: &str) -> Cx {
    user(account).with_token(Token::parse(token).unwrap())
}

/// A call of nobody that is known.
pub(crate) fn guest() -> Cx {
    Cx::new(Caller::default(), tokio::time::Instant::now() + Duration::from_secs(5))
}

/// Texts as requests hold them.
pub(crate) fn tags(said: &[&str]) -> Vec<String> {
    said.iter().map(|tag| (*tag).to_owned()).collect()
}
