//! The store with caches in front: of living posts, counters included, and of each author's newest posts.
//!
//! Of writes of this process the engine tells the cache. Where others write to the same store, their events do, and a
//! call whose token is ahead of those is answered by the engine.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, Env, PostId, Result, Timestamp};
use plaza_events::{Freshness, Outbox};
use plaza_stores::{Cache, CacheOptions, Gauge};

use super::{
    Buried, Changed, Changes, Deleted, Draft, DraftChange, Drafted, END, Edit, Edited, MarkChange, Marked, NewPost,
    Only, PinChange, Pinned, Place, PostStore, Published, Restored, Tagged, Tags, Vote, Voted,
};
use crate::domain::{Choices, Counts, Mark, Media, Node, Post, PostRef, RepostRef, Results, Revision, Sight, Span};

/// What is kept in memory.
pub struct PostCache {
    /// Living posts by id; `None` for an id that names none.
    posts: Cache<PostId, Option<Arc<Post>>>,
    /// The newest [`TOP`] posts of an author that a sight shows.
    tops: Cache<(AccountId, Sight), Arc<[PostId]>>,
}

/// How many ids are kept of an author: a few pages; fewer are all there are.
const TOP: usize = 50;
/// The share of the bytes that the ids of authors' posts may take.
const TOPS_SHARE: u64 = 4;
/// Every sight that shows anything.
const SIGHTS: [Sight; 3] = [Sight::Public, Sight::Followers, Sight::Everything];

/// What an entry costs besides its text: the key, the row, the cache's own bookkeeping; an estimate.
const ENTRY_BYTES: usize = 320;

impl PostCache {
    /// A cache of about `max_bytes`, whose entries live for `ttl` at most.
    #[must_use]
    pub fn new(env: Env, max_bytes: u64, ttl: Duration) -> Arc<Self> {
        let of_tops = max_bytes / TOPS_SHARE;
        let options = |name, max_weight| CacheOptions { name, max_weight, ttl, jitter: ttl / 10 };
        let posts = options("posts", max_bytes - of_tops);
        Arc::new(Self {
            posts: Cache::weighted(posts, env.clone(), |_, post: &Option<Arc<Post>>| weight(post.as_deref())),
            tops: Cache::weighted(options("posts-by-author", of_tops), env, |_, ids: &Arc<[PostId]>| {
                u32::try_from(ENTRY_BYTES + size_of_val(&**ids)).unwrap_or(u32::MAX)
            }),
        })
    }

    /// Forgets everything.
    pub fn clear(&self) {
        self.posts.clear();
        self.tops.clear();
    }
}

fn weight(post: Option<&Post>) -> u32 {
    let span = |s: &Span| size_of::<Span>() + s.value.len();
    let marks = |p: &Post| p.marks.as_ref().map_or(0, |marks| marks.len() * size_of::<(Mark, AccountId)>());
    let option = |text: &String| size_of::<String>() + text.len() + size_of::<i64>();
    let poll = |p: &Post| p.poll.as_ref().map_or(0, |poll| poll.options.iter().map(option).sum());
    let text = |p: &Post| p.text.len() + p.sensitive.warning.len() + p.spans.iter().map(span).sum::<usize>();
    let one = |media: &Media| size_of::<Media>() + media.source.len() + media.alt.len();
    let media = |p: &Post| p.media.iter().map(one).sum::<usize>();
    let held = post.map_or(0, |p| text(p) + marks(p) + poll(p) + media(p));
    u32::try_from(ENTRY_BYTES + held).unwrap_or(u32::MAX)
}

impl Changes for PostCache {
    fn changed(&self, changed: &Changed) {
        for post in &changed.posts {
            self.posts.invalidate(post);
        }
        for author in &changed.authors {
            for sight in SIGHTS {
                self.tops.invalidate(&(*author, sight));
            }
        }
    }
}

/// A store that reads posts through a cache. Its engine must report its changes to the same cache.
pub struct Cached<S> {
    store: S,
    cache: Arc<PostCache>,
    freshness: Freshness,
}

impl<S: PostStore> Cached<S> {
    /// Puts `cache` in front of `store`, which nobody else writes to.
    pub fn new(store: S, cache: Arc<PostCache>) -> Self {
        Self { store, cache, freshness: Freshness::Always }
    }

