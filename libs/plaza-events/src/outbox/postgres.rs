//! The outbox in Postgres, where transactions overlap: a position is made of the transaction's number, so that the order
//! of positions is known to the writer inside its transaction, and a reader waits for those that are still open. See
//! `docs/adr/0008-outbox-positions-in-postgres.md`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use plaza_core::{Cx, Error, Position, Result, Timestamp};
use plaza_stores::{PgResultExt as _, Postgres};
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row as _};
use tokio::sync::watch;

use super::Outbox;
use crate::{Event, NewEvent};

/// The outbox's tables and functions; part of a service's migrations.
pub const SCHEMA: &str = include_str!("postgres.sql");
/// How soon a row that an open transaction holds up is looked for again, in milliseconds; each further look doubles it.
const FIRST_LOOK_MS: u64 = 2;
/// The longest pause between two such looks. The relay's poll comes in any case.
const LAST_LOOK_MS: u64 = 128;
/// How far rows that wait are counted.
const DEPTH_LIMIT: i64 = 100_000;

/// Puts events into the outbox, in one statement. Call it inside the write that they tell of, and tell the callers'
/// contexts: `cx.wrote(source, position)` once the write is committed. Returns the position of each.
///
/// # Errors
/// The store's; internal for over 65,536 events of one transaction.
pub async fn append_many(conn: &mut PgConnection, events: &[NewEvent]) -> Result<Vec<Position>> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let first: Position = sqlx::query_scalar("SELECT outbox_append($1, $2, $3, $4, $5, $6, $7)")
        .bind(column(events, |event| event.id))
        .bind(column(events, |event| event.aggregate_type))
        .bind(column(events, |event| event.aggregate_id))
        .bind(column(events, |event| event.type_.as_str()))
        .bind(column(events, |event| event.payload.as_ref()))
        .bind(column(events, |event| event.trace.map(|trace| trace.to_string())))
        .bind(column(events, |event| event.at.0))
        .fetch_one(conn)
        .await
        .sql()?;
    Ok((first..).take(events.len()).collect())
}

fn column<'a, T>(events: &'a [NewEvent], of: impl Fn(&'a NewEvent) -> T) -> Vec<T> {
    events.iter().map(of).collect()
}

/// Puts one event into the outbox, as [`append_many`].
///
/// # Errors
/// The store's.
pub async fn append(conn: &mut PgConnection, event: &NewEvent) -> Result<Position> {
    let positions = append_many(conn, std::slice::from_ref(event)).await?;
    positions.first().copied().ok_or_else(|| Error::internal("an event got no position"))
}

/// The position that the transaction's next event will have; those after it follow without a gap. For a write that has to
/// know positions before it appends.
///
/// # Errors
/// The store's.
pub async fn next_position(conn: &mut PgConnection) -> Result<Position> {
    sqlx::query_scalar("SELECT outbox_next()").fetch_one(conn).await.sql()
}

/// The outbox in a service's database.
#[derive(Clone, Debug)]
pub struct PostgresOutbox {
    source: String,
    db: Postgres,
    /// The pause before the next look for rows that are held up; 0 while none is under way.
    look_ms: Arc<AtomicU64>,
}

impl PostgresOutbox {
    /// The outbox of `source` in `db`, whose migrations contain [`SCHEMA`] and on which [`PostgresOutbox::prepare`] was
    /// called.
    #[must_use]
    pub fn new(source: impl Into<String>, db: Postgres) -> Self {
        Self { source: source.into(), db, look_ms: Arc::default() }
    }

    /// Makes positions go on from the last one, also in a cluster that the rows were restored into. To be called when the
    /// store is opened, before the first write.
    ///
    /// # Errors
    /// The store's.
    pub async fn prepare(&self, cx: &Cx) -> Result<()> {
        let moved = self.db.write(cx, |mut conn| async move {
            sqlx::query_scalar::<_, bool>("SELECT outbox_go_on()").fetch_one(&mut *conn).await.sql()
        });
        if moved.await? {
            tracing::warn!(
                source = self.source,
                "the outbox was restored into another cluster: positions go on from its last"
            );
        }
        Ok(())
    }

