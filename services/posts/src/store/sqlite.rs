//! The embedded engine.

mod drafts;
mod edits;
mod erase;
mod marks;
mod pins;
mod polls;
mod prune;
mod reads;
mod refs;
mod rows;
#[cfg(test)]
mod tests;
mod threads;
mod writes;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, Env, PostId, Result, Timestamp};
use plaza_events::{Outbox, SqliteOutbox, outbox};
use plaza_stores::{Gauge, Migration, Sqlite, StoreAddress, requests};
use rusqlite::Connection;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::lists::List;
use super::{
    Buried, Changed, Changes, Deleted, Draft, DraftChange, Drafted, Edit, Edited, MarkChange, Marked, NewPost, Only,
    PinChange, Pinned, Place, PostStore, Published, Restored, Tagged, Tags, Vote, Voted,
};
use crate::NAME;
use crate::domain::{Choices, Counts, Mark, Node, Post, PostRef, RepostRef, Results, Revision, Sight};
use writes::Write;

/// The schema's steps.
const MIGRATIONS: &[Migration] = &[
    Migration { name: "0001_posts", sql: include_str!("../../migrations/sqlite/0001_posts.sql") },
    Migration { name: "0002_requests", sql: requests::SCHEMA },
    Migration { name: "0003_outbox", sql: outbox::sqlite::SCHEMA },
    Migration { name: "0004_marks", sql: include_str!("../../migrations/sqlite/0004_marks.sql") },
    Migration { name: "0005_audience", sql: include_str!("../../migrations/sqlite/0005_audience.sql") },
    Migration { name: "0006_threads", sql: include_str!("../../migrations/sqlite/0006_threads.sql") },
    Migration { name: "0007_drafts", sql: include_str!("../../migrations/sqlite/0007_drafts.sql") },
    Migration { name: "0008_polls", sql: include_str!("../../migrations/sqlite/0008_polls.sql") },
    Migration { name: "0009_media", sql: include_str!("../../migrations/sqlite/0009_media.sql") },
];

/// Posts in a SQLite file.
pub struct SqlitePosts {
    db: Sqlite,
    env: Env,
    changes: Arc<dyn Changes>,
    /// How long a deleted post can be restored, in milliseconds.
    grace: i64,
}

impl SqlitePosts {
    /// Opens the store and brings its schema up to date. Blocks; for start-up.
    ///
    /// # Errors
    /// As [`Sqlite::open`].
    pub fn open(address: &StoreAddress, env: Env, changes: Arc<dyn Changes>) -> Result<Self> {
        Ok(Self { db: Sqlite::at(address, MIGRATIONS)?, env, changes, grace: 0 })
    }

    /// Lets deleted posts be restored for so long.
    #[must_use]
    pub fn with_grace(mut self, grace: Duration) -> Self {
        self.grace = i64::try_from(grace.as_millis()).unwrap_or(i64::MAX);
        self
    }

    /// Runs `job` in a transaction, once for the call's request, and reports the posts that it changed.
    async fn change<T>(&self, cx: &Cx, job: impl FnOnce(&mut Write<'_>) -> Result<T> + Send + 'static) -> Result<T>
    where
        T: Serialize + DeserializeOwned + Send + 'static,
    {
        let (env, changes) = (self.env.clone(), self.changes.clone());
        let (key, trace, grace) = (cx.request().cloned(), cx.trace(), self.grace);
        let write = move |conn: &Connection| {
            let mut write = Write { conn, env: &env, trace, grace, changed: Changed::default() };
            let outcome = requests::once(conn, key.as_ref(), env.now(), || job(&mut write))?;
            Ok((outcome, write.changed))
        };
        let (outcome, _) = self.db.write_then(cx, write, move |(_, changed)| changes.changed(changed)).await?;
        Ok(outcome)
    }

    async fn answered<T: DeserializeOwned>(&self, cx: &Cx) -> Result<Option<T>> {
        let now = self.env.now();
        self.db.read(cx, |conn| requests::recall(conn, cx.request(), now)).await
    }
}

#[async_trait]
impl PostStore for SqlitePosts {
    async fn publish(&self, cx: &Cx, post: NewPost) -> Result<Published> {
        self.change(cx, move |write| write.publish(&post)).await
    }

