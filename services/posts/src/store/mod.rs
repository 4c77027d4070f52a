//! Where posts are kept. Every engine passes [`conformance`].

mod cached;
mod columns;
pub mod conformance;
mod lists;
mod postgres;
mod sqlite;

use std::sync::Arc;

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, Position, PostId, Result, Timestamp};
use plaza_events::Outbox;
use plaza_stores::Gauge;
use serde::{Deserialize, Serialize};

use crate::domain::{
    Counts, Edits, Mark, Node, Post, PostRef, QuotePolicy, ReplyPolicy, RepostRef, Revision, Sensitive, Sight, Span,
    SpanKind, Visibility, spans,
};

pub use cached::{Cached, PostCache};
pub use postgres::PostgresPosts;
pub use sqlite::SqlitePosts;

/// The first post id there can never be.
pub const END: PostId = PostId(i64::MAX);

/// Up to so many marks come with a post, so that most pages need not ask who likes or keeps what.
pub const FEW_MARKS: i64 = 32;

/// How often a post can be edited.
pub const MAX_EDITS: i32 = 100;

/// How many posts of an account can be pinned.
pub const MAX_PINS: usize = 5;

/// A post that is to be published.
#[derive(Clone, Debug)]
pub struct NewPost {
    /// Who writes it.
    pub author: AccountId,
    /// The text, as written and checked.
    pub text: String,
    /// What was found in it.
    pub spans: Vec<Span>,
    /// Who may see it.
    pub visibility: Visibility,
    /// The post it replies to.
    pub reply_to: Option<PostId>,
    /// The post it quotes.
    pub quote_of: Option<PostId>,
    /// Who may quote it.
    pub quote_policy: QuotePolicy,
    /// Who may reply to it.
    pub reply_policy: ReplyPolicy,
    /// Whether it is to be shown on demand only, and what is shown instead.
    pub sensitive: Sensitive,
    /// A BCP 47 tag; empty if not said.
    pub language: String,
}

impl NewPost {
    /// A public post that answers nothing.
    #[must_use]
    pub fn new(author: AccountId, text: impl Into<String>) -> Self {
        let text = text.into();
        Self {
            author,
            spans: spans::parse(&text),
            text,
            visibility: Visibility::Public,
            reply_to: None,
            quote_of: None,
            quote_policy: QuotePolicy::Everyone,
            reply_policy: ReplyPolicy::Everyone,
            sensitive: Sensitive::default(),
            language: String::new(),
        }
    }

    /// The accounts that its mentions name, in their order; 0 for a mention of nobody.
    #[must_use]
    pub fn mentions(&self) -> Vec<AccountId> {
        let mentions = self.spans.iter().filter(|span| span.kind == SpanKind::Mention);
        mentions.map(|span| span.account.unwrap_or_default()).collect()
    }

    /// The post as it is right after it was published. Its mentions are those of its first publication.
    #[must_use]
    pub fn published(mut self, published: &Published) -> Post {
        let mentions = self.spans.iter_mut().filter(|span| span.kind == SpanKind::Mention);
        for (span, account) in mentions.zip(&published.mentions) {
            span.account = (account.get() != 0).then_some(*account);
        }
        Post {
            id: published.post,
            author: self.author,
            text: self.text,
            spans: self.spans,
            visibility: self.visibility,
            reply_to: self.reply_to,
            root: published.root,
            quote_of: self.quote_of,
            quote_policy: self.quote_policy,
            reply_policy: self.reply_policy,
            sensitive: self.sensitive,
            language: self.language,
            edits: Edits::default(),
            counts: Counts::default(),
            marks: None,
        }
    }
}

/// What publishing a post came to. Remembered with the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Published {
    /// The new post's id.
    pub post: PostId,
    /// The first post of its thread.
    pub root: PostId,
    /// The event's place in the outbox.
    pub position: Position,
    /// As [`NewPost::mentions`].
    #[serde(default)]
    pub mentions: Vec<AccountId>,
}

/// What deleting a post came to. Remembered with the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deleted {
    /// The event's place in the outbox.
    pub position: Position,
}

