//! Explicit transactions.

use neo4rs::{Query, Row, Txn};

use super::Neo4j;
use super::errors::Fault;
use super::guard::Limit;
use super::pool::Lease;

/// A transaction, with one limit of time for all of it. Dropped, it is rolled back.
///
/// The driver gives the connection of a dropped transaction back as it is, with the transaction and its locks open until
/// the connection is used again. So whatever ends otherwise than by a commit or an acknowledged rollback, also because
/// its caller gave up, drops the connections of the pool.
#[must_use = "a transaction that is dropped is rolled back"]
pub struct Tx {
    db: Neo4j,
    limit: Limit,
    txn: Option<Txn>,
    /// Whether the server has no transaction open any more.
    clean: bool,
    _lease: Lease,
}

impl std::fmt::Debug for Tx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tx").field("limit", &self.limit).finish_non_exhaustive()
    }
}

impl Tx {
    pub(super) async fn begin(db: Neo4j, limit: Limit) -> Result<Self, Fault> {
        let lease = db.0.writes.lease(limit).await?;
        // Made before the driver starts, so that giving up in between is cleaned up too.
        let mut tx = Self { db, limit, txn: None, clean: false, _lease: lease };
        let started = tx.db.0.guard.call(limit, tx._lease.graph().start_txn()).await;
        tx.txn = Some(started?);
        Ok(tx)
    }

    /// The statement with its namespace filled in.
    #[must_use]
    pub fn query(&self, cypher: &str) -> Query {
        self.db.query(cypher)
    }

    /// Runs a query and gives all its rows.
    ///
    /// # Errors
    /// A [`Fault`], after which nothing but giving the transaction up makes sense.
    pub async fn rows(&mut self, query: Query) -> Result<Vec<Row>, Fault> {
        let txn = self.txn.as_mut().ok_or_else(gone)?;
        let work = async {
            let mut stream = txn.execute(query).await?;
            let mut rows = Vec::new();
            while let Some(row) = stream.next(&mut *txn).await? {
                rows.push(row);
            }
            Ok(rows)
        };
        self.db.0.guard.call(self.limit, work).await
    }

    /// Runs a statement for what it does. A query that only reads is not even run this way.
    ///
    /// # Errors
    /// As [`Tx::rows`].
    pub async fn run(&mut self, query: Query) -> Result<(), Fault> {
        let txn = self.txn.as_mut().ok_or_else(gone)?;
        self.db.0.guard.call(self.limit, txn.run(query)).await
    }

    /// Commits.
    ///
    /// # Errors
    /// A [`Fault`]; with [`Fault::is_unknown`] the commit may have taken place, or may yet.
    pub async fn commit(mut self) -> Result<(), Fault> {
        let txn = self.txn.take().ok_or_else(gone)?;
        self.db.0.guard.call(self.limit, txn.commit()).await.map_err(Fault::of_commit)?;
        self.clean = true;
        self.db.0.commits.send_modify(|count| *count += 1);
        Ok(())
    }

    /// Undoes it; for a transaction that has nothing to commit.
    ///
    /// # Errors
    /// A [`Fault`]; the transaction is undone all the same.
    pub async fn rollback(mut self) -> Result<(), Fault> {
        let txn = self.txn.take().ok_or_else(gone)?;
        self.db.0.guard.call(self.limit, txn.rollback()).await?;
        self.clean = true;
        Ok(())
    }
}

impl Drop for Tx {
    fn drop(&mut self) {
        if !self.clean {
            self.db.0.writes.renew();
        }
    }
}

fn gone() -> Fault {
    Fault::from(plaza_core::Error::internal("a transaction is used after its end"))
}