    async fn delete(&self, cx: &Cx, author: AccountId, post: PostId) -> Result<Deleted> {
        self.change(cx, move |write| write.delete(author, post)).await
    }

    async fn set_mark(&self, cx: &Cx, change: MarkChange) -> Result<Marked> {
        self.change(cx, move |write| write.set_mark(change)).await
    }

    async fn answered_publish(&self, cx: &Cx) -> Result<Option<Published>> {
        self.answered(cx).await
    }

    async fn vote(&self, cx: &Cx, vote: Vote) -> Result<Voted> {
        self.change(cx, move |write| write.vote(vote)).await
    }

    async fn answered_vote(&self, cx: &Cx) -> Result<Option<Voted>> {
        self.answered(cx).await
    }

    async fn votes(&self, cx: &Cx, account: AccountId, ids: &[PostId]) -> Result<Vec<(PostId, Choices)>> {
        self.db.read(cx, |conn| polls::votes(conn, account, ids)).await
    }

    async fn votes_of(
        &self,
        cx: &Cx,
        account: AccountId,
        before: PostId,
        limit: usize,
    ) -> Result<Vec<(PostId, Choices)>> {
        self.db.read(cx, |conn| polls::votes_of(conn, account, before, limit)).await
    }

    async fn recount_poll(&self, cx: &Cx, post: PostId) -> Result<Option<Results>> {
        self.db.read(cx, |conn| polls::recount(conn, post)).await
    }

    async fn answered_mark(&self, cx: &Cx) -> Result<Option<Marked>> {
        self.answered(cx).await
    }

    async fn posts(&self, cx: &Cx, ids: &[PostId]) -> Result<Vec<Option<Arc<Post>>>> {
        self.db.read(cx, |conn| reads::posts(conn, ids)).await
    }

    async fn marked(&self, cx: &Cx, account: AccountId, ids: &[PostId]) -> Result<Vec<(PostId, Mark)>> {
        self.db.read(cx, |conn| marks::marked(conn, account, ids)).await
    }

    async fn markers(
        &self,
        cx: &Cx,
        post: PostId,
        mark: Mark,
        before: Place<AccountId>,
        limit: usize,
    ) -> Result<Vec<Place<AccountId>>> {
        self.db.read(cx, |conn| marks::markers(conn, post, mark, before, limit)).await
    }

    async fn marked_by(
        &self,
        cx: &Cx,
        account: AccountId,
        mark: Mark,
        before: Place<PostId>,
        limit: usize,
    ) -> Result<Vec<Place<PostId>>> {
        self.db.read(cx, |conn| marks::marked_by(conn, account, mark, before, limit)).await
    }

    async fn quotes(&self, cx: &Cx, post: PostId, before: PostId, limit: usize) -> Result<Vec<PostId>> {
        self.db.read(cx, |conn| reads::quotes(conn, post, before, limit)).await
    }

    async fn ids_by_author(
        &self,
        cx: &Cx,
        author: AccountId,
        sight: Sight,
        before: PostId,
        limit: usize,
    ) -> Result<Vec<PostId>> {
        self.db.read(cx, |conn| reads::ids_by_author(conn, author, sight, before, limit)).await
    }

    async fn restore(&self, cx: &Cx, author: AccountId, post: PostId) -> Result<Restored> {
        self.change(cx, move |write| write.restore(author, post)).await
    }

    async fn edit(&self, cx: &Cx, edit: Edit) -> Result<Edited> {
        self.change(cx, move |write| write.edit(&edit)).await
    }

    async fn set_pin(&self, cx: &Cx, change: PinChange) -> Result<Pinned> {
        self.change(cx, move |write| write.set_pin(change)).await
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
        self.db.read(cx, |conn| reads::some_by_author(conn, author, sight, only, before, limit)).await
    }

    async fn pins(&self, cx: &Cx, account: AccountId) -> Result<Vec<PostId>> {
        self.db.read(cx, |conn| pins::of(conn, account)).await
    }

    async fn ids_by_hashtag(&self, cx: &Cx, tags: &Tags, before: PostId, limit: usize, scan: usize) -> Result<Tagged> {
        self.db.read(cx, |conn| reads::ids_by_hashtag(conn, tags, before, limit, scan)).await
    }

    async fn graves(&self, cx: &Cx, account: AccountId, before: PostId, limit: usize) -> Result<Vec<Buried>> {
        self.db.read(cx, |conn| edits::graves(conn, account, before, limit)).await
    }

