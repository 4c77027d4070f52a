//! The embedded engine.

mod erase;
mod path;
mod reads;
mod shelf;
mod suggest;
mod walks;
mod writes;

use std::sync::Arc;

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, Env, Result, Timestamp};
use plaza_events::{Outbox, SqliteOutbox};
use plaza_stores::{Gauge, Migration, Sqlite, StoreAddress, requests};
use rusqlite::Connection;

use super::{GraphStore, OnChange};
use crate::domain::{
    Action, Arm, Circle, Common, Counts, Direction, Edge, EdgeKey, Familiar, List, Muted, OwnWrite, OwnWritten, Path,
    Reach, Relation, Suggestion, Tag, Word, Write, Written,
};

use writes::Tx;

/// The schema, step by step.
pub const MIGRATIONS: &[Migration] = &[
    Migration { name: "0001_graph", sql: include_str!("../../migrations/sqlite/0001_graph.sql") },
    Migration { name: "0002_outbox", sql: plaza_events::outbox::sqlite::SCHEMA },
    Migration { name: "0003_requests", sql: requests::SCHEMA },
    Migration { name: "0004_mutes", sql: include_str!("../../migrations/sqlite/0004_mutes.sql") },
    Migration { name: "0005_follow_requests", sql: include_str!("../../migrations/sqlite/0005_follow_requests.sql") },
    Migration { name: "0006_shelf", sql: include_str!("../../migrations/sqlite/0006_shelf.sql") },
    Migration { name: "0007_dismissed", sql: include_str!("../../migrations/sqlite/0007_dismissed.sql") },
];

/// The graph in a SQLite file. Its one writer runs each check together with the write that rests on it.
pub struct SqliteGraph {
    db: Sqlite,
    env: Env,
    on_change: OnChange,
    outbox: Arc<SqliteOutbox>,
}

impl std::fmt::Debug for SqliteGraph {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteGraph").field("db", &self.db).finish_non_exhaustive()
    }
}

impl SqliteGraph {
    /// Opens the store at `address`; blocks, for start-up.
    ///
    /// # Errors
    /// `STORE_UNAVAILABLE` with a message for the operator.
    pub fn open(address: &StoreAddress, env: Env, on_change: OnChange) -> Result<Self> {
        let db = Sqlite::at(address, MIGRATIONS)?;
        let outbox = Arc::new(SqliteOutbox::new(crate::NAME, db.clone()));
        Ok(Self { db, env, on_change, outbox })
    }
}

#[async_trait]
impl GraphStore for SqliteGraph {
    async fn change(&self, cx: &Cx, action: Action, write: Write) -> Result<Written> {
        let (env, trace, request) = (self.env.clone(), cx.trace(), cx.request().cloned());
        let job = move |conn: &Connection| {
            requests::once(conn, request.as_ref(), write.at, || {
                let mut tx = Tx::new(conn);
                writes::perform(&mut tx, action, write)?;
                let position = tx.publish(&env, trace)?;
                Ok(Written { relation: reads::relation(conn, write.actor, write.target)?, position })
            })
        };
        let on_change = self.on_change.clone();
        self.db.write_then(cx, job, move |_| on_change(&[write.actor, write.target])).await
    }

    async fn relations(&self, cx: &Cx, viewer: AccountId, others: &[AccountId]) -> Result<Vec<Relation>> {
        self.db.read(cx, |conn| reads::relations(conn, viewer, others)).await
    }

    async fn circle(&self, cx: &Cx, account: AccountId, limit: usize) -> Result<Circle> {
        self.db.read(cx, |conn| reads::circle(conn, account, limit)).await
    }

    async fn counts(&self, cx: &Cx, accounts: &[AccountId]) -> Result<Vec<Counts>> {
        self.db.read(cx, |conn| reads::counts(conn, accounts)).await
    }

    async fn edges(
        &self,
        cx: &Cx,
        account: AccountId,
        way: Direction,
        after: EdgeKey,
        limit: usize,
    ) -> Result<Vec<Edge>> {
        self.db.read(cx, |conn| reads::edges(conn, account, way, after, limit)).await
    }

    async fn ids(
        &self,
        cx: &Cx,
        account: AccountId,
        way: Direction,
        after: AccountId,
        limit: usize,
    ) -> Result<Vec<AccountId>> {
        self.db.read(cx, |conn| reads::ids(conn, account, way, after, limit)).await
    }

    async fn blocks(&self, cx: &Cx, account: AccountId, after: EdgeKey, limit: usize) -> Result<Vec<Edge>> {
        self.db.read(cx, |conn| reads::newest(conn, reads::BLOCKS_NEWEST, account, after, limit)).await
    }

    async fn requests(&self, cx: &Cx, account: AccountId, after: EdgeKey, limit: usize) -> Result<Vec<Edge>> {
        self.db.read(cx, |conn| reads::newest(conn, reads::REQUESTS_NEWEST, account, after, limit)).await
    }