    /// Uses the cache for what `freshness` says.
    #[must_use]
    pub fn with_freshness(mut self, freshness: Freshness) -> Self {
        self.freshness = freshness;
        self
    }

    async fn load(&self, cx: &Cx, ids: Vec<PostId>) -> Result<Vec<(PostId, Option<Arc<Post>>)>> {
        let posts = self.store.posts(cx, &ids).await?;
        Ok(ids.into_iter().zip(posts).collect())
    }
}

#[async_trait]
impl<S: PostStore> PostStore for Cached<S> {
    async fn posts(&self, cx: &Cx, ids: &[PostId]) -> Result<Vec<Option<Arc<Post>>>> {
        if !self.freshness.covers(cx) {
            return self.store.posts(cx, ids).await;
        }
        let found = self.cache.posts.get_many(ids, |missing| self.load(cx, missing)).await?;
        Ok(found.into_iter().map(Option::flatten).collect())
    }

    fn outbox(&self) -> Arc<dyn Outbox> {
        self.store.outbox()
    }

    async fn ping(&self, cx: &Cx) -> Result<()> {
        self.store.ping(cx).await
    }

    fn observe(&self) -> Vec<Gauge> {
        let mut figures = self.store.observe();
        figures.extend(self.cache.posts.observe());
        figures.extend(self.cache.tops.observe());
        figures
    }

    async fn publish(&self, cx: &Cx, post: NewPost) -> Result<Published> {
        self.store.publish(cx, post).await
    }

    async fn delete(&self, cx: &Cx, author: AccountId, post: PostId) -> Result<Deleted> {
        self.store.delete(cx, author, post).await
    }

    async fn set_mark(&self, cx: &Cx, change: MarkChange) -> Result<Marked> {
        self.store.set_mark(cx, change).await
    }

    async fn answered_publish(&self, cx: &Cx) -> Result<Option<Published>> {
        self.store.answered_publish(cx).await
    }

    async fn vote(&self, cx: &Cx, vote: Vote) -> Result<Voted> {
        self.store.vote(cx, vote).await
    }

    async fn answered_vote(&self, cx: &Cx) -> Result<Option<Voted>> {
        self.store.answered_vote(cx).await
    }

    async fn votes(&self, cx: &Cx, account: AccountId, ids: &[PostId]) -> Result<Vec<(PostId, Choices)>> {
        self.store.votes(cx, account, ids).await
    }

    async fn votes_of(
        &self,
        cx: &Cx,
        account: AccountId,
        before: PostId,
        limit: usize,
    ) -> Result<Vec<(PostId, Choices)>> {
        self.store.votes_of(cx, account, before, limit).await
    }

    async fn recount_poll(&self, cx: &Cx, post: PostId) -> Result<Option<Results>> {
        self.store.recount_poll(cx, post).await
    }

    async fn answered_mark(&self, cx: &Cx) -> Result<Option<Marked>> {
        self.store.answered_mark(cx).await
    }

    async fn marked(&self, cx: &Cx, account: AccountId, ids: &[PostId]) -> Result<Vec<(PostId, Mark)>> {
        self.store.marked(cx, account, ids).await
    }

    async fn markers(
        &self,
        cx: &Cx,
        post: PostId,
        mark: Mark,
        before: Place<AccountId>,
        limit: usize,
    ) -> Result<Vec<Place<AccountId>>> {
        self.store.markers(cx, post, mark, before, limit).await
    }

    async fn marked_by(
        &self,
        cx: &Cx,
        account: AccountId,
        mark: Mark,
        before: Place<PostId>,
        limit: usize,
    ) -> Result<Vec<Place<PostId>>> {
        self.store.marked_by(cx, account, mark, before, limit).await
    }

    async fn quotes(&self, cx: &Cx, post: PostId, before: PostId, limit: usize) -> Result<Vec<PostId>> {
        self.store.quotes(cx, post, before, limit).await
    }