    async fn revisions(&self, cx: &Cx, post: PostId, before: i32, limit: usize) -> Result<Vec<Revision>> {
        self.db.read(cx, |conn| edits::revisions(conn, post, before, limit)).await
    }

    async fn ancestors(&self, cx: &Cx, post: PostId, limit: usize) -> Result<Vec<Node>> {
        self.db.read(cx, |conn| threads::ancestors(conn, post, limit)).await
    }

    async fn replies(&self, cx: &Cx, parents: &[PostId], after: PostId, limit: usize) -> Result<Vec<Node>> {
        self.db.read(cx, |conn| threads::replies(conn, parents, after, limit)).await
    }

    async fn change_draft(&self, cx: &Cx, change: DraftChange) -> Result<Drafted> {
        self.change(cx, move |write| write.change_draft(&change)).await
    }

    async fn answered_draft(&self, cx: &Cx) -> Result<Option<Drafted>> {
        self.answered(cx).await
    }

    async fn fail_draft(&self, cx: &Cx, draft: &Draft, failure: &str) -> Result<()> {
        let (account, draft, failure) = (draft.account, draft.version(), failure.to_owned());
        self.db.write(cx, move |conn| drafts::fail(conn, account, draft, &failure)).await
    }

    async fn drafts(&self, cx: &Cx, account: AccountId, before: i64, limit: usize) -> Result<Vec<Draft>> {
        self.db.read(cx, |conn| drafts::of(conn, account, before, limit)).await
    }

    async fn due(&self, cx: &Cx, now: Timestamp, after: Option<&Draft>, limit: usize) -> Result<Vec<Draft>> {
        self.db.read(cx, |conn| drafts::due(conn, now, after, limit)).await
    }

    async fn refs(&self, cx: &Cx, authors: &[AccountId], before: PostId, limit: usize) -> Result<Vec<PostRef>> {
        let refs = refs::newest(&self.db, cx, List::Posts, authors, before, limit).await?;
        Ok(refs.into_iter().map(PostRef::from).collect())
    }

    async fn repost_refs(
        &self,
        cx: &Cx,
        accounts: &[AccountId],
        before: PostId,
        limit: usize,
    ) -> Result<Vec<RepostRef>> {
        let refs = refs::newest(&self.db, cx, List::Reposts, accounts, before, limit).await?;
        Ok(refs.into_iter().map(RepostRef::from).collect())
    }

    async fn erase_posts(&self, cx: &Cx, account: AccountId, limit: usize) -> Result<usize> {
        self.change(cx, move |write| write.erase_posts(account, limit)).await
    }

    async fn erase_marks(&self, cx: &Cx, account: AccountId, limit: usize) -> Result<usize> {
        self.change(cx, move |write| write.erase_marks(account, limit)).await
    }

    async fn erase_votes(&self, cx: &Cx, account: AccountId, limit: usize) -> Result<usize> {
        self.change(cx, move |write| write.erase_votes(account, limit)).await
    }

    async fn held(&self, cx: &Cx, after: AccountId, limit: usize) -> Result<Vec<AccountId>> {
        self.db.read(cx, |conn| erase::held(conn, after, limit)).await
    }

    async fn held_among(&self, cx: &Cx, accounts: &[AccountId]) -> Result<Vec<AccountId>> {
        self.db.read(cx, |conn| erase::held_among(conn, accounts)).await
    }

    async fn prune(&self, cx: &Cx) -> Result<usize> {
        let (now, grace) = (self.env.now(), self.grace);
        self.db.write(cx, move |conn| prune::some(conn, now, now.plus_ms(-grace))).await
    }

    async fn recount(&self, cx: &Cx, post: PostId) -> Result<Option<Counts>> {
        self.db.read(cx, |conn| reads::recount(conn, post)).await
    }

    fn outbox(&self) -> Arc<dyn Outbox> {
        Arc::new(SqliteOutbox::new(NAME, self.db.clone()))
    }

    async fn ping(&self, cx: &Cx) -> Result<()> {
        self.db.ping(cx).await
    }

    fn observe(&self) -> Vec<Gauge> {
        self.db.observe()
    }

    async fn close(&self) {
        self.db.close().await;
    }
}
