//! The statements of the log.

use bytes::Bytes;
use plaza_core::{Error, Position, Result, Timestamp, reason};
use plaza_stores::SqlResultExt as _;
use rusqlite::{Connection, OptionalExtension as _, Row, params};
use uuid::Uuid;

use super::{Cursor, DeadLetter, Event, Fetched, Offset};
use crate::log;

/// A fetch looks through this many times its limit at most, so that it stays short for a consumer of a quiet source.
const LOOK_AHEAD: i64 = 20;
/// How many rows one prune looks at.
const PRUNE_LIMIT: i64 = 5_000;

/// Reads the columns source, position, id, aggregate_type, aggregate_id, type, payload, traceparent, at from column
/// `first` on.
fn event(row: &Row<'_>, first: usize) -> rusqlite::Result<Event> {
    Ok(Event {
        source: row.get(first)?,
        position: row.get(first + 1)?,
        id: Uuid::from_bytes(row.get(first + 2)?),
        aggregate_type: row.get(first + 3)?,
        aggregate_id: row.get(first + 4)?,
        type_: row.get(first + 5)?,
        payload: Bytes::from(row.get::<_, Vec<u8>>(first + 6)?),
        traceparent: row.get(first + 7)?,
        at: Timestamp(row.get(first + 8)?),
    })
}

pub(super) fn insert(conn: &Connection, after: Position, events: &[Event]) -> Result<usize> {
    if let Some(event) = events.first() {
        log::check_tail(&event.source, last_position(conn, &event.source)?, after)?;
    }
    let mut statement = conn
        .prepare_cached(
            "INSERT INTO log (source, position, id, aggregate_type, aggregate_id, type, payload, traceparent, at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9) ON CONFLICT DO NOTHING",
        )
        .sql()?;
    let mut new = 0;
    for e in events {
        let (id, payload) = (e.id.as_bytes(), e.payload.as_ref());
        let row = params![
            e.source,
            e.position,
            id,
            e.aggregate_type,
            e.aggregate_id,
            e.type_,
            payload,
            e.traceparent,
            e.at.0
        ];
        let added = statement.execute(row).sql()?;
        if added == 0 {
            check_same(conn, e)?;
        }
        new += added;
    }
    Ok(new)
}

