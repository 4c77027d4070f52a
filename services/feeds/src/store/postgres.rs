//! The engine of read positions for several processes: Postgres.

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, Env, Error, PostId, Result, Timestamp, reason};
use plaza_stores::postgres::{Conn, requests};
use plaza_stores::{Gauge, Migration, PgResultExt as _, Postgres, PostgresOptions, ServerAddress};
use sqlx::PgConnection;

use super::positions::PositionStore;
use crate::domain::{FeedKind, NAME, ReadPosition, ReadTo};

/// The schema's steps.
const MIGRATIONS: &[Migration] = &[
    Migration { name: "0001_positions", sql: include_str!("../../migrations/postgres/0001_positions.sql") },
    Migration { name: "0002_requests", sql: requests::SCHEMA },
];
/// The first of the two numbers of an account's lock; others lock by one number, or by a first one of their own.
const LOCKS: i32 = 0x_66_65_65;

/// Read positions in a Postgres database. Writes of one account come one after the other, so that an erasure misses none.
pub struct PostgresPositions {
    db: Postgres,
    env: Env,
}

impl std::fmt::Debug for PostgresPositions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresPositions").field("db", &self.db).finish_non_exhaustive()
    }
}

impl PostgresPositions {
    /// Waits for the server for a bounded time, and brings the schema up to date.
    ///
    /// # Errors
    /// As [`Postgres::open`].
    pub async fn open(address: &ServerAddress, env: Env) -> Result<Self> {
        Ok(Self { db: Postgres::open(address, PostgresOptions::new(NAME), MIGRATIONS).await?, env })
    }
}

#[async_trait]
impl PositionStore for PostgresPositions {
    async fn get(&self, cx: &Cx, account: AccountId, feed: FeedKind) -> Result<Option<ReadPosition>> {
        self.db.read(cx, |mut conn| async move { get(&mut conn, account, feed).await }).await
    }

    async fn set(&self, cx: &Cx, to: ReadTo) -> Result<ReadPosition> {
        let set = |mut conn: Conn| async move {
            lock(&mut conn, to.account).await?;
            let mut book = requests::Book::open(&mut conn, [cx.request()], to.at).await?;
            if let Some(answer) = book.recall(cx.request())? {
                return Ok(answer);
            }
            let answer = set(&mut conn, to).await;
            book.settle(cx.request(), &answer)?;
            book.store(&mut conn).await?;
            answer
        };
        self.db.write(cx, set).await
    }

    async fn erase(&self, cx: &Cx, account: AccountId, limit: usize) -> Result<usize> {
        self.db.write(cx, |mut conn| async move { erase(&mut conn, account, limit).await }).await
    }

    async fn held(&self, cx: &Cx, after: AccountId, limit: usize) -> Result<Vec<AccountId>> {
        let read = |mut conn: Conn| async move {
            let held = "SELECT DISTINCT account FROM positions WHERE account > $1 ORDER BY account LIMIT $2";
            sqlx::query_scalar(held).bind(after.get()).bind(rows(limit)).fetch_all(&mut *conn).await.sql()
        };
        Ok(self.db.read(cx, read).await?.into_iter().map(AccountId).collect())
    }

    async fn held_among(&self, cx: &Cx, among: &[AccountId]) -> Result<Vec<AccountId>> {
        let among: &Vec<i64> = &among.iter().map(|account| account.get()).collect();
        let read = |mut conn: Conn| async move {
            let held = "SELECT DISTINCT account FROM positions WHERE account = ANY($1)";
            sqlx::query_scalar(held).bind(among).fetch_all(&mut *conn).await.sql()
        };
        Ok(self.db.read(cx, read).await?.into_iter().map(AccountId).collect())
    }