    async fn requested(&self, cx: &Cx, account: AccountId, after: AccountId, limit: usize) -> Result<Vec<Edge>> {
        self.db.read(cx, |conn| reads::requested(conn, account, after, limit)).await
    }

    async fn mutes(
        &self,
        cx: &Cx,
        account: AccountId,
        now: Timestamp,
        after: EdgeKey,
        limit: usize,
    ) -> Result<Vec<Muted>> {
        self.db.read(cx, |conn| reads::mutes(conn, account, now, after, limit)).await
    }

    async fn common(&self, cx: &Cx, one: Arm, other: Arm, after: AccountId, scan: usize) -> Result<Common> {
        self.db.read(cx, |conn| walks::common(conn, one, other, after, scan)).await
    }

    async fn familiar(
        &self,
        cx: &Cx,
        viewer: AccountId,
        accounts: &[AccountId],
        bounds: Familiar,
    ) -> Result<Vec<Vec<AccountId>>> {
        self.db.read(cx, |conn| walks::familiar(conn, viewer, accounts, bounds)).await
    }

    async fn path(&self, cx: &Cx, from: AccountId, to: AccountId) -> Result<Path> {
        self.db.read(cx, |conn| path::path(conn, from, to)).await
    }

    async fn suggestions(
        &self,
        cx: &Cx,
        account: AccountId,
        now: Timestamp,
        reach: Reach,
        limit: usize,
    ) -> Result<Vec<Suggestion>> {
        self.db.read(cx, |conn| suggest::suggestions(conn, account, now, reach, limit)).await
    }

    async fn own(&self, cx: &Cx, write: OwnWrite) -> Result<OwnWritten> {
        let (env, trace, request) = (self.env.clone(), cx.trace(), cx.request().cloned());
        let job = move |conn: &Connection| {
            requests::once(conn, request.as_ref(), write.at, || {
                let mut tx = Tx::new(conn);
                let list = shelf::perform(&mut tx, &write)?;
                Ok(OwnWritten { list, until: write.own.until(), position: tx.publish(&env, trace)? })
            })
        };
        self.db.write(cx, job).await
    }

    async fn tags(&self, cx: &Cx, account: AccountId, before: i64, limit: usize) -> Result<Vec<Tag>> {
        self.db.read(cx, |conn| shelf::tags(conn, account, before, limit)).await
    }

    async fn words(&self, cx: &Cx, account: AccountId, now: Timestamp, before: i64, limit: usize) -> Result<Vec<Word>> {
        self.db.read(cx, |conn| shelf::words(conn, account, now, before, limit)).await
    }

    async fn list(&self, cx: &Cx, list: i64) -> Result<Option<List>> {
        self.db.read(cx, |conn| shelf::list(conn, list)).await
    }

    async fn lists(
        &self,
        cx: &Cx,
        account: AccountId,
        only_public: bool,
        before: i64,
        limit: usize,
    ) -> Result<Vec<List>> {
        self.db.read(cx, |conn| shelf::lists(conn, account, only_public, before, limit)).await
    }

    async fn dismissed(&self, cx: &Cx, account: AccountId, after: AccountId, limit: usize) -> Result<Vec<AccountId>> {
        self.db.read(cx, |conn| shelf::dismissed(conn, account, after, limit)).await
    }

    async fn members(&self, cx: &Cx, list: i64, after: AccountId, limit: usize) -> Result<Vec<AccountId>> {
        self.db.read(cx, |conn| shelf::members(conn, list, after, limit)).await
    }

    async fn erase(&self, cx: &Cx, account: AccountId, limit: usize) -> Result<usize> {
        let (env, trace, on_change) = (self.env.clone(), cx.trace(), self.on_change.clone());
        let job = move |conn: &Connection| {
            let mut tx = Tx::new(conn);
            let erased = erase::erase(&mut tx, account, env.now(), limit)?;
            tx.publish(&env, trace)?;
            Ok((erased, tx.into_accounts()))
        };
        let written = self.db.write_then(cx, job, move |(_, accounts): &(usize, Vec<AccountId>)| on_change(accounts));
        written.await.map(|(erased, _)| erased)
    }

    async fn held(&self, cx: &Cx, after: AccountId, limit: usize) -> Result<Vec<AccountId>> {
        self.db.read(cx, |conn| erase::held(conn, after, limit)).await
    }

    async fn held_among(&self, cx: &Cx, accounts: &[AccountId]) -> Result<Vec<AccountId>> {
        self.db.read(cx, |conn| erase::held_among(conn, accounts)).await
    }

    async fn prune(&self, cx: &Cx) -> Result<usize> {
        let now = self.env.now();
        self.db
            .write(cx, move |conn| {
                Ok(requests::prune(conn, now)? + writes::prune_mutes(conn, now)? + shelf::prune_words(conn, now)?)
            })
            .await
    }

    fn outbox(&self) -> Arc<dyn Outbox> {
        self.outbox.clone()
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
