//! The engine for several processes: Postgres.
//!
//! Writes of a kind that wait at the same time are taken together: one transaction and a few statements for all of them,
//! see [`batch`]. What excludes what is told in [`locks`].

mod batch;
mod bury;
mod drafts;
mod edits;
mod erase;
mod locks;
mod marks;
mod pins;
mod polls;
mod prune;
mod publish;
mod reads;
mod refs;
mod replica;
mod rows;
mod single;
#[cfg(test)]
mod tests;
mod threads;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, Env, Error, PostId, Result, Timestamp};
use plaza_events::{Outbox, PostgresOutbox, outbox};
use plaza_stores::postgres::{BatchOptions, Batcher, Conn, requests};
use plaza_stores::{Gauge, Migration, Postgres, PostgresOptions, ServerAddress};
use serde::de::DeserializeOwned;

use super::lists::List;
use super::{
    Buried, Changes, Deleted, Draft, DraftChange, Drafted, Edit, Edited, MarkChange, Marked, NewPost, Only, PinChange,
    Pinned, Place, PostStore, Published, Restored, Tagged, Tags, Vote, Voted,
};
use crate::NAME;
use crate::domain::{Choices, Counts, Mark, Node, Post, PostRef, RepostRef, Results, Revision, Sight};
use batch::{Job, Writer};
use bury::Deletion;
use erase::{Erasure, What};
use replica::Lists;
use single::{Came, Restoration, Single};

/// The schema's steps.
const MIGRATIONS: &[Migration] = &[
    Migration { name: "0001_posts", sql: include_str!("../../../migrations/postgres/0001_posts.sql") },
    Migration { name: "0002_requests", sql: requests::SCHEMA },
    Migration { name: "0003_outbox", sql: outbox::postgres::SCHEMA },
    Migration { name: "0004_marks", sql: include_str!("../../../migrations/postgres/0004_marks.sql") },
    Migration { name: "0005_audience", sql: include_str!("../../../migrations/postgres/0005_audience.sql") },
    Migration { name: "0006_threads", sql: include_str!("../../../migrations/postgres/0006_threads.sql") },
    Migration { name: "0007_drafts", sql: include_str!("../../../migrations/postgres/0007_drafts.sql") },
    Migration { name: "0008_polls", sql: include_str!("../../../migrations/postgres/0008_polls.sql") },
    Migration { name: "0009_media", sql: include_str!("../../../migrations/postgres/0009_media.sql") },
];

/// How many posts or marks one transaction of an erasure takes at most: each is a lock in the server's memory.
const ERASED_AT_ONCE: usize = 500;
/// How long the outbox may take to get ready at the start.
const PREPARE: Duration = Duration::from_secs(10);
/// Connections for writes: one for each worker that takes writes together, and one for what is seldom written otherwise.
const WRITERS: usize = 9;

/// Posts in a Postgres database.
pub struct PostgresPosts {
    db: Postgres,
    lists: Lists,
    env: Env,
    publishing: Batcher<Writer<NewPost>>,
    marking: Batcher<Writer<MarkChange>>,
    voting: Batcher<Writer<Vote>>,
    deleting: Batcher<Writer<Deletion>>,
    erasing: Batcher<Writer<Erasure>>,
    single: Batcher<Writer<Single>>,
    /// How long a deleted post can be restored, in milliseconds.
    grace: i64,
}

impl PostgresPosts {
    /// Waits for the server for a bounded time, and brings the schema up to date. `replica` serves reads that may be a
    /// little behind.
    ///
    /// # Errors
    /// As [`Postgres::open`].
    pub async fn open(
        address: &ServerAddress,
        replica: Option<&ServerAddress>,
        env: Env,
        changes: Arc<dyn Changes>,
    ) -> Result<Self> {
        let options = PostgresOptions { replica: replica.cloned(), writers: WRITERS, ..PostgresOptions::new(NAME) };
        let db = Postgres::open(address, options, MIGRATIONS).await?;
        PostgresOutbox::new(NAME, db.clone()).prepare(&Cx::background(NAME, PREPARE)).await?;
        let one = BatchOptions { workers: 1, ..BatchOptions::default() };
        Ok(Self {
            publishing: Writer::start(&db, &env, &changes, BatchOptions::default()),
            marking: Writer::start(&db, &env, &changes, BatchOptions::default()),
            voting: Writer::start(&db, &env, &changes, one),
            deleting: Writer::start(&db, &env, &changes, one),
            // One at a time, as an erasure takes its locks in two steps.
            erasing: Writer::start(&db, &env, &changes, BatchOptions { max_batch: 1, ..one }),
            // Each takes locks of its own kind.
            single: Writer::start(&db, &env, &changes, BatchOptions { max_batch: 1, ..one }),
            grace: 0,
            lists: Lists { db: db.clone(), replica: replica.is_some() },
            db,
            env,
        })
    }

