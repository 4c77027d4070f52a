//! The outbox in SQLite, which has one writer at a time: `position` rises in commit order by itself.

use async_trait::async_trait;
use bytes::Bytes;
use plaza_core::{Cx, Position, Result, Timestamp};
use plaza_stores::{SqlResultExt as _, Sqlite};
use rusqlite::{Connection, Row, params};
use tokio::sync::watch;
use uuid::Uuid;

use super::{Outbox, PRUNE_LIMIT};
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
        let events = self
            .db
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
            .await?;
        // Who is told of a row must not find the caches of its service as they were before it.
        self.db.settled(cx).await?;
        Ok(events)
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
