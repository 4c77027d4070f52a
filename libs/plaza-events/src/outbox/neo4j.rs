//! The outbox in Neo4j: a node for each event, and one node that holds where the outbox ends.
//!
//! Neo4j has no sequence whose numbers follow the order of commits. So every writer locks the end before it looks at
//! anything, numbers its events from there, and keeps the lock until its commit is applied: positions rise in commit
//! order without a gap, and writers come one after the other. Let them bring many events at once.
//!
//! A commit is not applied all at once: a reader may see its last event before its first. As there are no gaps, a reader
//! notices, and takes what stands before the missing one.

use async_trait::async_trait;
use bytes::Bytes;
use neo4rs::{BoltType, Query, Row};
use plaza_core::{Cx, Error, Position, Result, Timestamp};
use plaza_stores::neo4j::{Fault, Neo4j, Tx, get};
use tokio::sync::watch;

use super::{Outbox, PRUNE_LIMIT};
use crate::{Event, NewEvent};

/// The outbox's schema; part of a service's migrations.
pub const SCHEMA: &str = "
CREATE CONSTRAINT outbox_position{ns} IF NOT EXISTS FOR (e:OutboxEvent{ns}) REQUIRE e.position IS UNIQUE;
CREATE CONSTRAINT outbox_end{ns} IF NOT EXISTS FOR (o:OutboxEnd{ns}) REQUIRE o.name IS UNIQUE;
";

/// A write takes the node's lock; taking it back leaves nothing to store.
const LOCK: &str = "MERGE (o:OutboxEnd{ns} {name: 'outbox'}) ON CREATE SET o.position = 0, o.pruned = 0
    SET o.locked = true REMOVE o.locked";
/// A statement of its own: in the one that takes the lock, the planner may read the position before it has it.
const END: &str = "MATCH (o:OutboxEnd{ns} {name: 'outbox'}) RETURN o.position AS position";
const APPEND: &str = "MATCH (o:OutboxEnd{ns} {name: 'outbox'}) SET o.position = $end
    WITH o UNWIND $rows AS row
    CREATE (:OutboxEvent{ns} {position: row[0], id: row[1], aggregatetype: row[2], aggregateid: row[3], type: row[4],
                              payload: row[5], tracingspancontext: row[6], created_at: row[7]})";
const READ: &str = "MATCH (e:OutboxEvent{ns}) WHERE e.position > $after
    WITH e ORDER BY e.position LIMIT $limit
    OPTIONAL MATCH (o:OutboxEnd{ns} {name: 'outbox'})
    RETURN e.position AS position, e.id AS id, e.aggregatetype AS aggregatetype, e.aggregateid AS aggregateid,
           e.type AS type, e.payload AS payload, e.tracingspancontext AS tracingspancontext,
           e.created_at AS created_at, coalesce(o.pruned, 0) AS pruned
    ORDER BY position";
const OLDEST: &str = "MATCH (e:OutboxEvent{ns}) WHERE e.position <= $published
    RETURN e.position AS position, e.created_at AS created_at ORDER BY position LIMIT $limit";
const PRUNE: &str = "MATCH (o:OutboxEnd{ns} {name: 'outbox'}) SET o.pruned = $cut
    WITH o MATCH (e:OutboxEvent{ns}) WHERE e.position <= $cut DELETE e";

/// Keeps other writers out until the transaction ends; the first thing that a transaction does. Returns where the outbox
/// ends.
///
/// # Errors
/// A [`Fault`].
pub async fn lock(tx: &mut Tx) -> Result<Position, Fault> {
    tx.run(tx.query(LOCK)).await?;
    let rows = tx.rows(tx.query(END)).await?;
    Ok(rows.first().map_or(Ok(0), |row| get(row, "position"))?)
}

/// Puts events into the outbox, after `end`, as [`lock`] returned it; returns where it ends now. Tell the caller's
/// context: `cx.wrote(source, position)` once the transaction is committed.
///
/// # Errors
/// A [`Fault`].
pub async fn append(tx: &mut Tx, end: Position, events: &[NewEvent]) -> Result<Position, Fault> {
    if events.is_empty() {
        return Ok(end);
    }
    let rows: BoltType = events.iter().zip(end + 1..).map(|(event, position)| row(event, position)).collect();
    let end = end + i64::try_from(events.len()).unwrap_or(i64::MAX);
    tx.run(tx.query(APPEND).param("end", end).param("rows", rows)).await?;
    Ok(end)
}

fn row(event: &NewEvent, position: Position) -> BoltType {
    let values: [BoltType; 8] = [
        position.into(),
        event.id.to_string().into(),
        event.aggregate_type.into(),
        event.aggregate_id.into(),
        event.type_.as_str().into(),
        event.payload.to_vec().into(),
        event.trace.map(|trace| trace.to_string()).into(),
        event.at.0.into(),
    ];
    values.into_iter().collect()
}

/// The outbox in a service's Neo4j database.
#[derive(Clone, Debug)]
pub struct Neo4jOutbox {
    source: String,
    db: Neo4j,
}

impl Neo4jOutbox {
    /// The outbox of `source` in `db`, whose migrations contain [`SCHEMA`].
    #[must_use]
    pub fn new(source: impl Into<String>, db: Neo4j) -> Self {
        Self { source: source.into(), db }
    }