    /// Lets deleted posts be restored for so long.
    #[must_use]
    pub fn with_grace(mut self, grace: Duration) -> Self {
        self.grace = i64::try_from(grace.as_millis()).unwrap_or(i64::MAX);
        self
    }

    /// Performs a write of one of the kinds that come one at a time.
    async fn settle<T>(&self, cx: &Cx, work: Single, came: impl FnOnce(Came) -> Option<T>) -> Result<T> {
        let outcome = self.single.submit(cx, Job::new(cx, work)).await?.outcome;
        came(outcome).ok_or_else(|| Error::internal("a write came to what another kind of write comes to"))
    }

    /// Erases part after part until there is no more, or `limit` is reached.
    async fn erase(&self, cx: &Cx, account: AccountId, what: What, limit: usize) -> Result<usize> {
        let mut erased = 0;
        while erased < limit {
            let limit = (limit - erased).min(ERASED_AT_ONCE);
            // Without a request: an erasure is not answered twice but goes on.
            let job = Job { work: Erasure { account, what, limit }, key: None, trace: cx.trace() };
            let part = self.erasing.submit(cx, job).await?.outcome;
            erased += part;
            if part < limit {
                break;
            }
        }
        Ok(erased)
    }

    async fn answered<T: DeserializeOwned>(&self, cx: &Cx) -> Result<Option<T>> {
        let now = self.env.now();
        self.db.read(cx, |mut conn| async move { requests::recall(&mut conn, cx.request(), now).await }).await
    }
}

#[async_trait]
impl PostStore for PostgresPosts {
    async fn publish(&self, cx: &Cx, post: NewPost) -> Result<Published> {
        Ok(self.publishing.submit(cx, Job::new(cx, post)).await?.outcome)
    }

    async fn delete(&self, cx: &Cx, author: AccountId, post: PostId) -> Result<Deleted> {
        let deletion = Deletion { post, author, restorable: self.grace > 0 };
        Ok(self.deleting.submit(cx, Job::new(cx, deletion)).await?.outcome)
    }

    async fn set_mark(&self, cx: &Cx, change: MarkChange) -> Result<Marked> {
        Ok(self.marking.submit(cx, Job::new(cx, change)).await?.outcome)
    }

    async fn answered_publish(&self, cx: &Cx) -> Result<Option<Published>> {
        self.answered(cx).await
    }

    async fn vote(&self, cx: &Cx, vote: Vote) -> Result<Voted> {
        Ok(self.voting.submit(cx, Job::new(cx, vote)).await?.outcome)
    }

    async fn answered_vote(&self, cx: &Cx) -> Result<Option<Voted>> {
        self.answered(cx).await
    }

    async fn votes(&self, cx: &Cx, account: AccountId, ids: &[PostId]) -> Result<Vec<(PostId, Choices)>> {
        self.db.read_replica(cx, |mut conn| async move { polls::votes(&mut conn, account, ids).await }).await
    }

    async fn votes_of(
        &self,
        cx: &Cx,
        account: AccountId,
        before: PostId,
        limit: usize,
    ) -> Result<Vec<(PostId, Choices)>> {
        self.db.read(cx, |mut conn| async move { polls::votes_of(&mut conn, account, before, limit).await }).await
    }

    async fn recount_poll(&self, cx: &Cx, post: PostId) -> Result<Option<Results>> {
        self.db.read(cx, |mut conn| async move { polls::recount(&mut conn, post).await }).await
    }

    async fn answered_mark(&self, cx: &Cx) -> Result<Option<Marked>> {
        self.answered(cx).await
    }

    async fn posts(&self, cx: &Cx, ids: &[PostId]) -> Result<Vec<Option<Arc<Post>>>> {
        self.db.read(cx, |mut conn| async move { reads::posts(&mut conn, ids).await }).await
    }

