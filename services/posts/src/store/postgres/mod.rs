//! The engine for several processes: Postgres.
//!
//! Writes of a kind that wait at the same time are taken together: one transaction and a few statements for all of them,
//! see [`batch`]. What excludes what is told in [`locks`].

mod batch;
mod bury;
mod erase;
mod locks;
mod marks;
mod prune;
mod publish;
mod reads;
mod refs;
mod replica;
mod rows;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, Env, PostId, Result};
use plaza_events::{Outbox, PostgresOutbox, outbox};
use plaza_stores::postgres::{BatchOptions, Batcher, Conn, requests};
use plaza_stores::{Gauge, Migration, Postgres, PostgresOptions, ServerAddress};
use serde::de::DeserializeOwned;

use super::{Changes, Deleted, MarkChange, Marked, NewPost, Place, PostStore, Published};
use crate::NAME;
use crate::domain::{Counts, Mark, Post, PostRef, RepostRef, Sight};
use batch::{Job, Writer};
use bury::Deletion;
use erase::{Erasure, What};
use refs::{List, Row};
use replica::Lists;

/// The schema's steps.
const MIGRATIONS: &[Migration] = &[
    Migration { name: "0001_posts", sql: include_str!("../../../migrations/postgres/0001_posts.sql") },
    Migration { name: "0002_requests", sql: requests::SCHEMA },
    Migration { name: "0003_outbox", sql: outbox::postgres::SCHEMA },
    Migration { name: "0004_marks", sql: include_str!("../../../migrations/postgres/0004_marks.sql") },
    Migration { name: "0005_audience", sql: include_str!("../../../migrations/postgres/0005_audience.sql") },
];

/// How many posts or marks one transaction of an erasure takes at most: each is a lock in the server's memory.
const ERASED_AT_ONCE: usize = 500;
/// How long the outbox may take to get ready at the start.
const PREPARE: Duration = Duration::from_secs(10);
/// Connections for writes: one for each worker that takes writes together, and one for pruning.
const WRITERS: usize = 7;

/// Posts in a Postgres database.
pub struct PostgresPosts {
    db: Postgres,
    lists: Lists,
    env: Env,
    publishing: Batcher<Writer<NewPost>>,
    marking: Batcher<Writer<MarkChange>>,
    deleting: Batcher<Writer<Deletion>>,
    erasing: Batcher<Writer<Erasure>>,
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
            deleting: Writer::start(&db, &env, &changes, one),
            // One at a time, as an erasure takes its locks in two steps.
            erasing: Writer::start(&db, &env, &changes, BatchOptions { max_batch: 1, ..one }),
            lists: Lists { db: db.clone(), replica: replica.is_some() },
            db,
            env,
        })
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
        Ok(self.deleting.submit(cx, Job::new(cx, Deletion { post, author })).await?.outcome)
    }

    async fn set_mark(&self, cx: &Cx, change: MarkChange) -> Result<Marked> {
        Ok(self.marking.submit(cx, Job::new(cx, change)).await?.outcome)
    }

    async fn answered_publish(&self, cx: &Cx) -> Result<Option<Published>> {
        self.answered(cx).await
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

    async fn refs(&self, cx: &Cx, authors: &[AccountId], before: PostId, limit: usize) -> Result<Vec<PostRef>> {
        let refs = refs::newest(&self.lists, cx, List::Posts, authors, before, limit).await?;
        Ok(refs.into_iter().map(|row| PostRef { post: row.post, author: row.author }).collect())
    }

    async fn repost_refs(
        &self,
        cx: &Cx,
        accounts: &[AccountId],
        before: PostId,
        limit: usize,
    ) -> Result<Vec<RepostRef>> {
        let refs = refs::newest(&self.lists, cx, List::Reposts, accounts, before, limit).await?;
        let repost = |Row { id, list: account, post, author }| RepostRef { repost: id, account, post, author };
        Ok(refs.into_iter().map(repost).collect())
    }

    async fn erase_posts(&self, cx: &Cx, account: AccountId, limit: usize) -> Result<usize> {
        self.erase(cx, account, What::Posts, limit).await
    }

    async fn erase_marks(&self, cx: &Cx, account: AccountId, limit: usize) -> Result<usize> {
        self.erase(cx, account, What::Marks, limit).await
    }

    async fn held(&self, cx: &Cx, after: AccountId, limit: usize) -> Result<Vec<AccountId>> {
        self.db.read(cx, |mut conn| async move { reads::held(&mut conn, after, limit).await }).await
    }

    async fn held_among(&self, cx: &Cx, accounts: &[AccountId]) -> Result<Vec<AccountId>> {
        self.db.read(cx, |mut conn| async move { reads::held_among(&mut conn, accounts).await }).await
    }

    async fn prune(&self, cx: &Cx) -> Result<usize> {
        let now = self.env.now();
        self.db.write(cx, |mut conn| async move { prune::some(&mut conn, now).await }).await
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
            waiting("delete", self.deleting.queue_len()),
            waiting("erase", self.erasing.queue_len()),
        ]);
        gauges
    }

    async fn close(&self) {
        tokio::join!(self.publishing.close(), self.marking.close(), self.deleting.close(), self.erasing.close());
        self.db.close().await;
    }
}
