//! A posts service of its own for each test, with peers that hold what the test tells them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use plaza_core::{AccountId, Caller, Cx, Env, ManualClock, PostId, Result, Secret, Timestamp, Token};
use plaza_posts::{App, Config, Deps};
use plaza_proto::accounts::v1::*;
use plaza_proto::graph::v1::*;
use plaza_proto::posts::v1::*;
use plaza_rpc::Gate;
use plaza_stores::{Faults, StoreAddress};
use tokio::time::Instant;

pub(crate) const START: Timestamp = Timestamp(1_800_000_000_000);

/// The graph service, as far as posts uses it.
#[derive(Default)]
pub(crate) struct Graph {
    follows: Mutex<BTreeSet<(i64, i64)>>,
    blocks: Mutex<BTreeSet<(i64, i64)>>,
    mutes: Mutex<BTreeSet<(i64, i64)>>,
    requests: Mutex<BTreeSet<(i64, i64)>>,
    pub(crate) calls: AtomicUsize,
    pub(crate) faults: Faults,
}

impl Graph {
    pub(crate) fn follow(&self, a: i64, b: i64) {
        self.follows.lock().insert((a, b));
    }

    pub(crate) fn block(&self, a: i64, b: i64) {
        self.blocks.lock().insert((a, b));
    }

    pub(crate) fn mute(&self, a: i64, b: i64) {
        self.mutes.lock().insert((a, b));
    }

    /// `a` waits for leave to follow `b`.
    pub(crate) fn ask(&self, a: i64, b: i64) {
        self.requests.lock().insert((a, b));
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl GraphService for Graph {
    async fn batch_get_relationships(
        &self,
        cx: &Cx,
        req: BatchGetRelationshipsRequest,
    ) -> Result<BatchGetRelationshipsResponse> {
        assert_eq!(cx.caller().service, Some("posts"));
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.faults.check().await?;
        let viewer = cx.account()?.get();
        let (follows, blocks) = (self.follows.lock(), self.blocks.lock());
        let (mutes, requests) = (self.mutes.lock(), self.requests.lock());
        let everything = MuteScopes { posts: true, reposts: true, notifications: true };
        let relationship = |other: &i64| Relationship {
            account_id: *other,
            following: follows.contains(&(viewer, *other)),
            followed_by: follows.contains(&(*other, viewer)),
            blocking: blocks.contains(&(viewer, *other)),
            blocked_by: blocks.contains(&(*other, viewer)),
            muting: mutes.contains(&(viewer, *other)).then_some(Muting { scopes: Some(everything), expire_time: None }),
            requested: requests.contains(&(viewer, *other)),
            requested_by: requests.contains(&(*other, viewer)),
        };
        Ok(BatchGetRelationshipsResponse { relationships: req.account_ids.iter().map(relationship).collect() })
    }
}

/// The accounts service, as far as posts uses it: every account exists that was not deleted.
#[derive(Default)]
pub(crate) struct Accounts {
    deleted: Mutex<BTreeSet<i64>>,
    protected: Mutex<BTreeSet<i64>>,
    renamed: Mutex<BTreeMap<String, i64>>,
    pub(crate) faults: Faults,
}

impl Accounts {
    pub(crate) fn delete(&self, id: i64) {
        self.deleted.lock().insert(id);
    }

    /// As if it had been out of sight alone.
    pub(crate) fn restore(&self, id: i64) {
        self.deleted.lock().remove(&id);
    }

    /// The handle is another account's from now on.
    pub(crate) fn rename(&self, handle: &str, id: i64) {
        self.renamed.lock().insert(handle.to_owned(), id);
    }

    pub(crate) fn protect(&self, id: i64) {
        self.protected.lock().insert(id);
    }
}

#[async_trait]
impl AccountsService for Accounts {
    async fn batch_get_accounts(&self, cx: &Cx, req: BatchGetAccountsRequest) -> Result<BatchGetAccountsResponse> {
        assert_eq!(cx.caller().service, Some("posts"));
        self.faults.check().await?;
        let (deleted, protected) = (self.deleted.lock(), self.protected.lock());
        let living = req.account_ids.into_iter().filter(|id| !deleted.contains(id));
        let account =
            |account_id| Account { account_id, protected: protected.contains(&account_id), ..Account::default() };
        Ok(BatchGetAccountsResponse { accounts: living.map(account).collect() })
    }

    /// Account 7 has the handle `a7`, unless that was given away.
    async fn batch_get_accounts_by_handle(
        &self,
        cx: &Cx,
        req: BatchGetAccountsByHandleRequest,
    ) -> Result<BatchGetAccountsByHandleResponse> {
        assert_eq!(cx.caller().service, Some("posts"));
        self.faults.check().await?;
        let account = |handle: String| {
            let renamed = self.renamed.lock().get(&handle).copied();
            let account_id = renamed.or_else(|| handle.strip_prefix('a').and_then(|id| id.parse().ok()))?;
            Some(Account { account_id, handle, ..Account::default() })
        };
        Ok(BatchGetAccountsByHandleResponse { accounts: req.handles.into_iter().filter_map(account).collect() })
    }
}

/// The service and what it stands in.
pub(crate) struct World {
    pub(crate) app: App,
    pub(crate) posts: Arc<dyn PostsService>,
    pub(crate) graph: Arc<Graph>,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) env: Env,
    requests: AtomicU64,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::on(StoreAddress::Memory).await
    }