    async fn marked(&self, cx: &Cx, account: AccountId, ids: &[PostId]) -> Result<Vec<(PostId, Mark)>> {
        self.db.read_replica(cx, |mut conn| async move { marks::marked(&mut conn, account, ids).await }).await
    }

    async fn markers(
        &self,
        cx: &Cx,
        post: PostId,
        mark: Mark,
        before: Place<AccountId>,
        limit: usize,
    ) -> Result<Vec<Place<AccountId>>> {
        self.db.read(cx, |mut conn| async move { marks::markers(&mut conn, post, mark, before, limit).await }).await
    }

    async fn marked_by(
        &self,
        cx: &Cx,
        account: AccountId,
        mark: Mark,
        before: Place<PostId>,
        limit: usize,
    ) -> Result<Vec<Place<PostId>>> {
        let read = |mut conn: Conn| async move { marks::marked_by(&mut conn, account, mark, before, limit).await };
        self.db.read(cx, read).await
    }

    async fn quotes(&self, cx: &Cx, post: PostId, before: PostId, limit: usize) -> Result<Vec<PostId>> {
        let read = |mut conn: Conn| async move { reads::quotes(&mut conn, post, before, limit).await };
        self.lists.read(cx, before, read).await
    }

    async fn ids_by_author(
        &self,
        cx: &Cx,
        author: AccountId,
        sight: Sight,
        before: PostId,
        limit: usize,
    ) -> Result<Vec<PostId>> {
        let read = |mut conn: Conn| async move { reads::ids_by_author(&mut conn, author, sight, before, limit).await };
        self.lists.read(cx, before, read).await
    }

    async fn restore(&self, cx: &Cx, author: AccountId, post: PostId) -> Result<Restored> {
        let work = Single::Restore(Restoration { post, author, grace: self.grace });
        self.settle(cx, work, |came| if let Came::Restored(restored) = came { Some(restored) } else { None }).await
    }

    async fn edit(&self, cx: &Cx, edit: Edit) -> Result<Edited> {
        let edited = |came| if let Came::Edited(edited) = came { Some(edited) } else { None };
        self.settle(cx, Single::Edit(edit), edited).await
    }

    async fn set_pin(&self, cx: &Cx, change: PinChange) -> Result<Pinned> {
        let pinned = |came| if let Came::Pinned(pinned) = came { Some(pinned) } else { None };
        self.settle(cx, Single::Pin(change), pinned).await
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
        let read =
            |mut conn: Conn| async move { reads::some_by_author(&mut conn, author, sight, only, before, limit).await };
        self.lists.read(cx, before, read).await
    }

    async fn pins(&self, cx: &Cx, account: AccountId) -> Result<Vec<PostId>> {
        self.db.read(cx, |mut conn| async move { pins::of(&mut conn, account).await }).await
    }

    async fn ids_by_hashtag(&self, cx: &Cx, tags: &Tags, before: PostId, limit: usize, scan: usize) -> Result<Tagged> {
        let read = |mut conn: Conn| async move { threads::ids_by_hashtag(&mut conn, tags, before, limit, scan).await };
        self.db.read(cx, read).await
    }

    async fn graves(&self, cx: &Cx, account: AccountId, before: PostId, limit: usize) -> Result<Vec<Buried>> {
        self.db.read(cx, |mut conn| async move { edits::graves(&mut conn, account, before, limit).await }).await
    }

    async fn revisions(&self, cx: &Cx, post: PostId, before: i32, limit: usize) -> Result<Vec<Revision>> {
        self.db.read(cx, |mut conn| async move { edits::revisions(&mut conn, post, before, limit).await }).await
    }

    async fn ancestors(&self, cx: &Cx, post: PostId, limit: usize) -> Result<Vec<Node>> {
        self.db.read(cx, |mut conn| async move { threads::ancestors(&mut conn, post, limit).await }).await
    }

    async fn replies(&self, cx: &Cx, parents: &[PostId], after: PostId, limit: usize) -> Result<Vec<Node>> {
        self.db.read(cx, |mut conn| async move { threads::replies(&mut conn, parents, after, limit).await }).await
    }

    async fn change_draft(&self, cx: &Cx, change: DraftChange) -> Result<Drafted> {
        let drafted = |came| if let Came::Drafted(drafted) = came { Some(drafted) } else { None };
        self.settle(cx, Single::Draft(change), drafted).await
    }

