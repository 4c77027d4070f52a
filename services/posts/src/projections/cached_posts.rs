//! `posts-cache`: each replica forgets the posts that another one changed.

use std::sync::Arc;

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, PostId, Result};
use plaza_events::{Event, Follow};
use plaza_proto::posts::v1::{
    PollVoted, PostBookmarked, PostCreated, PostDeleted, PostEdited, PostLiked, PostRestored, PostUnbookmarked,
    PostUnliked, RepostUndone, Reposted,
};

use crate::NAME;
use crate::store::{Changed, Changes as _, PostCache};

/// What this process keeps in memory of posts. Forgetting twice, or what is not held, does no harm.
pub struct CachedPosts {
    cache: Arc<PostCache>,
}

impl std::fmt::Debug for CachedPosts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CachedPosts").finish_non_exhaustive()
    }
}

impl CachedPosts {
    /// What `cache` holds.
    #[must_use]
    pub fn new(cache: Arc<PostCache>) -> Self {
        Self { cache }
    }
}

/// A new, a deleted or a restored post, those that it answers, and its author's list.
fn listed(post: i64, author: i64, reply_to: i64, quote_of: i64) -> Changed {
    let posts = [post, reply_to, quote_of].into_iter().filter(|id| *id != 0).map(PostId).collect();
    Changed { posts, authors: vec![AccountId(author)] }
}

/// The post, if the event is an `M`.
fn counted<M: prost::Message + prost::Name + Default>(event: &Event, post: fn(&M) -> i64) -> Option<Result<Changed>> {
    let changed = |e: M| Changed { posts: vec![PostId(post(&e))], authors: Vec::new() };
    event.decode::<M>().map(|decoded| decoded.map(changed))
}

/// What an event makes old.
fn changed(event: &Event) -> Result<Changed> {
    let restored = |e: PostRestored| listed(e.post_id, e.author_id, e.reply_to_id, e.quote_of_id);
    let created = |e: PostCreated| listed(e.post_id, e.author_id, e.reply_to_id, e.quote_of_id);
    let deleted = |e: PostDeleted| listed(e.post_id, e.author_id, e.reply_to_id, e.quote_of_id);
    event
        .decode::<PostCreated>()
        .map(|e| e.map(created))
        .or_else(|| event.decode::<PostDeleted>().map(|e| e.map(deleted)))
        .or_else(|| event.decode::<PostRestored>().map(|e| e.map(restored)))
        .or_else(|| counted::<PostEdited>(event, |e| e.post_id))
        .or_else(|| counted::<PostLiked>(event, |e| e.post_id))
        .or_else(|| counted::<PostUnliked>(event, |e| e.post_id))
        .or_else(|| counted::<PollVoted>(event, |e| e.post_id))
        .or_else(|| counted::<Reposted>(event, |e| e.post_id))
        .or_else(|| counted::<RepostUndone>(event, |e| e.post_id))
        .or_else(|| counted::<PostBookmarked>(event, |e| e.post_id))
        .or_else(|| counted::<PostUnbookmarked>(event, |e| e.post_id))
        .unwrap_or_else(|| Ok(Changed::default()))
}

#[async_trait]
impl Follow for CachedPosts {
    fn name(&self) -> &'static str {
        "posts-cache"
    }

    fn sources(&self) -> &[&'static str] {
        &[NAME]
    }

    async fn apply(&self, _: &Cx, events: &[Event]) -> Result<()> {
        for event in events {
            self.cache.changed(&changed(event)?);
        }
        Ok(())
    }

    fn forget_all(&self) {
        self.cache.clear();
    }
}
