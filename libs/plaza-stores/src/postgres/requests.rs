//! Mutations that are performed once, in Postgres: the answer is remembered in the write's own transaction. The same
//! promises as [`crate::requests`] for SQLite, for many requests at a time.

use std::collections::{BTreeMap, BTreeSet};

use plaza_core::request::REMEMBERED_MS;
use plaza_core::{Error, RequestKey, Result, Timestamp, reason};
use serde::Serialize;
use serde::de::DeserializeOwned;
use sqlx::{PgConnection, Row as _};
use uuid::Uuid;

use super::errors::PgResultExt as _;
pub use crate::requests::PRUNE_LIMIT;

/// The table of remembered requests; part of a service's migrations.
pub const SCHEMA: &str = "
CREATE TABLE requests (
    caller     bigint NOT NULL,
    request_id uuid   NOT NULL,
    method     text   NOT NULL,
    digest     bytea  NOT NULL,
    outcome    text   NOT NULL,
    created_at bigint NOT NULL,
    PRIMARY KEY (caller, request_id)
);
CREATE INDEX requests_by_age ON requests (created_at)
";

struct Remembered {
    method: String,
    digest: Vec<u8>,
    outcome: String,
}

/// What a transaction knows of the requests that it performs: those remembered before it, and those it performs itself.
///
/// [`Book::open`] first, [`Book::recall`] before each effect, [`Book::settle`] after it, [`Book::store`] at the end. A
/// refusal is not remembered: the retry tries again. Let the answer hold the outbox position as well, so that the token
/// of a repeated answer is the one of the first.
pub struct Book {
    now: Timestamp,
    known: BTreeMap<(i64, Uuid), Remembered>,
    /// Those of `known` that are still to be stored.
    fresh: BTreeSet<(i64, Uuid)>,
    refused: BTreeSet<(i64, Uuid)>,
    forgotten: Vec<i64>,
}

impl std::fmt::Debug for Book {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Book").field("known", &self.known.len()).field("fresh", &self.fresh.len()).finish()
    }
}

impl Book {
    /// Reads what is remembered for `keys`, in one statement.
    ///
    /// # Errors
    /// The store's.
    pub async fn open<'a>(
        conn: &mut PgConnection,
        keys: impl IntoIterator<Item = Option<&'a RequestKey>>,
        now: Timestamp,
    ) -> Result<Self> {
        let (callers, ids): (Vec<i64>, Vec<Uuid>) =
            keys.into_iter().flatten().map(|key| (key.caller, key.request_id)).unzip();
        let mut book = Self {
            now,
            known: BTreeMap::new(),
            fresh: BTreeSet::new(),
            refused: BTreeSet::new(),
            forgotten: Vec::new(),
        };
        if ids.is_empty() {
            return Ok(book);
        }
        let rows = sqlx::query(
            "SELECT caller, request_id, method, digest, outcome FROM requests
             WHERE (caller, request_id) IN (SELECT * FROM unnest($1::bigint[], $2::uuid[])) AND created_at > $3",
        )
        .bind(callers)
        .bind(ids)
        .bind(oldest(now))
        .fetch_all(conn)
        .await
        .sql()?;
        for row in rows {
            let key = (row.try_get(0).sql()?, row.try_get(1).sql()?);
            let (method, digest, outcome) = (row.try_get(2).sql()?, row.try_get(3).sql()?, row.try_get(4).sql()?);
            book.known.insert(key, Remembered { method, digest, outcome });
        }
        Ok(book)
    }

    /// The outcome remembered for `key`, if there is one.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT`, reason `REQUEST_ID_REUSED`, if the id stands for another request of this caller in the last
    /// 24 hours.
    pub fn recall<T: DeserializeOwned>(&self, key: Option<&RequestKey>) -> Result<Option<T>> {
        let Some(key) = key else { return Ok(None) };
        let Some(seen) = self.known.get(&(key.caller, key.request_id)) else { return Ok(None) };
        if seen.method != key.method || seen.digest != key.digest {
            return Err(Error::new(reason::REQUEST_ID_REUSED).on_field("request_id"));
        }
        serde_json::from_str(&seen.outcome)
            .map(Some)
            .map_err(|e| Error::internal(format!("the remembered outcome of {} cannot be read: {e}", key.method)))
    }

    /// Notes what `key` is answered, an outcome or a refusal; without a key nothing.
    ///
    /// # Errors
    /// Internal, if the outcome cannot be written down.
    pub fn settle<T: Serialize>(&mut self, key: Option<&RequestKey>, answer: &Result<T>) -> Result<()> {
        let Some(key) = key else { return Ok(()) };
        let Ok(outcome) = answer else {
            self.refused.insert((key.caller, key.request_id));
            return Ok(());
        };
        let outcome = serde_json::to_string(outcome)
            .map_err(|e| Error::internal(format!("the outcome of {} cannot be stored: {e}", key.method)))?;
        let seen = Remembered { method: key.method.to_owned(), digest: key.digest.to_vec(), outcome };
        self.known.insert((key.caller, key.request_id), seen);
        self.fresh.insert((key.caller, key.request_id));
        Ok(())
    }

    /// Forgets all that `caller` was answered so far: for the erasure of an account.
    pub fn forget(&mut self, caller: i64) {
        self.known.retain(|(of, _), _| *of != caller);
        self.fresh.retain(|(of, _)| *of != caller);
        self.forgotten.push(caller);
    }

    /// Stores what was noted, in one statement; refusals and what is to be forgotten take one more each.
    ///
    /// # Errors
    /// `WRITE_CONFLICT` if another transaction has performed one of the requests meanwhile: this one must be undone and
    /// tried again, and finds the other's answer then. Else the store's.
    pub async fn store(self, conn: &mut PgConnection) -> Result<()> {
        if !self.forgotten.is_empty() {
            let delete = sqlx::query("DELETE FROM requests WHERE caller = ANY($1)").bind(&self.forgotten);
            delete.execute(&mut *conn).await.sql()?;
        }
        self.check_refused(conn).await?;
        if self.fresh.is_empty() {
            return Ok(());
        }
        let mut columns = Columns::default();
        // In the order of the key, so that two transactions never wait for each other.
        for (key, seen) in self.known.into_iter().filter(|(key, _)| self.fresh.contains(key)) {
            columns.push(key, seen);
        }
        columns.insert(conn, self.now).await
    }

    /// A request may have been refused for what its own twin has done: the same request, performed by another replica
    /// since this transaction looked. Then the twin's answer is there now.
    async fn check_refused(&self, conn: &mut PgConnection) -> Result<()> {
        // Of those that were performed here in the end, the insert finds it out.
        let (callers, ids): (Vec<i64>, Vec<Uuid>) = self.refused.difference(&self.fresh).copied().unzip();
        if ids.is_empty() {
            return Ok(());
        }
        let overtaken = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM requests
             WHERE (caller, request_id) IN (SELECT * FROM unnest($1::bigint[], $2::uuid[])) AND created_at > $3)",
        );
        let overtaken = overtaken.bind(callers).bind(ids).bind(oldest(self.now)).fetch_one(conn).await.sql()?;
        if overtaken { Err(Error::new(reason::WRITE_CONFLICT)) } else { Ok(()) }
    }
}

