//! The graph's store: one trait, its engines, and the cache in front of them.
//!
//! Every engine passes [`conformance`].

pub mod cached;
pub mod conformance;
pub mod neo4j;
pub mod sqlite;

use std::sync::Arc;

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, Result, Timestamp};
use plaza_events::Outbox;
use plaza_stores::Gauge;

use crate::domain::{
    Action, Arm, Circle, Common, Counts, Direction, Edge, EdgeKey, Familiar, List, Muted, OwnWrite, OwnWritten, Path,
    Reach, Relation, Suggestion, Tag, Word, Write, Written,
};

pub use cached::CachedGraph;
pub use neo4j::Neo4jGraph;
pub use sqlite::SqliteGraph;

/// What an engine calls after each commit, and before it answers, with the accounts whose edges changed; also when the
/// caller is gone by then. Calling it for an account that did not change is fine.
pub type OnChange = Arc<dyn Fn(&[AccountId]) + Send + Sync>;

/// Holds follows, requests to follow, blocks, mutes, counts and the outbox that tells of their changes.
///
/// Each write is one transaction: check, rows, counts, events, and the remembered answer under `cx.request()`. Whatever
/// runs at once, no follow stands across a block, and counts equal the follows there are. Doing something twice changes
/// nothing and tells nothing.
#[async_trait]
pub trait GraphStore: Send + Sync + 'static {
    /// Changes how the actor stands to the target.
    ///
    /// Errors: of what makes a new edge, `ACCOUNT_NOT_FOUND` if the target does not exist or either was erased, and
    /// `LIMIT_REACHED`; of a follow, `BLOCKED` if either blocks the other; of an answer, `FOLLOW_REQUEST_NOT_FOUND` if
    /// there is neither request nor follow. What ends an edge is never refused.
    async fn change(&self, cx: &Cx, action: Action, write: Write) -> Result<Written>;

    /// Makes the actor follow the target, or ask it if it is protected.
    async fn follow(&self, cx: &Cx, write: Write) -> Result<Written> {
        self.change(cx, Action::Follow, write).await
    }

    /// Ends the actor's follow of the target.
    async fn unfollow(&self, cx: &Cx, write: Write) -> Result<Written> {
        self.change(cx, Action::Unfollow, write).await
    }

    /// Makes the actor block the target, and ends follows and requests both ways.
    async fn block(&self, cx: &Cx, write: Write) -> Result<Written> {
        self.change(cx, Action::Block, write).await
    }

    /// Lifts the actor's block of the target.
    async fn unblock(&self, cx: &Cx, write: Write) -> Result<Written> {
        self.change(cx, Action::Unblock, write).await
    }

    /// How the viewer stands to each of `others`, in their order; all false for an unknown one. A mute among them may have
    /// run out: see [`Relation::at`].
    async fn relations(&self, cx: &Cx, viewer: AccountId, others: &[AccountId]) -> Result<Vec<Relation>>;

    /// All edges of an account as of one moment; a side of more than `limit` is large.
    async fn circle(&self, cx: &Cx, account: AccountId, limit: usize) -> Result<Circle>;

    /// The counts of each of `accounts`, in their order; zeros for an unknown one.
    async fn counts(&self, cx: &Cx, accounts: &[AccountId]) -> Result<Vec<Counts>>;

    /// Up to `limit` follows of an account that come after `after`, newest first.
    async fn edges(
        &self,
        cx: &Cx,
        account: AccountId,
        way: Direction,
        after: EdgeKey,
        limit: usize,
    ) -> Result<Vec<Edge>>;

    /// Up to `limit` ids above `after` of those at the other ends of an account's follows, by rising id.
    async fn ids(
        &self,
        cx: &Cx,
        account: AccountId,
        way: Direction,
        after: AccountId,
        limit: usize,
    ) -> Result<Vec<AccountId>>;

    /// Up to `limit` accounts that an account blocks, of those that come after `after`, newest block first.
    async fn blocks(&self, cx: &Cx, account: AccountId, after: EdgeKey, limit: usize) -> Result<Vec<Edge>>;

    /// Up to `limit` accounts that wait for an account's answer, of those that come after `after`, newest request first.
    async fn requests(&self, cx: &Cx, account: AccountId, after: EdgeKey, limit: usize) -> Result<Vec<Edge>>;

    /// Up to `limit` accounts above `after` whose answer an account waits for, by rising id.
    async fn requested(&self, cx: &Cx, account: AccountId, after: AccountId, limit: usize) -> Result<Vec<Edge>>;

    /// Up to `limit` accounts that an account mutes at `now`, of those that come after `after`, newest mute first.
    async fn mutes(
        &self,
        cx: &Cx,
        account: AccountId,
        now: Timestamp,
        after: EdgeKey,
        limit: usize,
    ) -> Result<Vec<Muted>>;

    /// The accounts above `after` that stand on both arms, of the next `scan` that stand on the first.
    async fn common(&self, cx: &Cx, one: Arm, other: Arm, after: AccountId, scan: usize) -> Result<Common>;

    /// For each of `accounts` a few of those whom the viewer follows and who follow it, newest follow first.
    async fn familiar(
        &self,
        cx: &Cx,
        viewer: AccountId,
        accounts: &[AccountId],
        bounds: Familiar,
    ) -> Result<Vec<Vec<AccountId>>>;

    /// A shortest way along follows from one account to another, which does not lead over accounts that the first blocks or
    /// that block it.
    async fn path(&self, cx: &Cx, from: AccountId, to: AccountId) -> Result<Path>;

    /// Up to `limit` accounts that an account may want to follow, best first, without itself and those that it follows or
    /// asked, mutes at `now` or dismissed, or that either blocks.
    async fn suggestions(
        &self,
        cx: &Cx,
        account: AccountId,
        now: Timestamp,
        reach: Reach,
        limit: usize,
    ) -> Result<Vec<Suggestion>>;

    /// Changes what an account keeps for itself.
    ///
    /// Errors: `LIMIT_REACHED`; `ACCOUNT_NOT_FOUND` if the account was erased; of lists, `LIST_NOT_FOUND` unless the account
    /// owns it, and `NOT_FOLLOWED` with the first account to be added that it does not follow.
    async fn own(&self, cx: &Cx, write: OwnWrite) -> Result<OwnWritten>;

    /// Up to `limit` hashtags that an account follows, with ids below `before`, newest first.
    async fn tags(&self, cx: &Cx, account: AccountId, before: i64, limit: usize) -> Result<Vec<Tag>>;

    /// Up to `limit` words that an account mutes at `now`, with ids below `before`, newest first.
    async fn words(&self, cx: &Cx, account: AccountId, now: Timestamp, before: i64, limit: usize) -> Result<Vec<Word>>;

    /// The list, if there is one.
    async fn list(&self, cx: &Cx, list: i64) -> Result<Option<List>>;

    /// Up to `limit` lists of an account with ids below `before`, newest first; all, or those that are public.
    async fn lists(
        &self,
        cx: &Cx,
        account: AccountId,
        only_public: bool,
        before: i64,
        limit: usize,
    ) -> Result<Vec<List>>;

    /// Up to `limit` accounts above `after` that an account wants suggested no more, by rising id.
    async fn dismissed(&self, cx: &Cx, account: AccountId, after: AccountId, limit: usize) -> Result<Vec<AccountId>>;

    /// Up to `limit` accounts above `after` that are on a list, by rising id.
    async fn members(&self, cx: &Cx, list: i64, after: AccountId, limit: usize) -> Result<Vec<AccountId>>;

    /// Erases up to `limit` edges of an account that is gone, and refuses new ones from the first call on; returns how
    /// many it erased. Fewer than `limit` means that nothing is left.
    async fn erase(&self, cx: &Cx, account: AccountId, limit: usize) -> Result<usize>;

    /// Up to `limit` accounts above `after` that have edges, by rising id.
    async fn held(&self, cx: &Cx, after: AccountId, limit: usize) -> Result<Vec<AccountId>>;

    /// Those of `accounts` that have edges, by rising id.
    async fn held_among(&self, cx: &Cx, accounts: &[AccountId]) -> Result<Vec<AccountId>>;

    /// Forgets a bounded number of answers and of mutes that are past their time; returns how many.
    async fn prune(&self, cx: &Cx) -> Result<usize>;

    /// The outbox, for the relay.
    fn outbox(&self) -> Arc<dyn Outbox>;

    /// Whether the store answers; asked about every second. Errors: `STORE_UNAVAILABLE`.
    async fn ping(&self, cx: &Cx) -> Result<()>;

    /// What it reports about itself.
    fn observe(&self) -> Vec<Gauge>;

    /// Finishes what is under way and lets go of the store.
    async fn close(&self);
}