    fn event(&self, row: &PgRow) -> sqlx::Result<Event> {
        Ok(Event {
            source: self.source.clone(),
            position: row.try_get(0)?,
            id: row.try_get(1)?,
            aggregate_type: row.try_get(2)?,
            aggregate_id: row.try_get(3)?,
            type_: row.try_get(4)?,
            payload: Bytes::from(row.try_get::<Vec<u8>, _>(5)?),
            traceparent: row.try_get(6)?,
            at: Timestamp(row.try_get(7)?),
        })
    }

    /// Rows are committed that cannot be read yet, as an older transaction is open. Its end is no commit of this outbox
    /// perhaps, so nobody tells of it: look again soon, and less often the longer it takes.
    fn look_again(&self) {
        let pause = self.look_ms.load(Relaxed).max(FIRST_LOOK_MS);
        self.look_ms.store((pause * 2).min(LAST_LOOK_MS), Relaxed);
        let db = self.db.clone();
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_millis(pause)).await;
            db.announce();
        });
    }
}

#[async_trait]
impl Outbox for PostgresOutbox {
    fn source(&self) -> &str {
        &self.source
    }

    async fn read_after(&self, cx: &Cx, position: Position, limit: usize) -> Result<Vec<Event>> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let read = self.db.read(cx, |mut conn| async move {
            sqlx::query(
                "SELECT position, id, aggregatetype, aggregateid, type, payload, tracingspancontext, created_at,
                    position < (pg_snapshot_xmin(pg_current_snapshot())::text::bigint + xid_offset) << 16
                 FROM outbox, outbox_state WHERE position > $1 ORDER BY position LIMIT $2",
            )
            .bind(position)
            .bind(limit)
            .fetch_all(&mut *conn)
            .await
            .sql()
        });
        let rows = read.await?;
        let mut events = Vec::with_capacity(rows.len());
        for row in &rows {
            if !row.try_get::<bool, _>(8).sql()? {
                self.look_again();
                return Ok(events);
            }
            events.push(self.event(row).sql()?);
        }
        self.look_ms.store(0, Relaxed);
        Ok(events)
    }

    async fn last_position(&self, cx: &Cx) -> Result<Position> {
        let read = self.db.read(cx, |mut conn| async move {
            sqlx::query_scalar("SELECT outbox_last()").fetch_one(&mut *conn).await.sql()
        });
        read.await
    }

    async fn knows(&self, cx: &Cx, position: Position) -> Result<bool> {
        let read = self.db.read(cx, |mut conn| async move {
            sqlx::query_scalar(
                "SELECT $1 <= pruned_to OR EXISTS (SELECT 1 FROM outbox WHERE position = $1) FROM outbox_state",
            )
            .bind(position)
            .fetch_one(&mut *conn)
            .await
            .sql()
        });
        read.await
    }

    async fn depth(&self, cx: &Cx, position: Position) -> Result<i64> {
        let read = self.db.read(cx, |mut conn| async move {
            sqlx::query_scalar("SELECT count(*) FROM (SELECT 1 FROM outbox WHERE position > $1 LIMIT $2) AS waiting")
                .bind(position)
                .bind(DEPTH_LIMIT)
                .fetch_one(&mut *conn)
                .await
                .sql()
        });
        read.await
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.db.commits()
    }

    async fn prune(&self, cx: &Cx, before: Timestamp, published: Position) -> Result<usize> {
        let pruned = self.db.write(cx, |mut conn| async move {
            // Writers would queue up behind a drop that waits for one of them.
            sqlx::query("SET LOCAL lock_timeout = '200ms'").execute(&mut *conn).await.sql()?;
            sqlx::query_scalar::<_, i64>("SELECT outbox_prune($1, $2)")
                .bind(before.0)
                .bind(published)
                .fetch_one(&mut *conn)
                .await
                .sql()
        });
        Ok(usize::try_from(pruned.await?).unwrap_or(usize::MAX))
    }
}
