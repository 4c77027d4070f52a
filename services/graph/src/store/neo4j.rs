//! The engine for production: accounts as nodes, follows and blocks as relationships between them.
//!
//! One task of the process performs all writes, as many as have queued up in one transaction. Each transaction locks the
//! outbox's end first, so that those of several processes come one after the other, and the rules can be applied to what
//! was read: see `batch.rs`.

mod batch;
mod draft;
mod kind;
mod reads;
mod shelf;
mod suggest;
mod walks;
mod writer;
mod writes;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, Env, Result, Timestamp};
use plaza_events::outbox::neo4j as outbox;
use plaza_events::{Neo4jOutbox, Outbox};
use plaza_stores::neo4j::{Neo4j, requests};
use plaza_stores::{Gauge, Migration, ServerAddress};

use super::{GraphStore, OnChange};
use crate::NAME;
use crate::domain::{
    Action, Arm, Circle, Common, Counts, Direction, Edge, EdgeKey, Familiar, List, Muted, OwnWrite, OwnWritten, Path,
    Reach, Relation, Suggestion, Tag, Word, Write, Written,
};

use writer::{Tools, Writer};

/// The schema, step by step.
pub const MIGRATIONS: &[Migration] = &[
    Migration { name: "0001_graph", sql: include_str!("../../migrations/neo4j/0001_graph.cypher") },
    Migration { name: "0002_outbox", sql: outbox::SCHEMA },
    Migration { name: "0003_requests", sql: requests::SCHEMA },
    Migration { name: "0004_mutes", sql: include_str!("../../migrations/neo4j/0004_mutes.cypher") },
    Migration { name: "0005_follow_requests", sql: include_str!("../../migrations/neo4j/0005_follow_requests.cypher") },
    Migration { name: "0006_shelf", sql: include_str!("../../migrations/neo4j/0006_shelf.cypher") },
    Migration { name: "0007_dismissed", sql: include_str!("../../migrations/neo4j/0007_dismissed.cypher") },
];
/// How long a start waits for the server.
const PATIENCE: Duration = Duration::from_secs(30);

/// How many edges one transaction ends: the server keeps what a transaction changes in memory, and bounds it.
const ERASE_PART: usize = 1_000;

/// How many mutes that have run out one transaction deletes.
const PRUNE_PART: i64 = 1_000;

/// The graph in Neo4j.
pub struct Neo4jGraph {
    db: Neo4j,
    env: Env,
    writer: Writer,
    outbox: Arc<Neo4jOutbox>,
}

impl std::fmt::Debug for Neo4jGraph {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Neo4jGraph").field("db", &self.db).finish_non_exhaustive()
    }
}

impl Neo4jGraph {
    /// Opens the store at `address`; waits a while for a server that is starting.
    ///
    /// # Errors
    /// `STORE_UNAVAILABLE` with a message for the operator.
    pub async fn open(address: &ServerAddress, env: Env, on_change: OnChange) -> Result<Self> {
        let cx = Cx::background(NAME, PATIENCE);
        let db = Neo4j::open(&cx, NAME, address, MIGRATIONS, env.clone()).await?;
        let outbox = Arc::new(Neo4jOutbox::new(NAME, db.clone()));
        let end = outbox.last_position(&cx).await?;
        let writer = Writer::start(Tools { db: db.clone(), outbox: outbox.clone(), env: env.clone(), on_change }, end);
        Ok(Self { db, env, writer, outbox })
    }

    /// The database, for upkeep that is not the service's.
    #[must_use]
    pub fn database(&self) -> &Neo4j {
        &self.db
    }
}

#[async_trait]
impl GraphStore for Neo4jGraph {
    async fn change(&self, cx: &Cx, action: Action, write: Write) -> Result<Written> {
        self.writer.change(cx, action, write).await
    }

    async fn relations(&self, cx: &Cx, viewer: AccountId, others: &[AccountId]) -> Result<Vec<Relation>> {
        reads::relations(&self.db, cx, viewer, others).await
    }

    async fn circle(&self, cx: &Cx, account: AccountId, limit: usize) -> Result<Circle> {
        reads::circle(&self.db, cx, account, limit).await
    }

    async fn counts(&self, cx: &Cx, accounts: &[AccountId]) -> Result<Vec<Counts>> {
        reads::counts(&self.db, cx, accounts).await
    }

    async fn edges(
        &self,
        cx: &Cx,
        account: AccountId,
        way: Direction,
        after: EdgeKey,
        limit: usize,
    ) -> Result<Vec<Edge>> {
        reads::edges(&self.db, cx, account, way, after, limit).await
    }

    async fn ids(
        &self,
        cx: &Cx,
        account: AccountId,
        way: Direction,
        after: AccountId,
        limit: usize,
    ) -> Result<Vec<AccountId>> {
        reads::ids(&self.db, cx, account, way, after, limit).await
    }

    async fn blocks(&self, cx: &Cx, account: AccountId, after: EdgeKey, limit: usize) -> Result<Vec<Edge>> {
        reads::blocks(&self.db, cx, account, after, limit).await
    }