    /// The events after `position` that can be seen now, and up to where the outbox was pruned.
    async fn seen(&self, cx: &Cx, position: Position, limit: usize) -> Result<(Vec<Event>, Position)> {
        let query = self.db.query(READ).param("after", position);
        let rows = self.db.read(cx, query.param("limit", i64::try_from(limit).unwrap_or(i64::MAX))).await?;
        let pruned = rows.first().map_or(Ok(0), |row| get(row, "pruned"))?;
        let events = rows.iter().map(|row| self.event(row)).collect::<Result<_>>()?;
        Ok((events, pruned))
    }

    fn event(&self, row: &Row) -> Result<Event> {
        let id: String = get(row, "id")?;
        Ok(Event {
            source: self.source.clone(),
            position: get(row, "position")?,
            id: id.parse().map_err(|e| Error::internal(format!("an event of {} has no id: {e}", self.source)))?,
            aggregate_type: get(row, "aggregatetype")?,
            aggregate_id: get(row, "aggregateid")?,
            type_: get(row, "type")?,
            payload: Bytes::from(get::<Vec<u8>>(row, "payload")?),
            traceparent: get(row, "tracingspancontext")?,
            at: Timestamp(get(row, "created_at")?),
        })
    }

    /// Waits until the commits under way are applied; returns where the outbox ends then.
    async fn settled(&self, cx: &Cx) -> Result<Position> {
        let work = || async {
            let mut tx = self.db.begin(cx).await?;
            let end = lock(&mut tx).await?;
            tx.rollback().await?;
            Ok(end)
        };
        self.db.retry(cx, work).await
    }
}

#[async_trait]
impl Outbox for Neo4jOutbox {
    fn source(&self) -> &str {
        &self.source
    }

    async fn read_after(&self, cx: &Cx, position: Position, limit: usize) -> Result<Vec<Event>> {
        let (events, pruned) = self.seen(cx, position, limit).await?;
        let whole = unbroken(events, position.max(pruned));
        if !whole.cut || !whole.events.is_empty() {
            return Ok(whole.events);
        }
        let end = self.settled(cx).await?;
        let (mut events, pruned) = self.seen(cx, position, limit).await?;
        events.retain(|event| event.position <= end);
        if let Some(first) = events.first().filter(|first| first.position > position.max(pruned) + 1) {
            tracing::error!(source = self.source, position, next = first.position, "events are gone from the outbox");
        }
        Ok(events)
    }

    async fn last_position(&self, cx: &Cx) -> Result<Position> {
        let rows = self.db.read(cx, self.db.query(END)).await?;
        rows.first().map_or(Ok(0), |row| get(row, "position"))
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.db.commits()
    }

    async fn prune(&self, cx: &Cx, before: Timestamp, published: Position) -> Result<usize> {
        let work = || async {
            let mut tx = self.db.begin(cx).await?;
            lock(&mut tx).await?;
            let query = tx.query(OLDEST).param("published", published).param("limit", PRUNE_LIMIT);
            let (mut cut, mut pruned) = (0, 0);
            // Up to the first that is to stay, so that no gap opens.
            for row in tx.rows(query).await? {
                let (position, at): (Position, i64) = (get(&row, "position")?, get(&row, "created_at")?);
                if at >= before.0 {
                    break;
                }
                (cut, pruned) = (position, pruned + 1);
            }
            if pruned == 0 {
                tx.rollback().await?;
            } else {
                let query: Query = tx.query(PRUNE).param("cut", cut);
                tx.run(query).await?;
                tx.commit().await?;
            }
            Ok(pruned)
        };
        self.db.retry(cx, work).await
    }
}

/// Events whose positions follow each other without a gap.
struct Unbroken {
    events: Vec<Event>,
    /// Whether there were more behind a gap.
    cut: bool,
}

/// The events that follow `before` without a gap.
fn unbroken(mut events: Vec<Event>, before: Position) -> Unbroken {
    // What was pruned while it was read may still be among them.
    let skipped = events.iter().take_while(|event| event.position <= before).count();
    let whole =
        events.iter().skip(skipped).zip(before + 1..).take_while(|(event, next)| event.position == *next).count();
    let cut = skipped + whole < events.len();
    events.truncate(skipped + whole);
    Unbroken { events, cut }
}

#[cfg(test)]
mod tests {
    use plaza_core::Env;

    use super::*;

    fn read(positions: &[Position], before: Position) -> (Vec<Position>, bool) {
        let message = event_of_nothing();
        let events = positions.iter().map(|position| message.placed("test", *position)).collect();
        let whole = unbroken(events, before);
        (whole.events.iter().map(|event| event.position).collect(), whole.cut)
    }

    fn event_of_nothing() -> NewEvent {
        let env = Env::system();
        NewEvent {
            id: env.event_id(),
            aggregate_type: "thing",
            aggregate_id: 1,
            type_: "test.Thing".to_owned(),
            payload: Bytes::new(),
            trace: None,
            at: env.now(),
        }
    }

    #[test]
    fn reading_stops_before_a_gap() {
        assert_eq!(read(&[4, 5, 6], 3), (vec![4, 5, 6], false));
        assert_eq!(read(&[4, 6, 7], 3), (vec![4], true));
        assert_eq!(read(&[5, 6], 3), (vec![], true));
        assert_eq!(read(&[], 3), (vec![], false));
        assert_eq!(read(&[2, 3, 4, 6], 3), (vec![2, 3, 4], true));
    }
}