    async fn ids_by_author(
        &self,
        cx: &Cx,
        author: AccountId,
        sight: Sight,
        before: PostId,
        limit: usize,
    ) -> Result<Vec<PostId>> {
        if !SIGHTS.contains(&sight) || !self.freshness.covers(cx) {
            return self.store.ids_by_author(cx, author, sight, before, limit).await;
        }
        let load = || async { Ok(self.store.ids_by_author(cx, author, sight, END, TOP).await?.into()) };
        let top = self.cache.tops.get_or_load(&(author, sight), load).await?;
        let below = &top[top.partition_point(|id| *id >= before)..];
        if top.len() < TOP || below.len() >= limit {
            return Ok(below[..limit.min(below.len())].to_vec());
        }
        self.store.ids_by_author(cx, author, sight, before, limit).await
    }

    async fn restore(&self, cx: &Cx, author: AccountId, post: PostId) -> Result<Restored> {
        self.store.restore(cx, author, post).await
    }

    async fn edit(&self, cx: &Cx, edit: Edit) -> Result<Edited> {
        self.store.edit(cx, edit).await
    }

    async fn set_pin(&self, cx: &Cx, change: PinChange) -> Result<Pinned> {
        self.store.set_pin(cx, change).await
    }

    async fn some_by_author(
        &self,
        cx: &Cx,
        author: AccountId,
        sight: Sight,
        only: Only,
        before: PostId,
        limit: usize,
    ) -> Result<Vec<PostId>> {
        self.store.some_by_author(cx, author, sight, only, before, limit).await
    }

    async fn pins(&self, cx: &Cx, account: AccountId) -> Result<Vec<PostId>> {
        self.store.pins(cx, account).await
    }

    async fn ids_by_hashtag(&self, cx: &Cx, tags: &Tags, before: PostId, limit: usize, scan: usize) -> Result<Tagged> {
        self.store.ids_by_hashtag(cx, tags, before, limit, scan).await
    }

    async fn graves(&self, cx: &Cx, account: AccountId, before: PostId, limit: usize) -> Result<Vec<Buried>> {
        self.store.graves(cx, account, before, limit).await
    }

    async fn revisions(&self, cx: &Cx, post: PostId, before: i32, limit: usize) -> Result<Vec<Revision>> {
        self.store.revisions(cx, post, before, limit).await
    }

    async fn ancestors(&self, cx: &Cx, post: PostId, limit: usize) -> Result<Vec<Node>> {
        self.store.ancestors(cx, post, limit).await
    }

    async fn replies(&self, cx: &Cx, parents: &[PostId], after: PostId, limit: usize) -> Result<Vec<Node>> {
        self.store.replies(cx, parents, after, limit).await
    }

    async fn change_draft(&self, cx: &Cx, change: DraftChange) -> Result<Drafted> {
        self.store.change_draft(cx, change).await
    }

    async fn answered_draft(&self, cx: &Cx) -> Result<Option<Drafted>> {
        self.store.answered_draft(cx).await
    }

    async fn fail_draft(&self, cx: &Cx, draft: &Draft, failure: &str) -> Result<()> {
        self.store.fail_draft(cx, draft, failure).await
    }

    async fn drafts(&self, cx: &Cx, account: AccountId, before: i64, limit: usize) -> Result<Vec<Draft>> {
        self.store.drafts(cx, account, before, limit).await
    }

    async fn due(&self, cx: &Cx, now: Timestamp, after: Option<&Draft>, limit: usize) -> Result<Vec<Draft>> {
        self.store.due(cx, now, after, limit).await
    }

    async fn refs(&self, cx: &Cx, authors: &[AccountId], before: PostId, limit: usize) -> Result<Vec<PostRef>> {
        self.store.refs(cx, authors, before, limit).await
    }

    async fn repost_refs(
        &self,
        cx: &Cx,
        accounts: &[AccountId],
        before: PostId,
        limit: usize,
    ) -> Result<Vec<RepostRef>> {
        self.store.repost_refs(cx, accounts, before, limit).await
    }

    async fn erase_posts(&self, cx: &Cx, account: AccountId, limit: usize) -> Result<usize> {
        self.store.erase_posts(cx, account, limit).await
    }

    async fn erase_marks(&self, cx: &Cx, account: AccountId, limit: usize) -> Result<usize> {
        self.store.erase_marks(cx, account, limit).await
    }

    async fn erase_votes(&self, cx: &Cx, account: AccountId, limit: usize) -> Result<usize> {
        self.store.erase_votes(cx, account, limit).await
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
