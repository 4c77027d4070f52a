//! What a post is.

use plaza_core::{AccountId, PostId};

use super::Span;

/// Who may see a post, as its author chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Visibility {
    /// Everybody whom no block keeps out.
    Public,
    /// The author's followers.
    Followers,
}

/// A living post with its counters, the same for every viewer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Post {
    /// Names the post; its time is in it.
    pub id: PostId,
    /// Who wrote it.
    pub author: AccountId,
    /// The text, as written.
    pub text: String,
    /// Its hashtags, mentions and links, by rising start.
    pub spans: Vec<Span>,
    /// Who may see it.
    pub visibility: Visibility,
    /// The post it replies to, which may be gone by now.
    pub reply_to: Option<PostId>,
    /// The first post of its thread: itself if it replies to nothing.
    pub root: PostId,
    /// How often it is liked and replied to.
    pub counts: Counts,
    /// All who like it, while they are few; `None` when they are many.
    pub likers: Option<Vec<AccountId>>,
}

/// A post's counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// How many accounts like it.
    pub likes: i64,
    /// How many living posts reply to it.
    pub replies: i64,
}

/// A post and its author, for building feeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PostRef {
    /// The post.
    pub post: PostId,
    /// Who wrote it.
    pub author: AccountId,
}