    /// A service on the engine that the address names.
    pub(crate) async fn on(store: StoreAddress) -> Self {
        Self::with(Config { store, ..Config::default() }).await
    }

    /// A service with these settings.
    pub(crate) async fn with(config: Config) -> Self {
        let clock = ManualClock::new(START);
        let env = Env::manual(clock.clone(), 1);
        let secret = Secret::new([7; 32]);
        let gate = Gate::builder(env.clone(), &secret).build();
        let (graph, accounts) = (Arc::<Graph>::default(), Arc::<Accounts>::default());
        let deps = Deps {
            env: env.clone(),
            graph: GraphServiceClient::local(GraphServiceEntry::new(graph.clone(), &gate)),
            accounts: AccountsServiceClient::local(AccountsServiceEntry::new(accounts.clone(), &gate)),
            gate,
            secret,
        };
        let config = Config { erase_batch: 3, ..config };
        let app = App::build(config, deps).await.unwrap();
        Self { posts: app.service(), app, graph, accounts, clock, env, requests: AtomicU64::new(1) }
    }

    /// A request id that was not used before.
    pub(crate) fn request_id(&self) -> String {
        format!("00000000-0000-4000-8000-{:012x}", self.requests.fetch_add(1, Ordering::Relaxed))
    }

    /// A request to publish, as yet unsent.
    pub(crate) fn text(&self, text: &str) -> CreatePostRequest {
        CreatePostRequest { request_id: self.request_id(), text: text.to_owned(), ..CreatePostRequest::default() }
    }

    pub(crate) fn reply(&self, text: &str, reply_to_id: i64) -> CreatePostRequest {
        CreatePostRequest { reply_to_id, ..self.text(text) }
    }

    pub(crate) fn followers(&self, text: &str) -> CreatePostRequest {
        CreatePostRequest { visibility: Visibility::Followers.into(), ..self.text(text) }
    }

    /// A request to publish with this visibility, as yet unsent.
    pub(crate) fn seen_by(&self, visibility: Visibility, text: &str) -> CreatePostRequest {
        CreatePostRequest { visibility: visibility.into(), ..self.text(text) }
    }

    pub(crate) async fn create(&self, author: i64, request: CreatePostRequest) -> Result<Post> {
        Ok(self.posts.create_post(&user(author), request).await?.post.unwrap())
    }

    /// Publishes and gives the id.
    pub(crate) async fn post(&self, author: i64, request: CreatePostRequest) -> i64 {
        self.create(author, request).await.unwrap().post_id
    }

    pub(crate) async fn get(&self, cx: &Cx, post_id: i64) -> Result<Post> {
        Ok(self.posts.get_post(cx, GetPostRequest { post_id }).await?.post.unwrap())
    }

    pub(crate) async fn batch(&self, cx: &Cx, post_ids: &[i64]) -> Result<Vec<Post>> {
        let request = BatchGetPostsRequest { post_ids: post_ids.to_vec() };
        Ok(self.posts.batch_get_posts(cx, request).await?.posts)
    }

    pub(crate) async fn delete(&self, author: i64, post_id: i64) -> Result<()> {
        let request = DeletePostRequest { request_id: self.request_id(), post_id };
        self.posts.delete_post(&user(author), request).await.map(drop)
    }

    pub(crate) async fn like(&self, account: i64, post_id: i64) -> Result<i64> {
        let request = LikePostRequest { request_id: self.request_id(), post_id };
        Ok(self.posts.like_post(&user(account), request).await?.like_count)
    }