    async fn prune(&self, cx: &Cx) -> Result<usize> {
        let now = self.env.now();
        self.db.write(cx, |mut conn| async move { requests::prune(&mut conn, now).await }).await
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

/// Keeps other writes of the account out until the transaction ends. A statement of its own: what follows sees what they
/// committed.
async fn lock(conn: &mut PgConnection, account: AccountId) -> Result<()> {
    let lock = "SELECT pg_advisory_xact_lock($1, hashint8($2))";
    sqlx::query(lock).bind(LOCKS).bind(account.get()).execute(conn).await.sql()?;
    Ok(())
}

async fn get(conn: &mut PgConnection, account: AccountId, feed: FeedKind) -> Result<Option<ReadPosition>> {
    let found = sqlx::query_as("SELECT place, at FROM positions WHERE account = $1 AND feed = $2");
    let found: Option<(i64, i64)> = found.bind(account.get()).bind(feed.number()).fetch_optional(conn).await.sql()?;
    Ok(found.map(|(place, at)| ReadPosition { place: PostId(place), at: Timestamp(at) }))
}

async fn set(conn: &mut PgConnection, to: ReadTo) -> Result<ReadPosition> {
    let from = get(conn, to.account, to.feed).await?;
    let after = to.moves(from);
    if from == Some(after) {
        return Ok(after);
    }
    let put = sqlx::query(
        "INSERT INTO positions (account, feed, place, at)
         SELECT $1, $2, $3, $4 WHERE NOT EXISTS (SELECT 1 FROM gone WHERE account = $1)
         ON CONFLICT (account, feed) DO UPDATE SET place = excluded.place, at = excluded.at",
    );
    let put = put.bind(to.account.get()).bind(to.feed.number()).bind(after.place.get()).bind(after.at.0);
    let put = put.execute(conn).await.sql()?;
    if put.rows_affected() == 0 { Err(Error::new(reason::ACCOUNT_NOT_FOUND)) } else { Ok(after) }
}

/// Positions are few; what the account's requests were answered tells them too.
async fn erase(conn: &mut PgConnection, account: AccountId, limit: usize) -> Result<usize> {
    lock(conn, account).await?;
    let gone = "INSERT INTO gone (account) VALUES ($1) ON CONFLICT DO NOTHING";
    sqlx::query(gone).bind(account.get()).execute(&mut *conn).await.sql()?;
    let positions = sqlx::query("DELETE FROM positions WHERE account = $1").bind(account.get());
    let positions = count(positions.execute(&mut *conn).await.sql()?.rows_affected());
    let answers = sqlx::query(
        "DELETE FROM requests WHERE caller = $1 AND request_id IN
         (SELECT request_id FROM requests WHERE caller = $1 LIMIT $2)",
    );
    let answers = answers.bind(account.get()).bind(rows(limit.saturating_sub(positions)));
    Ok(positions + count(answers.execute(conn).await.sql()?.rows_affected()))
}

fn count(rows: u64) -> usize {
    usize::try_from(rows).unwrap_or(usize::MAX)
}

fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use plaza_stores::ServerKind;
    use plaza_stores::postgres::Scratch;
    use plaza_testkit::Store;

    use super::*;
    use crate::store::positions::conformance::{self, Subject};

    async fn open(scratch: &Scratch, env: Env) -> PostgresPositions {
        let address = scratch.address().unwrap();
        PostgresPositions::open(address.server(ServerKind::Postgres).unwrap(), env).await.unwrap()
    }

    fn scratch() -> Option<Scratch> {
        Some(Scratch::new(Store::Postgres.address()?, Store::unique_name()))
    }

    #[tokio::test]
    async fn does_what_every_engine_must() {
        for case in conformance::cases() {
            let Some(scratch) = scratch() else { return };
            let (env, clock) = conformance::env();
            println!("{}", case.name);
            (case.run)(Subject { store: Arc::new(open(&scratch, env).await), clock }).await;
        }
    }

    #[tokio::test]
    async fn a_position_is_there_after_a_restart_and_for_other_replicas() {
        let Some(scratch) = scratch() else { return };
        let (first, second) = (open(&scratch, conformance::env().0).await, open(&scratch, conformance::env().0).await);
        conformance::survives(&first, &second).await;
    }

    #[tokio::test]
    async fn an_erasure_leaves_nothing_of_writes_that_another_replica_makes_meanwhile() {
        let Some(scratch) = scratch() else { return };
        let (first, second) = (open(&scratch, conformance::env().0).await, open(&scratch, conformance::env().0).await);
        conformance::erased_meanwhile(Arc::new(first), Arc::new(second)).await;
    }
}
