//! The outbox: a table in each truth store. A write puts its events there in its own transaction, so that effect and
//! event commit together or not at all.
//!
//! The columns have Debezium's names, so that its outbox router can take the relay's place. SQLite has one writer at a
//! time, so `position` rises in commit order, and whoever has read up to a position has missed nothing before it. Rows
//! stay for [`RETENTION_MS`], so that the whole log can be published again.

use async_trait::async_trait;
use bytes::Bytes;
use plaza_core::{Cx, Error, Position, Result, Timestamp};
use plaza_stores::{SqlResultExt as _, Sqlite};
use rusqlite::{Connection, Row, params};
use tokio::sync::watch;
use uuid::Uuid;

use crate::{Event, NewEvent};

/// The outbox's table; part of a service's migrations.
pub const SCHEMA: &str = "
CREATE TABLE outbox (
    position           INTEGER PRIMARY KEY AUTOINCREMENT,
    id                 BLOB    NOT NULL UNIQUE,
    aggregatetype      TEXT    NOT NULL,
    aggregateid        INTEGER NOT NULL,
    type               TEXT    NOT NULL,
    payload            BLOB    NOT NULL,
    tracingspancontext TEXT,
    created_at         INTEGER NOT NULL
);
";

/// How long rows are kept unless set otherwise: 30 days, in milliseconds.
pub const RETENTION_MS: i64 = 30 * 24 * 60 * 60 * 1_000;
/// How many rows one prune deletes at most.
pub const PRUNE_LIMIT: i64 = 5_000;

/// Puts an event into the outbox. Call it inside the write that the event tells of, and tell the caller's context:
/// `cx.wrote(source, position)` once the write is committed.
///
/// # Errors
/// The store's.
pub fn append(conn: &Connection, event: &NewEvent) -> Result<Position> {
    conn.prepare_cached(
        "INSERT INTO outbox (id, aggregatetype, aggregateid, type, payload, tracingspancontext, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )
    .sql()?
    .insert(params![
        event.id.as_bytes(),
        event.aggregate_type,
        event.aggregate_id,
        event.type_,
        event.payload.as_ref(),
        event.trace.map(|t| t.to_string()),
        event.at.0,
    ])
    .sql()
}

/// One truth store's outbox, as the relay reads it.
#[async_trait]
pub trait Outbox: Send + Sync + 'static {
    /// Its name, the same in events and consistency tokens.
    fn source(&self) -> &str;

    /// Up to `limit` events after `position`, in commit order. One that commits later never has a lower position.
    async fn read_after(&self, cx: &Cx, position: Position, limit: usize) -> Result<Vec<Event>>;

    /// The position of the newest row ever written, 0 if there was none.
    async fn last_position(&self, cx: &Cx) -> Result<Position>;

    /// Changes when there may be new rows. Rows that others wrote may not show here: poll now and then as well.
    fn changes(&self) -> watch::Receiver<u64>;

    /// Deletes a bounded number of rows written before `before`, up to `published`; returns how many.
    async fn prune(&self, cx: &Cx, before: Timestamp, published: Position) -> Result<usize>;
}

/// The outbox in a service's SQLite file.
#[derive(Clone, Debug)]
pub struct SqliteOutbox {
    source: String,
    db: Sqlite,
}

impl SqliteOutbox {
    /// The outbox of `source` in `db`, whose migrations contain [`SCHEMA`].
    #[must_use]
    pub fn new(source: impl Into<String>, db: Sqlite) -> Self {
        Self { source: source.into(), db }
    }

    fn event(&self, row: &Row<'_>) -> rusqlite::Result<Event> {
        Ok(Event {
            source: self.source.clone(),
            position: row.get(0)?,
            id: Uuid::from_bytes(row.get(1)?),
            aggregate_type: row.get(2)?,
            aggregate_id: row.get(3)?,
            type_: row.get(4)?,
            payload: Bytes::from(row.get::<_, Vec<u8>>(5)?),
            traceparent: row.get(6)?,
            at: Timestamp(row.get(7)?),
        })
    }
}

#[async_trait]
impl Outbox for SqliteOutbox {
    fn source(&self) -> &str {
        &self.source
    }

    async fn read_after(&self, cx: &Cx, position: Position, limit: usize) -> Result<Vec<Event>> {
        self.db
            .read(cx, |conn| {
                let mut rows = conn
                    .prepare_cached(
                        "SELECT position, id, aggregatetype, aggregateid, type, payload, tracingspancontext, created_at
                         FROM outbox WHERE position > ?1 ORDER BY position LIMIT ?2",
                    )
                    .sql()?;
                let rows = rows
                    .query_map(params![position, i64::try_from(limit).unwrap_or(i64::MAX)], |row| self.event(row))
                    .sql()?;
                rows.collect::<rusqlite::Result<Vec<_>>>().sql()
            })
            .await
    }

    async fn last_position(&self, cx: &Cx) -> Result<Position> {
        self.db
            .read(cx, |conn| {
                conn.prepare_cached("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'outbox'")
                    .sql()?
                    .query_row([], |row| row.get(0))
                    .sql()
            })
            .await
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.db.commits()
    }

    async fn prune(&self, cx: &Cx, before: Timestamp, published: Position) -> Result<usize> {
        let deleted = self.db.write(cx, move |conn| {
            conn.prepare_cached(
                "DELETE FROM outbox WHERE position IN (
                    SELECT position FROM outbox WHERE position <= ?1 AND created_at < ?2 ORDER BY position LIMIT ?3)",
            )
            .sql()?
            .execute(params![published, before.0, PRUNE_LIMIT])
            .sql()
        });
        deleted.await
    }
}

/// The error of a log that knows more of a source than its outbox does.
pub(crate) fn replaced(source: &str, log: Position, outbox: Position) -> Error {
    Error::internal(format!(
        "the log has {source} up to {log}, but its outbox ends at {outbox}: the store was replaced or restored from an \
         old copy. Remove the event log's file and rebuild the projections"
    ))
}
