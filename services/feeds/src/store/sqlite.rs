//! The embedded engine of read positions.

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, Env, Error, Result, Timestamp, reason};
use plaza_stores::{Gauge, Ids, Migration, SqlResultExt as _, Sqlite, StoreAddress, requests};
use rusqlite::{Connection, OptionalExtension as _, Params, Row, params};

use super::positions::PositionStore;
use crate::domain::{FeedKind, ReadPosition, ReadTo};

/// The schema, step by step.
const MIGRATIONS: &[Migration] = &[
    Migration { name: "0001_positions", sql: include_str!("../../migrations/sqlite/0001_positions.sql") },
    Migration { name: "0002_requests", sql: requests::SCHEMA },
];

/// Read positions in a SQLite file. Its one writer runs each check together with the write that rests on it.
pub struct SqlitePositions {
    db: Sqlite,
    env: Env,
}

impl std::fmt::Debug for SqlitePositions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqlitePositions").field("db", &self.db).finish_non_exhaustive()
    }
}

impl SqlitePositions {
    /// Opens the store at `address`; blocks, for start-up.
    ///
    /// # Errors
    /// `STORE_UNAVAILABLE` with a message for the operator.
    pub fn open(address: &StoreAddress, env: Env) -> Result<Self> {
        let db = Sqlite::at(address, MIGRATIONS)?;
        Ok(Self { db, env })
    }
}

#[async_trait]
impl PositionStore for SqlitePositions {
    async fn get(&self, cx: &Cx, account: AccountId, feed: FeedKind) -> Result<Option<ReadPosition>> {
        self.db.read(cx, |conn| get(conn, account, feed)).await
    }

    async fn set(&self, cx: &Cx, to: ReadTo) -> Result<ReadPosition> {
        let request = cx.request().cloned();
        let set = move |conn: &Connection| requests::once(conn, request.as_ref(), to.at, || set(conn, to));
        self.db.write(cx, set).await
    }

    async fn erase(&self, cx: &Cx, account: AccountId, limit: usize) -> Result<usize> {
        self.db.write(cx, move |conn| erase(conn, account, limit)).await
    }

    async fn held(&self, cx: &Cx, after: AccountId, limit: usize) -> Result<Vec<AccountId>> {
        let sql = "SELECT DISTINCT account FROM positions WHERE account > ?1 ORDER BY account LIMIT ?2";
        self.db.read(cx, |conn| accounts(conn, sql, params![after.get(), rows(limit)])).await
    }

    async fn held_among(&self, cx: &Cx, among: &[AccountId]) -> Result<Vec<AccountId>> {
        let among: Vec<i64> = among.iter().map(|account| account.get()).collect();
        let sql = "SELECT DISTINCT account FROM positions WHERE account IN (SELECT value FROM json_each(?1))";
        self.db.read(cx, |conn| accounts(conn, sql, params![Ids(&among)])).await
    }

    async fn prune(&self, cx: &Cx) -> Result<usize> {
        let now = self.env.now();
        self.db.write(cx, move |conn| requests::prune(conn, now)).await
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

fn get(conn: &Connection, account: AccountId, feed: FeedKind) -> Result<Option<ReadPosition>> {
    let mut found = conn.prepare_cached("SELECT place, at FROM positions WHERE account = ?1 AND feed = ?2").sql()?;
    found.query_row(params![account.get(), feed.number()], position).optional().sql()
}

fn position(row: &Row<'_>) -> rusqlite::Result<ReadPosition> {
    Ok(ReadPosition { place: plaza_core::PostId(row.get(0)?), at: Timestamp(row.get(1)?) })
}

fn set(conn: &Connection, to: ReadTo) -> Result<ReadPosition> {
    let gone = "SELECT EXISTS (SELECT 1 FROM gone WHERE account = ?1)";
    if conn.prepare_cached(gone).sql()?.query_row([to.account.get()], |row| row.get(0)).sql()? {
        return Err(Error::new(reason::ACCOUNT_NOT_FOUND));
    }
    let from = get(conn, to.account, to.feed)?;
    let after = to.moves(from);
    if from != Some(after) {
        let put = "INSERT OR REPLACE INTO positions (account, feed, place, at) VALUES (?1, ?2, ?3, ?4)";
        let row = params![to.account.get(), to.feed.number(), after.place.get(), after.at.0];
        conn.prepare_cached(put).sql()?.execute(row).sql()?;
    }
    Ok(after)
}

/// Positions are few; what the account's requests were answered tells them too.
fn erase(conn: &Connection, account: AccountId, limit: usize) -> Result<usize> {
    conn.prepare_cached("INSERT OR IGNORE INTO gone (account) VALUES (?1)").sql()?.execute([account.get()]).sql()?;
    let positions = conn.prepare_cached("DELETE FROM positions WHERE account = ?1").sql()?;
    let positions = { positions }.execute([account.get()]).sql()?;
    let answers = "DELETE FROM requests WHERE caller = ?1 AND request_id IN
                   (SELECT request_id FROM requests WHERE caller = ?1 LIMIT ?2)";
    let left = limit.saturating_sub(positions);
    let answers = conn.prepare_cached(answers).sql()?.execute(params![account.get(), rows(left)]).sql()?;
    Ok(positions + answers)
}

fn accounts(conn: &Connection, sql: &str, params: impl Params) -> Result<Vec<AccountId>> {
    let mut found = conn.prepare_cached(sql).sql()?;
    let found = found.query_map(params, |row| row.get(0).map(AccountId)).sql()?;
    found.collect::<rusqlite::Result<_>>().sql()
}

fn rows(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::positions::conformance::{self, Subject};

    #[tokio::test]
    async fn does_what_every_engine_must() {
        for case in conformance::cases() {
            let (env, clock) = conformance::env();
            let store = SqlitePositions::open(&StoreAddress::Memory, env).unwrap();
            println!("{}", case.name);
            (case.run)(Subject { store: std::sync::Arc::new(store), clock }).await;
        }
    }

    #[tokio::test]
    async fn a_position_is_there_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let address = StoreAddress::sqlite(folder.path().join("feeds.db").to_str().unwrap());
        let open = || SqlitePositions::open(&address, conformance::env().0).unwrap();
        conformance::survives(&open(), &open()).await;
    }

    #[test]
    fn an_address_of_no_engine_is_refused() {
        let error = SqlitePositions::open(&"redis://h".parse().unwrap(), conformance::env().0).unwrap_err();
        assert!(error.to_string().contains("sqlite:PATH"), "{error}");
    }
}
