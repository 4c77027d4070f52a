//! `posts-cache`: each replica forgets the posts that another one changed.

use std::sync::Arc;

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, PostId, Result};
use plaza_events::{Event, Follow};
use plaza_proto::posts::v1::{PostCreated, PostDeleted, PostLiked, PostUnliked};

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

/// A new or a deleted post, the one that it replies to, and its author's list.
fn listed(post: i64, author: i64, reply_to: i64) -> Changed {
    let posts = [post, reply_to].into_iter().filter(|id| *id != 0).map(PostId).collect();
    Changed { posts, authors: vec![AccountId(author)] }
}

fn counted(post: i64) -> Changed {
    Changed { posts: vec![PostId(post)], authors: Vec::new() }
}

/// What an event makes old.
fn changed(event: &Event) -> Result<Changed> {
    let created = || event.decode::<PostCreated>().map(|e| e.map(|e| listed(e.post_id, e.author_id, e.reply_to_id)));
    let deleted = || event.decode::<PostDeleted>().map(|e| e.map(|e| listed(e.post_id, e.author_id, e.reply_to_id)));
    let liked = || event.decode::<PostLiked>().map(|e| e.map(|e| counted(e.post_id)));
    let unliked = || event.decode::<PostUnliked>().map(|e| e.map(|e| counted(e.post_id)));
    created().or_else(deleted).or_else(liked).or_else(unliked).unwrap_or_else(|| Ok(Changed::default()))
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