/// What a post is to say from now on.
#[derive(Clone, Debug)]
pub struct Edit {
    /// The post.
    pub post: PostId,
    /// Only a post of this account is edited.
    pub author: AccountId,
    /// The text, as written and checked.
    pub text: String,
    /// What was found in it.
    pub spans: Vec<Span>,
    /// Whether it is to be shown on demand only, and what is shown instead.
    pub sensitive: Sensitive,
    /// A BCP 47 tag; empty if not said.
    pub language: String,
}

/// What an edit came to. Remembered with the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edited {
    /// How often the post was edited by then.
    pub count: i32,
    /// When last, in milliseconds; `None` if never.
    pub at: Option<i64>,
    /// The event's place in the outbox; `None` if the post said so already.
    pub position: Option<Position>,
}

impl Edited {
    pub(crate) fn new(edits: Edits, position: Option<Position>) -> Self {
        Self { count: edits.count, at: edits.at.map(|at| at.0), position }
    }
}

/// What is set aside of a deleted post, for as long as it can be restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buried {
    /// The post.
    pub post: PostId,
    /// When it was deleted.
    pub at: Timestamp,
    /// What it said.
    pub text: String,
    /// What was shown instead; may be empty.
    pub warning: String,
    /// A BCP 47 tag; empty if not said.
    pub language: String,
    /// How often it was edited.
    pub edits: i32,
}

/// What bringing a post back came to. Remembered with the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// The event's place in the outbox.
    pub position: Position,
}

/// What pinning a post, or unpinning it, came to. Remembered with the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pinned {
    /// The event's place in the outbox; `None` if nothing changed.
    pub position: Option<Position>,
}

/// A post of an account, to be at the head of its profile or not.
#[derive(Clone, Copy, Debug)]
pub struct PinChange {
    /// The post.
    pub post: PostId,
    /// Only a post of this account is pinned.
    pub author: AccountId,
    /// Whether to pin it.
    pub set: bool,
}

/// Which posts a list by hashtag holds; tags as [`spans`] normalises them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags {
    /// With any of these, at least one.
    pub any: Vec<String>,
    /// With all of these.
    pub all: Vec<String>,
    /// With none of these.
    pub none: Vec<String>,
}

/// What a mark, or taking it back, came to. Remembered with the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marked {
    /// How many accounts mark the post so. An engine that adds up changes apart from the post may be behind here.
    #[serde(alias = "likes")]
    pub count: i64,
    /// Names the mark that is there, or that was; 0 if there was none.
    #[serde(default)]
    pub id: i64,
    /// The event's place in the outbox; `None` if nothing changed.
    pub position: Option<Position>,
}

/// An account's mark of a post, wanted or not.
#[derive(Clone, Copy, Debug)]
pub struct MarkChange {
    /// What kind of mark.
    pub mark: Mark,
    /// The post.
    pub post: PostId,
    /// Whose mark it is, or no longer is.
    pub account: AccountId,
    /// Whether to set it.
    pub set: bool,
}

/// A mark of an account or of a post, as lists of them hold it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place<T> {
    /// Names the mark; those set later have larger ids.
    pub id: i64,
    /// The account or the post at the mark's other end.
    pub of: T,
}