/// Rows to insert, column by column.
#[derive(Default)]
struct Columns {
    callers: Vec<i64>,
    ids: Vec<Uuid>,
    methods: Vec<String>,
    digests: Vec<Vec<u8>>,
    outcomes: Vec<String>,
}

impl Columns {
    fn push(&mut self, (caller, id): (i64, Uuid), seen: Remembered) {
        self.callers.push(caller);
        self.ids.push(id);
        self.methods.push(seen.method);
        self.digests.push(seen.digest);
        self.outcomes.push(seen.outcome);
    }

    async fn insert(self, conn: &mut PgConnection, now: Timestamp) -> Result<()> {
        let rows = self.ids.len() as u64;
        // A row that is too old to count gives way; any other belongs to a transaction that came first.
        let stored = sqlx::query(
            "INSERT INTO requests (caller, request_id, method, digest, outcome, created_at)
             SELECT *, $6 FROM unnest($1::bigint[], $2::uuid[], $3::text[], $4::bytea[], $5::text[])
             ON CONFLICT (caller, request_id) DO UPDATE
                SET method = excluded.method, digest = excluded.digest, outcome = excluded.outcome,
                    created_at = excluded.created_at
                WHERE requests.created_at <= $7",
        )
        .bind(self.callers)
        .bind(self.ids)
        .bind(self.methods)
        .bind(self.digests)
        .bind(self.outcomes)
        .bind(now.0)
        .bind(oldest(now))
        .execute(conn)
        .await
        .sql()?;
        if stored.rows_affected() == rows { Ok(()) } else { Err(Error::new(reason::WRITE_CONFLICT)) }
    }
}

/// The outcome remembered for `key`, if there is one: for a single request, or a read that comes before work which a
/// retry need not repeat.
///
/// # Errors
/// As [`Book::recall`], and the store's.
pub async fn recall<T: DeserializeOwned>(
    conn: &mut PgConnection,
    key: Option<&RequestKey>,
    now: Timestamp,
) -> Result<Option<T>> {
    Book::open(conn, [key], now).await?.recall(key)
}

/// Deletes what is over 24 hours old, [`PRUNE_LIMIT`] rows at most; returns how many went.
///
/// # Errors
/// The store's.
pub async fn prune(conn: &mut PgConnection, now: Timestamp) -> Result<usize> {
    let deleted = sqlx::query(
        "DELETE FROM requests WHERE (caller, request_id) IN
         (SELECT caller, request_id FROM requests WHERE created_at <= $1 ORDER BY created_at LIMIT $2
          FOR UPDATE SKIP LOCKED)",
    )
    .bind(oldest(now))
    .bind(PRUNE_LIMIT)
    .execute(conn)
    .await
    .sql()?;
    Ok(usize::try_from(deleted.rows_affected()).unwrap_or(usize::MAX))
}

/// Rows from this time or before no longer count.
fn oldest(now: Timestamp) -> i64 {
    now.plus_ms(-REMEMBERED_MS).0
}
