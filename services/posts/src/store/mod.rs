//! Where posts are kept. Every engine passes [`conformance`].

mod cached;
mod columns;
pub mod conformance;
mod lists;
mod postgres;
mod sqlite;
mod values;

use std::sync::Arc;

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, PostId, Result, Timestamp};
use plaza_events::Outbox;
use plaza_stores::Gauge;

use crate::domain::{Choices, Counts, Mark, Node, Post, PostRef, RepostRef, Results, Revision, Sight};

pub use cached::{Cached, PostCache};
pub use postgres::PostgresPosts;
pub use sqlite::SqlitePosts;
pub use values::{
    Buried, Deleted, Draft, DraftChange, DraftVersion, DraftWork, Drafted, Edit, Edited, Kept, MarkChange, Marked,
    NewPost, Only, PinChange, Pinned, Place, Published, Restored, Tagged, Tags, Vote, Voted,
};

/// The first post id there can never be.
pub const END: PostId = PostId(i64::MAX);

/// Up to so many marks come with a post, so that most pages need not ask who likes or keeps what.
pub const FEW_MARKS: i64 = 32;

/// How often a post can be edited.
pub const MAX_EDITS: i32 = 100;

/// How many posts of an account can be pinned.
pub const MAX_PINS: usize = 5;

/// The truth about posts and their marks.
///
/// A method that changes something does it in one transaction with its events and, if the call carries a request's
/// identity, with the answer, which a repeated request gets again. What may be seen by whom is not decided here.
#[async_trait]
pub trait PostStore: Send + Sync + 'static {
    /// Publishes a post under a new id, which is higher than those of all posts that were published before the call began,
    /// by whichever process; posts of calls at the same time may lie in any order. The counts of what it replies to and
    /// quotes are exact once this returns, and the draft that it comes from is gone. `REPLY_TARGET_NOT_FOUND`, field
    /// `reply_to_id`, or `QUOTE_TARGET_NOT_FOUND`, field `quote_of_id`, if that does not live; `DRAFT_NOT_FOUND` if the
    /// author has no such draft, `WRITE_CONFLICT` if it was replaced.
    async fn publish(&self, cx: &Cx, post: NewPost) -> Result<Published>;

    /// Deletes a post of `author`: its text, spans, hashtags, counters and marks go, a tombstone stays, and what it
    /// replied to and quoted counts one less. `POST_NOT_FOUND` if no such post of this author lives. With a time of grace
    /// what is needed to restore it is set aside, where no reader finds it, and goes when that time is over.
    async fn delete(&self, cx: &Cx, author: AccountId, post: PostId) -> Result<Deleted>;

    /// Brings a post of `author` back that was deleted within the time of grace, with its marks and revisions, and exact
    /// counts; what it replies to and quotes counts one more. `POST_NOT_RESTORABLE` if there is no such post.
    async fn restore(&self, cx: &Cx, author: AccountId, post: PostId) -> Result<Restored>;

    /// Changes what a living post of `author` says, and keeps what it said. `POST_NOT_FOUND` if there is none,
    /// `TOO_MANY_EDITS` past [`MAX_EDITS`], `POLL_HAS_VOTES` for another text where somebody has voted.
    async fn edit(&self, cx: &Cx, edit: Edit) -> Result<Edited>;

    /// Pins or unpins a living post of `author`; `POST_NOT_FOUND` if there is none, `TOO_MANY_PINS` past [`MAX_PINS`].
    async fn set_pin(&self, cx: &Cx, change: PinChange) -> Result<Pinned>;

    /// Makes, replaces or deletes a draft, which is told to nobody: there is no event. `DRAFT_NOT_FOUND` if the account has
    /// no such one, `TOO_MANY_DRAFTS` if it has as many as it may.
    async fn change_draft(&self, cx: &Cx, change: DraftChange) -> Result<Drafted>;

    /// As [`PostStore::answered_publish`], for a change of a draft.
    async fn answered_draft(&self, cx: &Cx) -> Result<Option<Drafted>>;

    /// Notes why a draft could not be published at its time, and takes its time away, unless it was replaced.
    async fn fail_draft(&self, cx: &Cx, draft: &Draft, failure: &str) -> Result<()>;

    /// An account's drafts below `before`, the last one made first, at most `limit`.
    async fn drafts(&self, cx: &Cx, account: AccountId, before: i64, limit: usize) -> Result<Vec<Draft>>;

    /// Drafts whose time has come by `now`, the longest due first, beyond `after` in that order, at most `limit`.
    async fn due(&self, cx: &Cx, now: Timestamp, after: Option<&Draft>, limit: usize) -> Result<Vec<Draft>>;

    /// Sets or takes back a mark; `POST_NOT_FOUND` if the post does not live. The count becomes exact, at once or a
    /// little later: many likes of one post must not wait for one another.
    async fn set_mark(&self, cx: &Cx, change: MarkChange) -> Result<Marked>;

    /// Takes a vote in, exactly counted once this returns. `POST_NOT_FOUND` if the post does not live, `POLL_NOT_FOUND` if
    /// it asks nothing, `ALREADY_VOTED`, `POLL_CLOSED`.
    async fn vote(&self, cx: &Cx, vote: Vote) -> Result<Voted>;

    /// What the call's request came to if it was answered before; for an answer to repeat whose conditions hold no more.
    async fn answered_publish(&self, cx: &Cx) -> Result<Option<Published>>;

    /// As [`PostStore::answered_publish`], for a mark.
    async fn answered_mark(&self, cx: &Cx) -> Result<Option<Marked>>;

    /// As [`PostStore::answered_publish`], for a vote.
    async fn answered_vote(&self, cx: &Cx) -> Result<Option<Voted>>;

    /// What `account` voted for in the polls of these posts, in any order.
    async fn votes(&self, cx: &Cx, account: AccountId, ids: &[PostId]) -> Result<Vec<(PostId, Choices)>>;

    /// The newest posts below `before` in whose polls `account` voted, by falling id, and what for, at most `limit`; some
    /// may be gone.
    async fn votes_of(
        &self,
        cx: &Cx,
        account: AccountId,
        before: PostId,
        limit: usize,
    ) -> Result<Vec<(PostId, Choices)>>;

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

    /// As [`PostStore::ids_by_author`], of some kind only.
    async fn some_by_author(
        &self,
        cx: &Cx,
        author: AccountId,
        sight: Sight,
        only: Only,
        before: PostId,
        limit: usize,
    ) -> Result<Vec<PostId>>;

    /// The posts that an account has pinned, the last one first.
    async fn pins(&self, cx: &Cx, account: AccountId) -> Result<Vec<PostId>>;

    /// The ids of the newest living public posts below `before` with these hashtags, at most `limit`, found among the
    /// `scan` newest under each tag of which a post may have any.
    async fn ids_by_hashtag(&self, cx: &Cx, tags: &Tags, before: PostId, limit: usize, scan: usize) -> Result<Tagged>;

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
    /// what is set aside of deleted ones; returns how many. Its drafts go at once.
    /// From then on the account's writes are refused with `ACCOUNT_NOT_FOUND`.
    async fn erase_posts(&self, cx: &Cx, account: AccountId, limit: usize) -> Result<usize>;

    /// Takes back up to `limit` marks of an account that is gone; returns how many. Its writes are refused, too.
    async fn erase_marks(&self, cx: &Cx, account: AccountId, limit: usize) -> Result<usize>;

    /// Takes back up to `limit` votes of an account that is gone; returns how many. Its writes are refused, too.
    async fn erase_votes(&self, cx: &Cx, account: AccountId, limit: usize) -> Result<usize>;

    /// Up to `limit` accounts after `after`, rising, that posts, drafts, marks or votes are held of. Fewer than `limit` does not
    /// mean the end, nothing does.
    async fn held(&self, cx: &Cx, after: AccountId, limit: usize) -> Result<Vec<AccountId>>;

    /// Those of `accounts` that posts, drafts, marks or votes are held of, in any order.
    async fn held_among(&self, cx: &Cx, accounts: &[AccountId]) -> Result<Vec<AccountId>>;

    /// Deletes a bounded number of remembered answers over 24 hours old, of deleted posts that are past their time of grace, and of marks that deletions
    /// left over; returns
    /// how many.
    async fn prune(&self, cx: &Cx) -> Result<usize>;

    /// The results of the poll of a post, counted anew from votes: for audits and tests.
    async fn recount_poll(&self, cx: &Cx, post: PostId) -> Result<Option<Results>>;

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