/// An event that was skipped must be the one that is there.
fn check_same(conn: &Connection, event: &Event) -> Result<()> {
    let found: Option<(String, Position)> = conn
        .prepare_cached("SELECT source, position FROM log WHERE id = ?1")
        .sql()?
        .query_row([event.id.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
        .sql()?;
    if found.is_some_and(|(source, position)| source == event.source && position == event.position) {
        return Ok(());
    }
    Err(log::another_event(event))
}

pub(super) fn last_position(conn: &Connection, source: &str) -> Result<Position> {
    conn.prepare_cached("SELECT coalesce(max(position), 0) FROM log WHERE source = ?1")
        .sql()?
        .query_row([source], |row| row.get(0))
        .sql()
}

pub(super) fn end(conn: &Connection) -> Result<Offset> {
    conn.prepare_cached("SELECT coalesce(max(\"offset\"), 0) FROM log").sql()?.query_row([], |row| row.get(0)).sql()
}

/// The highest offset ever given, also to an event that is no more.
fn highest_given(conn: &Connection) -> Result<Offset> {
    conn.prepare_cached("SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'log'")
        .sql()?
        .query_row([], |row| row.get(0))
        .sql()
}

pub(super) fn fetch(conn: &Connection, after: Offset, sources: &[String], limit: usize) -> Result<Fetched> {
    let snapshot = conn.unchecked_transaction().sql()?;
    let first: Offset = snapshot
        .prepare_cached("SELECT coalesce(min(\"offset\"), 1) FROM log")
        .sql()?
        .query_row([], |row| row.get(0))
        .sql()?;
    let end = end(&snapshot)?.max(after);
    let from = after.max(first - 1);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let until = from.saturating_add(limit.saturating_mul(LOOK_AHEAD)).min(end);
    let sources = serde_json::to_string(sources).map_err(Error::internal)?;
    let mut statement = snapshot
        .prepare_cached(
            "SELECT \"offset\", source, position, id, aggregate_type, aggregate_id, type, payload, traceparent, at
             FROM log NOT INDEXED WHERE \"offset\" > ?1 AND \"offset\" <= ?2
             AND source IN (SELECT value FROM json_each(?3)) ORDER BY \"offset\" LIMIT ?4",
        )
        .sql()?;
    let events = statement
        .query_map(params![from, until, sources, limit], |row| Ok((row.get::<_, Offset>(0)?, event(row, 1)?)))
        .sql()?
        .collect::<rusqlite::Result<Vec<_>>>()
        .sql()?;
    let next = match events.last() {
        Some((last, _)) if i64::try_from(events.len()).is_ok_and(|n| n >= limit) => *last,
        _ => until,
    };
    let events = events.into_iter().map(|(_, event)| event).collect();
    Ok(Fetched { events, next, end })
}

/// The last event of each source, and where the log ends.
pub(super) fn last_events(conn: &Connection, sources: &[String]) -> Result<(Vec<Event>, Offset)> {
    let snapshot = conn.unchecked_transaction().sql()?;
    let end = end(&snapshot)?;
    let mut statement = snapshot
        .prepare_cached(
            "SELECT source, position, id, aggregate_type, aggregate_id, type, payload, traceparent, at
             FROM log WHERE source = ?1 ORDER BY position DESC LIMIT 1",
        )
        .sql()?;
    let mut events = Vec::with_capacity(sources.len());
    for source in sources {
        events.extend(statement.query_row([source], |row| event(row, 0)).optional().sql()?);
    }
    Ok((events, end))
}

/// The events of a source after a position; `None` if there is none up to it.
pub(super) fn since(conn: &Connection, source: &str, after: Position, limit: usize) -> Result<Option<Vec<Event>>> {
    let snapshot = conn.unchecked_transaction().sql()?;
    let held = "SELECT EXISTS (SELECT 1 FROM log WHERE source = ?1 AND position <= ?2)";
    if !snapshot.prepare_cached(held).sql()?.query_row(params![source, after], |row| row.get(0)).sql()? {
        return Ok(None);
    }
    let mut statement = snapshot
        .prepare_cached(
            "SELECT source, position, id, aggregate_type, aggregate_id, type, payload, traceparent, at
             FROM log WHERE source = ?1 AND position > ?2 ORDER BY position LIMIT ?3",
        )
        .sql()?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let events = statement.query_map(params![source, after, limit], |row| event(row, 0)).sql()?;
    events.collect::<rusqlite::Result<Vec<_>>>().sql().map(Some)
}

pub(super) fn load_cursor(conn: &Connection, consumer: &str) -> Result<Cursor> {
    let stored: Option<(Offset, String)> = conn
        .prepare_cached("SELECT \"offset\", positions FROM cursors WHERE consumer = ?1")
        .sql()?
        .query_row([consumer], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
        .sql()?;
    let Some((offset, positions)) = stored else { return Ok(Cursor::default()) };
    let positions = serde_json::from_str(&positions).map_err(Error::internal)?;
    let highest = highest_given(conn)?;
    if offset > highest {
        tracing::error!(consumer, offset, highest, "cursor ahead of the log; starting over");
        return Ok(Cursor::default());
    }
    Ok(Cursor { offset, positions })
}

pub(super) fn store_cursor(conn: &Connection, consumer: &str, cursor: &Cursor) -> Result<()> {
    let highest = highest_given(conn)?;
    if cursor.offset > highest {
        let offset = cursor.offset;
        return Err(Error::internal(format!("the cursor of {consumer}, {offset}, is past the log's end, {highest}")));
    }
    let positions = serde_json::to_string(&cursor.positions).map_err(Error::internal)?;
    conn.prepare_cached(
        "INSERT INTO cursors (consumer, \"offset\", positions) VALUES (?1, ?2, ?3)
         ON CONFLICT (consumer) DO UPDATE SET \"offset\" = excluded.\"offset\", positions = excluded.positions",
    )
    .sql()?
    .execute(params![consumer, cursor.offset, positions])
    .sql()?;
    Ok(())
}

pub(super) fn forget_consumer(conn: &Connection, consumer: &str) -> Result<()> {
    conn.prepare_cached("DELETE FROM cursors WHERE consumer = ?1").sql()?.execute([consumer]).sql()?;
    Ok(())
}

pub(super) fn put_letter(conn: &Connection, letter: &DeadLetter) -> Result<i64> {
    let e = &letter.event;
    let (id, payload) = (e.id.as_bytes(), e.payload.as_ref());
    conn.prepare_cached(
        "INSERT INTO dead_letters (consumer, reason, tries, given_up_at, source, position, id, aggregate_type,
                                   aggregate_id, type, payload, traceparent, at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
         ON CONFLICT (consumer, source, position) DO UPDATE SET
             reason = excluded.reason, tries = excluded.tries, given_up_at = excluded.given_up_at
         RETURNING letter",
    )
    .sql()?
    .query_row(
        params![
            letter.consumer,
            letter.reason,
            letter.tries,
            letter.at.0,
            e.source,
            e.position,
            id,
            e.aggregate_type,
            e.aggregate_id,
            e.type_,
            payload,
            e.traceparent,
            e.at.0
        ],
        |row| row.get(0),
    )
    .sql()
}

fn dead_letter(row: &Row<'_>) -> rusqlite::Result<DeadLetter> {
    Ok(DeadLetter {
        id: row.get(0)?,
        consumer: row.get(1)?,
        reason: row.get(2)?,
        tries: row.get(3)?,
        at: Timestamp(row.get(4)?),
        event: event(row, 5)?,
    })
}

pub(super) fn letters(conn: &Connection, consumer: Option<&str>, after: i64, limit: usize) -> Result<Vec<DeadLetter>> {
    conn.prepare_cached(
        "SELECT letter, consumer, reason, tries, given_up_at, source, position, id, aggregate_type, aggregate_id, type,
                payload, traceparent, at
         FROM dead_letters WHERE letter > ?1 AND (?2 IS NULL OR consumer = ?2) ORDER BY letter LIMIT ?3",
    )
    .sql()?
    .query_map(params![after, consumer, i64::try_from(limit).unwrap_or(i64::MAX)], dead_letter)
    .sql()?
    .collect::<rusqlite::Result<Vec<_>>>()
    .sql()
}

pub(super) fn letter(conn: &Connection, id: i64) -> Result<DeadLetter> {
    let found = letters(conn, None, id.saturating_sub(1), 1)?.into_iter().find(|letter| letter.id == id);
    found.ok_or_else(|| Error::new(reason::DEAD_LETTER_NOT_FOUND))
}

pub(super) fn remove_letter(conn: &Connection, id: i64) -> Result<bool> {
    let removed = conn.prepare_cached("DELETE FROM dead_letters WHERE letter = ?1").sql()?.execute([id]).sql()?;
    Ok(removed > 0)
}

/// Looks at the oldest rows only, as time rises with the offset. Without any cursor nothing goes.
pub(super) fn prune(conn: &Connection, before: Timestamp) -> Result<usize> {
    conn.prepare_cached(
        "DELETE FROM log WHERE \"offset\" IN (
             SELECT \"offset\" FROM (SELECT \"offset\", source, position, at FROM log ORDER BY \"offset\" LIMIT ?2) AS old
             WHERE old.\"offset\" <= (SELECT min(\"offset\") FROM cursors) AND old.at < ?1
             AND old.position < (SELECT max(position) FROM log WHERE source = old.source))",
    )
    .sql()?
    .execute(params![before.0, PRUNE_LIMIT])
    .sql()
}
