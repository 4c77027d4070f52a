//! What a post is.

use plaza_core::{AccountId, PostId, Timestamp};

use super::{Poll, Span};

/// Who may see a post, as its author chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Visibility {
    /// Everybody whom no block keeps out.
    Public,
    /// As public, but not listed where strangers look.
    Unlisted,
    /// The author's followers.
    Followers,
    /// Those whom it mentions.
    Mentioned,
}

/// Who may reply to a post besides its author, as its author chose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ReplyPolicy {
    /// Everybody who sees it.
    #[default]
    Everyone,
    /// Accounts that the author follows, and those whom it mentions.
    Followed,
    /// Those whom it mentions.
    Mentioned,
    /// Nobody.
    Nobody,
}

/// Who may quote a post besides its author, as its author chose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum QuotePolicy {
    /// Everybody who sees it.
    #[default]
    Everyone,
    /// The author's followers.
    Followers,
    /// Nobody.
    Nobody,
}

/// What an account does with a post besides answering it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mark {
    /// Likes it.
    Like,
    /// Reposts it to its followers.
    Repost,
    /// Keeps it, for itself alone.
    Bookmark,
}

impl Mark {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Like, Self::Repost, Self::Bookmark];
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
    /// The post it quotes, which may be gone by now.
    pub quote_of: Option<PostId>,
    /// Who may quote it.
    pub quote_policy: QuotePolicy,
    /// Who may reply to it.
    pub reply_policy: ReplyPolicy,
    /// Whether it is to be shown on demand only, and what is shown instead.
    pub sensitive: Sensitive,
    /// A BCP 47 tag; empty if not said.
    pub language: String,
    /// Pictures and the like that belong to it.
    pub media: Vec<Media>,
    /// How often it was edited, and when last.
    pub edits: Edits,
    /// What it asks.
    pub poll: Option<Poll>,
    /// How often it is marked, replied to and quoted.
    pub counts: Counts,
    /// All marks of it, while they are few; `None` when they are many.
    pub marks: Option<Vec<(Mark, AccountId)>>,
}

impl Post {
    /// Whether the post mentions `account`.
    #[must_use]
    pub fn mentions(&self, account: AccountId) -> bool {
        self.spans.iter().any(|span| span.account == Some(account))
    }
}

/// A picture, a sound or a film that belongs to a post.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// Where it is: an id or an address.
    pub source: String,
    /// What it shows; may be empty.
    pub alt: String,
}

/// How often a post was edited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Edits {
    /// How often.
    pub count: i32,
    /// When last; `None` if never.
    pub at: Option<Timestamp>,
}

/// What a post said from some time on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revision {
    /// How often it had been edited by then.
    pub edits: i32,
    /// Since when it said so.
    pub at: Timestamp,
    /// The text.
    pub text: String,
    /// Its hashtags, mentions and links.
    pub spans: Vec<Span>,
    /// Whether it was to be shown on demand only.
    pub sensitive: Sensitive,
    /// A BCP 47 tag; empty if not said.
    pub language: String,
}

/// A place in a thread, of a living post or a tombstone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// The post.
    pub id: PostId,
    /// What it replies to.
    pub reply_to: Option<PostId>,
    /// What is there.
    pub stands: Stands,
}

/// What stands at a place in a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stands {
    /// A living post.
    Living,
    /// The tombstone of one that had something below it.
    Kept,
    /// The tombstone of one that had not.
    Gone,
}

/// Whether a post is to be shown on demand only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sensitive {
    /// It is.
    pub is: bool,
    /// What is shown instead; may be empty.
    pub warning: String,
}

/// A post's counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// How many accounts like it.
    pub likes: i64,
    /// How many living posts reply to it.
    pub replies: i64,
    /// How many accounts reposted it.
    pub reposts: i64,
    /// How many living posts quote it.
    pub quotes: i64,
    /// How many accounts keep it.
    pub bookmarks: i64,
}

impl Counts {
    /// How many accounts mark the post so.
    #[must_use]
    pub const fn of(&self, mark: Mark) -> i64 {
        match mark {
            Mark::Like => self.likes,
            Mark::Repost => self.reposts,
            Mark::Bookmark => self.bookmarks,
        }
    }

    /// The counter of a mark, to be changed.
    pub const fn of_mut(&mut self, mark: Mark) -> &mut i64 {
        match mark {
            Mark::Like => &mut self.likes,
            Mark::Repost => &mut self.reposts,
            Mark::Bookmark => &mut self.bookmarks,
        }
    }

    /// How many marks there are of all kinds.
    #[must_use]
    pub const fn marks(&self) -> i64 {
        self.likes + self.reposts + self.bookmarks
    }
}

/// A post and its author, for building feeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PostRef {
    /// The post.
    pub post: PostId,
    /// Who wrote it.
    pub author: AccountId,
}

/// A repost, for building feeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RepostRef {
    /// Names the repost; sorts among the ids of posts.
    pub repost: i64,
    /// Who reposted.
    pub account: AccountId,
    /// The post.
    pub post: PostId,
    /// Who wrote it.
    pub author: AccountId,
}