/// The truth about posts and their marks.
///
/// A method that changes something does it in one transaction with its events and, if the call carries a request's
/// identity, with the answer, which a repeated request gets again. What may be seen by whom is not decided here.
#[async_trait]
pub trait PostStore: Send + Sync + 'static {
    /// Publishes a post under a new id, which is higher than those of all posts that were published before the call began,
    /// by whichever process; posts of calls at the same time may lie in any order. The counts of what it replies to and
    /// quotes are exact once this returns. `REPLY_TARGET_NOT_FOUND`, field `reply_to_id`, or `QUOTE_TARGET_NOT_FOUND`,
    /// field `quote_of_id`, if that does not live.
    async fn publish(&self, cx: &Cx, post: NewPost) -> Result<Published>;

    /// Deletes a post of `author`: its text, spans, hashtags, counters and marks go, a tombstone stays, and what it
    /// replied to and quoted counts one less. `POST_NOT_FOUND` if no such post of this author lives. With a time of grace
    /// what is needed to restore it is set aside, where no reader finds it, and goes when that time is over.
    async fn delete(&self, cx: &Cx, author: AccountId, post: PostId) -> Result<Deleted>;

    /// Brings a post of `author` back that was deleted within the time of grace, with its marks and revisions, and exact
    /// counts; what it replies to and quotes counts one more. `POST_NOT_RESTORABLE` if there is no such post.
    async fn restore(&self, cx: &Cx, author: AccountId, post: PostId) -> Result<Restored>;

    /// Changes what a living post of `author` says, and keeps what it said. `POST_NOT_FOUND` if there is none,
    /// `TOO_MANY_EDITS` past [`MAX_EDITS`].
    async fn edit(&self, cx: &Cx, edit: Edit) -> Result<Edited>;

    /// Pins or unpins a living post of `author`; `POST_NOT_FOUND` if there is none, `TOO_MANY_PINS` past [`MAX_PINS`].
    async fn set_pin(&self, cx: &Cx, change: PinChange) -> Result<Pinned>;

    /// Sets or takes back a mark; `POST_NOT_FOUND` if the post does not live. The count becomes exact, at once or a
    /// little later: many likes of one post must not wait for one another.
    async fn set_mark(&self, cx: &Cx, change: MarkChange) -> Result<Marked>;

    /// What the call's request came to if it was answered before; for an answer to repeat whose conditions hold no more.
    async fn answered_publish(&self, cx: &Cx) -> Result<Option<Published>>;

    /// As [`PostStore::answered_publish`], for a mark.
    async fn answered_mark(&self, cx: &Cx) -> Result<Option<Marked>>;

    /// The living posts of these ids, in their order; `None` for others. An id may be named twice. Whether the marks of
    /// a post come with it is up to the engine; [`FEW_MARKS`] are few.
    async fn posts(&self, cx: &Cx, ids: &[PostId]) -> Result<Vec<Option<Arc<Post>>>>;

    /// How `account` marks these posts, in any order. For those that come without their marks.
    async fn marked(&self, cx: &Cx, account: AccountId, ids: &[PostId]) -> Result<Vec<(PostId, Mark)>>;

    /// The accounts that mark a post so, the last one first, below `before`, at most `limit`.
    async fn markers(
        &self,
        cx: &Cx,
        post: PostId,
        mark: Mark,
        before: Place<AccountId>,
        limit: usize,
    ) -> Result<Vec<Place<AccountId>>>;

    /// The posts that an account marks so, the last one first, below `before`, at most `limit`; some may be gone.
    async fn marked_by(
        &self,
        cx: &Cx,
        account: AccountId,
        mark: Mark,
        before: Place<PostId>,
        limit: usize,
    ) -> Result<Vec<Place<PostId>>>;

    /// The ids of the newest living posts below `before` that quote a post, falling, at most `limit`.
    async fn quotes(&self, cx: &Cx, post: PostId, before: PostId, limit: usize) -> Result<Vec<PostId>>;

    /// The ids of the newest living posts of `author` below `before` that `sight` shows, falling, at most `limit`.
    async fn ids_by_author(
        &self,
        cx: &Cx,
        author: AccountId,
        sight: Sight,
        before: PostId,
        limit: usize,
    ) -> Result<Vec<PostId>>;

    /// As [`PostStore::ids_by_author`], without those that reply to something.
    async fn openers_by_author(
        &self,
        cx: &Cx,
        author: AccountId,
        sight: Sight,
        before: PostId,
        limit: usize,
    ) -> Result<Vec<PostId>>;

    /// The posts that an account has pinned, the last one first.
    async fn pins(&self, cx: &Cx, account: AccountId) -> Result<Vec<PostId>>;

    /// The ids of the newest living public posts below `before` with these hashtags, falling, at most `limit`.
    async fn ids_by_hashtag(&self, cx: &Cx, tags: &Tags, before: PostId, limit: usize) -> Result<Vec<PostId>>;

    /// What is set aside of the newest deleted posts of an account below `before`, by falling id, at most `limit`.
    async fn graves(&self, cx: &Cx, account: AccountId, before: PostId, limit: usize) -> Result<Vec<Buried>>;

    /// What a living post, or one that can be restored, said before its edits number `before`, newest first, at most `limit`.
    async fn revisions(&self, cx: &Cx, post: PostId, before: i32, limit: usize) -> Result<Vec<Revision>>;

    /// A post, living or not, and what it replies to, upwards, at most `limit` places; none if there never was such.
    async fn ancestors(&self, cx: &Cx, post: PostId, limit: usize) -> Result<Vec<Node>>;

    /// The replies above `after` to each of `parents` (each named once), the living and the tombstones that are kept, by
    /// rising id, at most `limit` to each.
    async fn replies(&self, cx: &Cx, parents: &[PostId], after: PostId, limit: usize) -> Result<Vec<Node>>;

    /// The newest living posts of all `authors` (each named once) below `before`, falling, at most `limit`; fewer only
    /// if there are no more. Costs one look-up for each author and post, and keeps to the deadline.
    async fn refs(&self, cx: &Cx, authors: &[AccountId], before: PostId, limit: usize) -> Result<Vec<PostRef>>;

    /// As [`PostStore::refs`], for the reposts of living posts by all `accounts`, with repost ids below `before`.
    async fn repost_refs(
        &self,
        cx: &Cx,
        accounts: &[AccountId],
        before: PostId,
        limit: usize,
    ) -> Result<Vec<RepostRef>>;

    /// Deletes up to `limit` living posts of an account that is gone, as [`PostStore::delete`] does but without grace, and
    /// what is set aside of deleted ones; returns how many.
    /// From then on the account's writes are refused with `ACCOUNT_NOT_FOUND`.
    async fn erase_posts(&self, cx: &Cx, account: AccountId, limit: usize) -> Result<usize>;

    /// Takes back up to `limit` marks of an account that is gone; returns how many. Its writes are refused, too.
    async fn erase_marks(&self, cx: &Cx, account: AccountId, limit: usize) -> Result<usize>;

    /// Up to `limit` accounts after `after`, rising, that posts or marks are held of. Fewer than `limit` does not
    /// mean the end, nothing does.
    async fn held(&self, cx: &Cx, after: AccountId, limit: usize) -> Result<Vec<AccountId>>;

    /// Those of `accounts` that posts or marks are held of, in any order.
    async fn held_among(&self, cx: &Cx, accounts: &[AccountId]) -> Result<Vec<AccountId>>;

    /// Deletes a bounded number of remembered answers over 24 hours old, of deleted posts that are past their time of grace, and of marks that deletions
    /// left over; returns
    /// how many.
    async fn prune(&self, cx: &Cx) -> Result<usize>;

    /// The counters of a living post, counted anew from marks, replies and quotes: for audits and tests.
    async fn recount(&self, cx: &Cx, post: PostId) -> Result<Option<Counts>>;

    /// The events of its writes, for the relay.
    fn outbox(&self) -> Arc<dyn Outbox>;

    /// Whether the store answers; asked about every second. Errors: `STORE_UNAVAILABLE`.
    async fn ping(&self, cx: &Cx) -> Result<()>;

    /// Figures for metrics.
    fn observe(&self) -> Vec<Gauge>;

    /// Finishes what waits, and closes.
    async fn close(&self);
}

/// What a commit changed.
#[derive(Clone, Debug, Default)]
pub struct Changed {
    /// These posts are not what they were.
    pub posts: Vec<PostId>,
    /// These authors have other posts than before.
    pub authors: Vec<AccountId>,
}

/// Told by an engine what a commit changed, after the commit and before the answer, also when nobody waits for the
/// answer any more. Must be quick.
pub trait Changes: Send + Sync + 'static {
    /// Something was changed.
    fn changed(&self, changed: &Changed);
}
