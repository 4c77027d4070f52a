//! The store of home feeds. All in it is derived: losing any of it makes reads slower, never wrong. Read positions, which
//! are truth, have a store of their own: [`positions`].

#[cfg(test)]
mod conformance;
pub mod faulty;
pub mod memory;
pub mod positions;
pub mod postgres;
pub mod redis;
pub mod sqlite;

use std::collections::HashSet;
use std::sync::Arc;

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, PostId, RequestKey, Result};
use plaza_stores::Gauge;

use crate::domain::{Entry, Page, Window};

/// A build under way; see [`FeedStore::begin_build`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket(pub u64);

/// What a reader gets of a warm feed.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The part of the window that was asked for.
    pub page: Page,
    /// The authors that are pulled; whoever's posts the window lacks for that reason is among them.
    pub celebrities: Arc<HashSet<AccountId>>,
}

/// Windows of feeds, by the account that reads them.
///
/// A feed is *cold* (nothing is held) or *warm* (a [`Window`] is held). What is written to a cold feed is dropped, so
/// that it never looks whole when it is not; a build makes it warm. The store may make any feed cold at any time: to keep
/// within its bounds, or because its owner has not read it for long.
///
/// Every write is idempotent. Calls answer or fail well before the context's deadline, since a reader has another way.
#[async_trait]
pub trait FeedStore: Send + Sync + 'static {
    /// Up to `limit` entries below `before` (`None` for the newest), and notes that the owner reads. `None` if cold.
    async fn page(&self, cx: &Cx, owner: AccountId, before: Option<PostId>, limit: usize) -> Result<Option<Reading>>;

    /// The windows of these owners, in order, `None` for a cold one; for audits, does not count as reading.
    async fn windows(&self, cx: &Cx, owners: &[AccountId]) -> Result<Vec<Option<Window>>>;

    /// Those of `owners` whose feed is warm or being built, in order.
    async fn held(&self, cx: &Cx, owners: &[AccountId]) -> Result<Vec<AccountId>>;

    /// Whether it is sure that every feed is cold and none is being built, so that there is nobody to write for.
    async fn is_idle(&self, _cx: &Cx) -> Result<bool> {
        Ok(false)
    }

    /// Puts every entry into the feed of every owner: a warm feed takes it in and is trimmed to the cap; a build under
    /// way takes it in when it finishes; a cold feed drops it.
    async fn push(&self, cx: &Cx, owners: &[AccountId], entries: &[Entry]) -> Result<()>;

    /// Takes deleted posts out of the feeds of these owners, and keeps builds under way from bringing them back.
    async fn remove(&self, cx: &Cx, owners: &[AccountId], posts: &[PostId]) -> Result<()>;

    /// Takes authors into a warm feed that was not pushed their posts: `entries` are all their posts down to `floor`, and
    /// the floor of the feed is not below it afterwards. A build under way fails, for it may not have known of them.
    async fn merge(&self, cx: &Cx, owner: AccountId, entries: &[Entry], floor: PostId) -> Result<()>;

    /// Takes what authors wrote out of a feed. A build under way fails, for it may put it in again.
    async fn purge(&self, cx: &Cx, owner: AccountId, authors: &[AccountId]) -> Result<()>;

    /// Starts a build. From now on pushes and removals are kept for it as well. Call it before reading the truth. An
    /// earlier build of the same feed fails; the window that is held, if any, goes on serving.
    async fn begin_build(&self, cx: &Cx, owner: AccountId) -> Result<Ticket>;

    /// Ends a build: the feed becomes what was read from the truth with what happened meanwhile. `entries` are complete
    /// down to `floor`. Returns how many entries it has now; `None` if the build failed and nothing was changed.
    async fn finish_build(
        &self,
        cx: &Cx,
        owner: AccountId,
        ticket: Ticket,
        entries: &[Entry],
        floor: PostId,
    ) -> Result<Option<usize>>;

    /// Makes these feeds cold, and builds under way fail.
    async fn drop_feeds(&self, cx: &Cx, owners: &[AccountId]) -> Result<()>;

    /// Marks authors as pulled, not pushed, from now on. The mark stays for as long as any feed that is warm now: a store
    /// that loses it makes every feed cold and every build under way fail.
    async fn mark_celebrities(&self, cx: &Cx, authors: &[AccountId]) -> Result<()>;

    /// The authors that are pulled, as of this call, whichever replica marked them. Posts that were written before it may
    /// be held back from feeds.
    async fn celebrities(&self, cx: &Cx) -> Result<Arc<HashSet<AccountId>>>;

    /// The answer that was given to this request.
    ///
    /// # Errors
    /// `REQUEST_ID_REUSED` if another request had its id.
    async fn answered(&self, cx: &Cx, request: &RequestKey) -> Result<Option<usize>>;

    /// Remembers the answer to a request, for [`plaza_core::request::REMEMBERED_MS`] or until there is no room.
    async fn remember(&self, cx: &Cx, request: &RequestKey, entries: usize) -> Result<()>;

    /// Whether the store answers; asked about every second. Errors: `STORE_UNAVAILABLE`.
    async fn ping(&self, cx: &Cx) -> Result<()>;

    /// Figures about it.
    fn observe(&self) -> Vec<Gauge>;
}