    pub(crate) async fn unlike(&self, account: i64, post_id: i64) -> Result<i64> {
        let request = UnlikePostRequest { request_id: self.request_id(), post_id };
        Ok(self.posts.unlike_post(&user(account), request).await?.like_count)
    }

    /// A request to quote, as yet unsent.
    pub(crate) fn quote(&self, text: &str, quote_of_id: i64) -> CreatePostRequest {
        CreatePostRequest { quote_of_id, ..self.text(text) }
    }

    pub(crate) async fn edit(&self, author: i64, post_id: i64, text: &str) -> Result<EditPostResponse> {
        let (request_id, text) = (self.request_id(), text.to_owned());
        let request = EditPostRequest { request_id, post_id, text, ..EditPostRequest::default() };
        self.posts.edit_post(&user(author), request).await
    }

    pub(crate) async fn restore(&self, author: i64, post_id: i64) -> Result<()> {
        let request = RestorePostRequest { request_id: self.request_id(), post_id };
        self.posts.restore_post(&user(author), request).await.map(drop)
    }

    pub(crate) async fn pin(&self, author: i64, post_id: i64) -> Result<()> {
        let request = PinPostRequest { request_id: self.request_id(), post_id };
        self.posts.pin_post(&user(author), request).await.map(drop)
    }

    pub(crate) async fn repost(&self, account: i64, post_id: i64) -> Result<RepostResponse> {
        let request = RepostRequest { request_id: self.request_id(), post_id };
        self.posts.repost(&user(account), request).await
    }

    pub(crate) async fn undo_repost(&self, account: i64, post_id: i64) -> Result<i64> {
        let request = UndoRepostRequest { request_id: self.request_id(), post_id };
        Ok(self.posts.undo_repost(&user(account), request).await?.repost_count)
    }

    pub(crate) async fn bookmark(&self, account: i64, post_id: i64) -> Result<i64> {
        let request = BookmarkPostRequest { request_id: self.request_id(), post_id };
        Ok(self.posts.bookmark_post(&user(account), request).await?.bookmark_count)
    }

    pub(crate) async fn unbookmark(&self, account: i64, post_id: i64) -> Result<i64> {
        let request = UnbookmarkPostRequest { request_id: self.request_id(), post_id };
        Ok(self.posts.unbookmark_post(&user(account), request).await?.bookmark_count)
    }

    /// Ids of one page of an author's posts, and the token of the next.
    pub(crate) async fn page(
        &self,
        cx: &Cx,
        author_id: i64,
        page_size: i32,
        token: &str,
    ) -> Result<(Vec<i64>, String)> {
        let page_token = token.to_owned();
        let request = ListPostsByAuthorRequest { author_id, page_size, page_token, ..Default::default() };
        let page = self.posts.list_posts_by_author(cx, request).await?;
        Ok((ids(&page.posts), page.next_page_token))
    }

    /// The counters of a post recounted from likes and replies: likes, replies.
    pub(crate) async fn recount(&self, post: i64) -> Option<(i64, i64)> {
        let counts = self.app.store().recount(&service(), PostId(post)).await.unwrap();
        counts.map(|c| (c.likes, c.replies))
    }

    /// The types of all events so far, without the package, each with its post.
    pub(crate) async fn told(&self) -> Vec<(String, i64)> {
        let events = self.app.outbox().read_after(&service(), 0, 100_000).await.unwrap();
        events.iter().map(|e| (e.type_.rsplit('.').next().unwrap().to_owned(), e.aggregate_id)).collect()
    }
}

pub(crate) fn ids(posts: &[Post]) -> Vec<i64> {
    posts.iter().map(|post| post.post_id).collect()
}

/// The token that a call left behind.
pub(crate) fn token(cx: &Cx) -> Token {
    cx.take_outcome().token
}

fn call(caller: Caller) -> Cx {
    Cx::new(caller, Instant::now() + Duration::from_secs(60))
}

/// Nobody signed in.
pub(crate) fn nobody() -> Cx {
    call(Caller::default())
}

/// A signed-in user.
pub(crate) fn user(id: i64) -> Cx {
    call(Caller::user(AccountId(id)))
}

/// A service on its own behalf.
pub(crate) fn service() -> Cx {
    call(Caller::service("feeds"))
}

/// A service on a user's behalf.
pub(crate) fn service_for(id: i64) -> Cx {
    call(Caller { account: Some(AccountId(id)), ..Caller::service("feeds") })
}