    async fn requests(&self, cx: &Cx, account: AccountId, after: EdgeKey, limit: usize) -> Result<Vec<Edge>> {
        reads::requests(&self.db, cx, account, after, limit).await
    }

    async fn requested(&self, cx: &Cx, account: AccountId, after: AccountId, limit: usize) -> Result<Vec<Edge>> {
        reads::requested(&self.db, cx, account, after, limit).await
    }

    async fn mutes(
        &self,
        cx: &Cx,
        account: AccountId,
        now: Timestamp,
        after: EdgeKey,
        limit: usize,
    ) -> Result<Vec<Muted>> {
        reads::mutes(&self.db, cx, account, now, after, limit).await
    }

    async fn common(&self, cx: &Cx, one: Arm, other: Arm, after: AccountId, scan: usize) -> Result<Common> {
        walks::common(&self.db, cx, one, other, after, scan).await
    }

    async fn familiar(
        &self,
        cx: &Cx,
        viewer: AccountId,
        accounts: &[AccountId],
        bounds: Familiar,
    ) -> Result<Vec<Vec<AccountId>>> {
        walks::familiar(&self.db, cx, viewer, accounts, bounds).await
    }

    async fn path(&self, cx: &Cx, from: AccountId, to: AccountId) -> Result<Path> {
        walks::path(&self.db, cx, from, to).await
    }

    async fn suggestions(
        &self,
        cx: &Cx,
        account: AccountId,
        now: Timestamp,
        reach: Reach,
        limit: usize,
    ) -> Result<Vec<Suggestion>> {
        suggest::suggestions(&self.db, cx, account, now, reach, limit).await
    }

    async fn own(&self, cx: &Cx, write: OwnWrite) -> Result<OwnWritten> {
        self.writer.own(cx, write).await
    }

    async fn tags(&self, cx: &Cx, account: AccountId, before: i64, limit: usize) -> Result<Vec<Tag>> {
        shelf::tags(&self.db, cx, account, before, limit).await
    }

    async fn words(&self, cx: &Cx, account: AccountId, now: Timestamp, before: i64, limit: usize) -> Result<Vec<Word>> {
        shelf::words(&self.db, cx, account, now, before, limit).await
    }

    async fn list(&self, cx: &Cx, list: i64) -> Result<Option<List>> {
        shelf::list(&self.db, cx, list).await
    }

    async fn lists(
        &self,
        cx: &Cx,
        account: AccountId,
        only_public: bool,
        before: i64,
        limit: usize,
    ) -> Result<Vec<List>> {
        shelf::lists(&self.db, cx, account, only_public, before, limit).await
    }

    async fn dismissed(&self, cx: &Cx, account: AccountId, after: AccountId, limit: usize) -> Result<Vec<AccountId>> {
        shelf::dismissed(&self.db, cx, account, after, limit).await
    }

    async fn members(&self, cx: &Cx, list: i64, after: AccountId, limit: usize) -> Result<Vec<AccountId>> {
        shelf::members(&self.db, cx, list, after, limit).await
    }

    async fn erase(&self, cx: &Cx, account: AccountId, limit: usize) -> Result<usize> {
        let mut erased = 0;
        loop {
            let part = ERASE_PART.min(limit - erased);
            let ended = self.writer.erase(cx, account, part).await?;
            erased += ended;
            if ended < part || erased == limit {
                return Ok(erased);
            }
        }
    }

    async fn held(&self, cx: &Cx, after: AccountId, limit: usize) -> Result<Vec<AccountId>> {
        reads::held(&self.db, cx, after, limit).await
    }

    async fn held_among(&self, cx: &Cx, accounts: &[AccountId]) -> Result<Vec<AccountId>> {
        reads::held_among(&self.db, cx, accounts).await
    }

    async fn prune(&self, cx: &Cx) -> Result<usize> {
        let work = || async {
            let mut tx = self.db.begin(cx).await?;
            outbox::lock(&mut tx).await?;
            let now = self.env.now();
            let pruned = requests::prune(&mut tx, now).await?
                + writes::prune_mutes(&mut tx, now, PRUNE_PART).await?
                + shelf::prune_words(&mut tx, now, PRUNE_PART).await?;
            if pruned == 0 {
                tx.rollback().await?;
            } else {
                tx.commit().await?;
            }
            Ok(pruned)
        };
        self.db.retry(cx, work).await
    }

    fn outbox(&self) -> Arc<dyn Outbox> {
        self.outbox.clone()
    }

    async fn ping(&self, cx: &Cx) -> Result<()> {
        self.db.ping(cx).await
    }

    fn observe(&self) -> Vec<Gauge> {
        let mut gauges = self.db.observe();
        #[expect(clippy::cast_precision_loss, reason = "lengths of queues are small")]
        gauges.push(Gauge::new("neo4j_write_queue_length", "store", NAME, self.writer.queue_len() as f64));
        gauges
    }

    async fn close(&self) {
        self.writer.close().await;
        self.db.close().await;
    }
}
