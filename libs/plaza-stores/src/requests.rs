//! Mutations that are performed once: the answer is remembered in the write's own transaction.

use plaza_core::request::REMEMBERED_MS;
use plaza_core::{Error, RequestKey, Result, Timestamp, reason};
use rusqlite::{Connection, OptionalExtension as _, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::sqlite::SqlResultExt as _;

/// The table of remembered requests; part of a service's migrations.
pub const SCHEMA: &str = "
CREATE TABLE requests (
    caller     INTEGER NOT NULL,
    request_id BLOB    NOT NULL,
    method     TEXT    NOT NULL,
    digest     BLOB    NOT NULL,
    outcome    TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (caller, request_id)
) WITHOUT ROWID;
CREATE INDEX requests_by_age ON requests (created_at);
";

/// How many rows one [`prune`] deletes at most.
pub const PRUNE_LIMIT: i64 = 1_000;

struct Remembered {
    method: String,
    digest: Vec<u8>,
    outcome: String,
}

/// Runs `f` once for `key`: a retry of the same request gets the first outcome again, read from the table.
///
/// Call it inside a write, so that outcome and effect commit together. An error of `f` is not remembered: the retry
/// tries again. Without a key `f` just runs. Let `T` hold the outbox position as well, so that the token of a repeated
/// answer is the one of the first.
///
/// # Errors
/// `INVALID_ARGUMENT`, reason `REQUEST_ID_REUSED`, if the id stands for another request of this caller in the last
/// 24 hours; else what `f` returns.
pub fn once<T: Serialize + DeserializeOwned>(
    conn: &Connection,
    key: Option<&RequestKey>,
    now: Timestamp,
    f: impl FnOnce() -> Result<T>,
) -> Result<T> {
    if let Some(outcome) = recall(conn, key, now)? {
        return Ok(outcome);
    }
    let outcome = f()?;
    if let Some(key) = key {
        remember(conn, key, now, &outcome)?;
    }
    Ok(outcome)
}

/// The outcome remembered for `key`, if there is one: for a read that comes before work which a retry need not repeat.
///
/// # Errors
/// `INVALID_ARGUMENT`, reason `REQUEST_ID_REUSED`, as [`once`]; else the store's.
pub fn recall<T: DeserializeOwned>(conn: &Connection, key: Option<&RequestKey>, now: Timestamp) -> Result<Option<T>> {
    let Some(key) = key else { return Ok(None) };
    let Some(seen) = remembered(conn, key, now)? else { return Ok(None) };
    if seen.method != key.method || seen.digest != key.digest {
        return Err(Error::new(reason::REQUEST_ID_REUSED).on_field("request_id"));
    }
    serde_json::from_str(&seen.outcome)
        .map(Some)
        .map_err(|e| Error::internal(format!("the remembered outcome of {} cannot be read: {e}", key.method)))
}

fn remembered(conn: &Connection, key: &RequestKey, now: Timestamp) -> Result<Option<Remembered>> {
    conn.prepare_cached(
        "SELECT method, digest, outcome FROM requests WHERE caller = ?1 AND request_id = ?2 AND created_at > ?3",
    )
    .sql()?
    .query_row(params![key.caller, key.request_id.as_bytes(), now.plus_ms(-REMEMBERED_MS).0], |row| {
        Ok(Remembered { method: row.get(0)?, digest: row.get(1)?, outcome: row.get(2)? })
    })
    .optional()
    .sql()
}

fn remember<T: Serialize>(conn: &Connection, key: &RequestKey, now: Timestamp, outcome: &T) -> Result<()> {
    let outcome = serde_json::to_string(outcome)
        .map_err(|e| Error::internal(format!("the outcome of {} cannot be stored: {e}", key.method)))?;
    conn.prepare_cached(
        "INSERT OR REPLACE INTO requests (caller, request_id, method, digest, outcome, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )
    .sql()?
    .execute(params![key.caller, key.request_id.as_bytes(), key.method, key.digest, outcome, now.0])
    .sql()?;
    Ok(())
}

/// Deletes what is over 24 hours old, [`PRUNE_LIMIT`] rows at most; returns how many went.
///
/// # Errors
/// The store's.
pub fn prune(conn: &Connection, now: Timestamp) -> Result<usize> {
    conn.prepare_cached(
        "DELETE FROM requests WHERE (caller, request_id) IN
         (SELECT caller, request_id FROM requests WHERE created_at <= ?1 ORDER BY created_at LIMIT ?2)",
    )
    .sql()?
    .execute(params![now.plus_ms(-REMEMBERED_MS).0, PRUNE_LIMIT])
    .sql()
}

#[cfg(test)]
mod tests {
    use plaza_core::Cx;
    use uuid::Uuid;

    use super::*;
    use crate::{Migration, Sqlite};

    const MIGRATIONS: &[Migration] = &[
        Migration { name: "0001_requests", sql: SCHEMA },
        Migration { name: "0002_effects", sql: "CREATE TABLE effects (id INTEGER PRIMARY KEY)" },
    ];
    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn key(id: u128, method: &'static str, digest: u8) -> RequestKey {
        RequestKey { caller: 7, request_id: Uuid::from_u128(id), method, digest: [digest; 16] }
    }

    async fn call(db: &Sqlite, key: Option<RequestKey>, now: Timestamp) -> Result<i64> {
        let cx = Cx::background("test", std::time::Duration::from_secs(30));
        db.write(&cx, move |conn| {
            once(conn, key.as_ref(), now, || {
                conn.prepare_cached("INSERT INTO effects DEFAULT VALUES").sql()?.insert([]).sql()
            })
        })
        .await
    }

    #[tokio::test]
    async fn a_retry_gets_the_first_answer_and_another_request_is_refused() {
        let db = Sqlite::ephemeral(MIGRATIONS).unwrap();
        assert_eq!(call(&db, Some(key(1, "Create", 1)), NOW).await.unwrap(), 1);
        assert_eq!(call(&db, Some(key(1, "Create", 1)), NOW.plus_ms(REMEMBERED_MS - 1)).await.unwrap(), 1);
        for other in [key(1, "Create", 2), key(1, "Delete", 1)] {
            let error = call(&db, Some(other), NOW).await.unwrap_err();
            assert!(error.is(reason::REQUEST_ID_REUSED));
            assert_eq!(error.violations()[0].field, "request_id");
        }
        let somebody_else = RequestKey { caller: 8, ..key(1, "Create", 9) };
        assert_eq!(call(&db, Some(somebody_else), NOW).await.unwrap(), 2);
        assert_eq!(call(&db, None, NOW).await.unwrap(), 3);
        assert_eq!(call(&db, Some(key(1, "Create", 1)), NOW.plus_ms(REMEMBERED_MS)).await.unwrap(), 4, "forgotten");
    }

    #[tokio::test]
    async fn what_was_answered_can_be_recalled_without_a_write() {
        let db = Sqlite::ephemeral(MIGRATIONS).unwrap();
        let cx = Cx::background("test", std::time::Duration::from_secs(5));
        let recall = async |key: Option<RequestKey>| db.read(&cx, |conn| recall::<i64>(conn, key.as_ref(), NOW)).await;
        assert_eq!(recall(Some(key(1, "Create", 1))).await.unwrap(), None);
        call(&db, Some(key(1, "Create", 1)), NOW).await.unwrap();
        assert_eq!(recall(Some(key(1, "Create", 1))).await.unwrap(), Some(1));
        assert_eq!(recall(None).await.unwrap(), None);
        assert!(recall(Some(key(1, "Create", 2))).await.unwrap_err().is(reason::REQUEST_ID_REUSED));
    }

    #[tokio::test]
    async fn many_retries_at_once_have_one_effect() {
        let db = Sqlite::ephemeral(MIGRATIONS).unwrap();
        let calls = (0..50).map(|_| {
            let db = db.clone();
            tokio::spawn(async move { call(&db, Some(key(1, "Create", 1)), NOW).await.unwrap() })
        });
        for call in calls.collect::<Vec<_>>() {
            assert_eq!(call.await.unwrap(), 1);
        }
    }

    #[tokio::test]
    async fn errors_are_not_remembered_and_old_rows_go_bit_by_bit() {
        let db = Sqlite::ephemeral(MIGRATIONS).unwrap();
        let cx = Cx::background("test", std::time::Duration::from_secs(30));
        let failing = db.write(&cx, |conn| {
            once::<i64>(conn, Some(&key(1, "Create", 1)), NOW, || Err(Error::new(reason::HANDLE_TAKEN)))
        });
        failing.await.unwrap_err();
        assert_eq!(call(&db, Some(key(1, "Create", 1)), NOW).await.unwrap(), 1);
        for id in 2..=PRUNE_LIMIT + 10 {
            call(&db, Some(key(u128::try_from(id).unwrap(), "Create", 1)), NOW).await.unwrap();
        }
        let prune = async |now| db.write(&cx, move |conn| prune(conn, now)).await.unwrap();
        assert_eq!(prune(NOW.plus_ms(REMEMBERED_MS - 1)).await, 0);
        assert_eq!(prune(NOW.plus_ms(REMEMBERED_MS)).await, 1_000);
        assert_eq!(prune(NOW.plus_ms(REMEMBERED_MS)).await, 10);
    }
}
