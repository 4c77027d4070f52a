//! The store with a cache of living posts in front, counters included.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, Env, PostId, Result};
use plaza_events::Outbox;
use plaza_stores::{Cache, CacheOptions, Gauge};

use super::{Changes, Deleted, LikeChange, Liked, NewPost, PostStore, Published};
use crate::domain::{Counts, Post, PostRef, Sight, Span};

/// Living posts by id; `None` for an id that names none.
pub struct PostCache(Cache<PostId, Option<Arc<Post>>>);

/// What an entry costs besides its text: the key, the row, the cache's own bookkeeping; an estimate.
const ENTRY_BYTES: usize = 320;

impl PostCache {
    /// A cache of about `max_bytes`, whose entries live for `ttl` at most.
    #[must_use]
    pub fn new(env: Env, max_bytes: u64, ttl: Duration) -> Arc<Self> {
        let options = CacheOptions { name: "posts", max_weight: max_bytes, ttl, jitter: ttl / 10 };
        Arc::new(Self(Cache::weighted(options, env, |_, post: &Option<Arc<Post>>| weight(post.as_deref()))))
    }
}

fn weight(post: Option<&Post>) -> u32 {
    let span = |s: &Span| size_of::<Span>() + s.value.len();
    let likers = |p: &Post| p.likers.as_ref().map_or(0, |likers| likers.len() * size_of::<AccountId>());
    let held = post.map_or(0, |p| p.text.len() + p.spans.iter().map(span).sum::<usize>() + likers(p));
    u32::try_from(ENTRY_BYTES + held).unwrap_or(u32::MAX)
}

impl Changes for PostCache {
    fn changed(&self, posts: &[PostId]) {
        for post in posts {
            self.0.invalidate(post);
        }
    }
}

/// A store that reads posts through a cache. Its engine must report its changes to the same cache.
pub struct Cached<S> {
    store: S,
    cache: Arc<PostCache>,
}

impl<S: PostStore> Cached<S> {
    /// Puts `cache` in front of `store`.
    pub fn new(store: S, cache: Arc<PostCache>) -> Self {
        Self { store, cache }
    }

    async fn load(&self, cx: &Cx, ids: Vec<PostId>) -> Result<Vec<(PostId, Option<Arc<Post>>)>> {
        let posts = self.store.posts(cx, &ids).await?;
        Ok(ids.into_iter().zip(posts).collect())
    }
}

#[async_trait]
impl<S: PostStore> PostStore for Cached<S> {
    async fn posts(&self, cx: &Cx, ids: &[PostId]) -> Result<Vec<Option<Arc<Post>>>> {
        let found = self.cache.0.get_many(ids, |missing| self.load(cx, missing)).await?;
        Ok(found.into_iter().map(Option::flatten).collect())
    }

    fn outbox(&self) -> Arc<dyn Outbox> {
        self.store.outbox()
    }

    fn observe(&self) -> Vec<Gauge> {
        let mut figures = self.store.observe();
        figures.extend(self.cache.0.observe());
        figures
    }

    async fn publish(&self, cx: &Cx, post: NewPost) -> Result<Published> {
        self.store.publish(cx, post).await
    }

    async fn delete(&self, cx: &Cx, author: AccountId, post: PostId) -> Result<Deleted> {
        self.store.delete(cx, author, post).await
    }

    async fn set_like(&self, cx: &Cx, change: LikeChange) -> Result<Liked> {
        self.store.set_like(cx, change).await
    }

    async fn answered_publish(&self, cx: &Cx) -> Result<Option<Published>> {
        self.store.answered_publish(cx).await
    }

    async fn answered_like(&self, cx: &Cx) -> Result<Option<Liked>> {
        self.store.answered_like(cx).await
    }

    async fn liked(&self, cx: &Cx, account: AccountId, ids: &[PostId]) -> Result<Vec<PostId>> {
        self.store.liked(cx, account, ids).await
    }

    async fn ids_by_author(
        &self,
        cx: &Cx,
        author: AccountId,
        sight: Sight,
        before: PostId,
        limit: usize,
    ) -> Result<Vec<PostId>> {
        self.store.ids_by_author(cx, author, sight, before, limit).await
    }

    async fn refs(&self, cx: &Cx, authors: &[AccountId], before: PostId, limit: usize) -> Result<Vec<PostRef>> {
        self.store.refs(cx, authors, before, limit).await
    }

    async fn erase_posts(&self, cx: &Cx, account: AccountId, limit: usize) -> Result<usize> {
        self.store.erase_posts(cx, account, limit).await
    }

    async fn erase_likes(&self, cx: &Cx, account: AccountId, limit: usize) -> Result<usize> {
        self.store.erase_likes(cx, account, limit).await
    }

    async fn held(&self, cx: &Cx, after: AccountId, limit: usize) -> Result<Vec<AccountId>> {
        self.store.held(cx, after, limit).await
    }

    async fn held_among(&self, cx: &Cx, accounts: &[AccountId]) -> Result<Vec<AccountId>> {
        self.store.held_among(cx, accounts).await
    }

    async fn prune(&self, cx: &Cx) -> Result<usize> {
        self.store.prune(cx).await
    }

    async fn recount(&self, cx: &Cx, post: PostId) -> Result<Option<Counts>> {
        self.store.recount(cx, post).await
    }

    async fn close(&self) {
        self.store.close().await;
    }
}