    async fn answered_draft(&self, cx: &Cx) -> Result<Option<Drafted>> {
        // A change is remembered with what kind of write it was.
        let came = self.answered::<Came>(cx).await?;
        Ok(came.and_then(|came| if let Came::Drafted(drafted) = came { Some(drafted) } else { None }))
    }

    async fn fail_draft(&self, cx: &Cx, draft: &Draft, failure: &str) -> Result<()> {
        self.db
            .write(cx, |mut conn| async move { drafts::fail(&mut conn, draft.account, draft.version(), failure).await })
            .await
    }

    async fn drafts(&self, cx: &Cx, account: AccountId, before: i64, limit: usize) -> Result<Vec<Draft>> {
        self.db.read(cx, |mut conn| async move { drafts::of(&mut conn, account, before, limit).await }).await
    }

    async fn due(&self, cx: &Cx, now: Timestamp, after: Option<&Draft>, limit: usize) -> Result<Vec<Draft>> {
        self.db.read(cx, |mut conn| async move { drafts::due(&mut conn, now, after, limit).await }).await
    }

    async fn refs(&self, cx: &Cx, authors: &[AccountId], before: PostId, limit: usize) -> Result<Vec<PostRef>> {
        let refs = refs::newest(&self.lists, cx, List::Posts, authors, before, limit).await?;
        Ok(refs.into_iter().map(PostRef::from).collect())
    }

    async fn repost_refs(
        &self,
        cx: &Cx,
        accounts: &[AccountId],
        before: PostId,
        limit: usize,
    ) -> Result<Vec<RepostRef>> {
        let refs = refs::newest(&self.lists, cx, List::Reposts, accounts, before, limit).await?;
        Ok(refs.into_iter().map(RepostRef::from).collect())
    }

    async fn erase_posts(&self, cx: &Cx, account: AccountId, limit: usize) -> Result<usize> {
        self.erase(cx, account, What::Posts, limit).await
    }

    async fn erase_marks(&self, cx: &Cx, account: AccountId, limit: usize) -> Result<usize> {
        self.erase(cx, account, What::Marks, limit).await
    }

    async fn erase_votes(&self, cx: &Cx, account: AccountId, limit: usize) -> Result<usize> {
        self.erase(cx, account, What::Votes, limit).await
    }

    async fn held(&self, cx: &Cx, after: AccountId, limit: usize) -> Result<Vec<AccountId>> {
        self.db.read(cx, |mut conn| async move { reads::held(&mut conn, after, limit).await }).await
    }

    async fn held_among(&self, cx: &Cx, accounts: &[AccountId]) -> Result<Vec<AccountId>> {
        self.db.read(cx, |mut conn| async move { reads::held_among(&mut conn, accounts).await }).await
    }

    async fn prune(&self, cx: &Cx) -> Result<usize> {
        let (now, grace) = (self.env.now(), self.grace);
        let until = now.plus_ms(-grace);
        self.db.write(cx, |mut conn| async move { prune::some(&mut conn, now, until).await }).await
    }

    async fn recount(&self, cx: &Cx, post: PostId) -> Result<Option<Counts>> {
        self.db.read(cx, |mut conn| async move { reads::recount(&mut conn, post).await }).await
    }

    fn outbox(&self) -> Arc<dyn Outbox> {
        Arc::new(PostgresOutbox::new(NAME, self.db.clone()))
    }

    async fn ping(&self, cx: &Cx) -> Result<()> {
        self.db.ping(cx).await
    }

    #[expect(clippy::cast_precision_loss, reason = "lengths of queues are small")]
    fn observe(&self) -> Vec<Gauge> {
        let waiting = |kind, jobs: usize| Gauge::new("posts_writes_waiting", "kind", kind, jobs as f64);
        let mut gauges = self.db.observe();
        gauges.extend([
            waiting("publish", self.publishing.queue_len()),
            waiting("mark", self.marking.queue_len()),
            waiting("vote", self.voting.queue_len()),
            waiting("delete", self.deleting.queue_len()),
            waiting("erase", self.erasing.queue_len()),
            waiting("single", self.single.queue_len()),
        ]);
        gauges
    }

    async fn close(&self) {
        let (publishing, marking, deleting) = (self.publishing.close(), self.marking.close(), self.deleting.close());
        tokio::join!(publishing, marking, deleting, self.voting.close(), self.erasing.close(), self.single.close());
        self.db.close().await;
    }
}
