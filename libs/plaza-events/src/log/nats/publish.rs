//! Publishing: one atomic batch, and a compare-and-swap on the last event of its source.
//!
//! The server stores all of a batch or nothing, and only if the last message of the source's subject is the one that was
//! seen before. So of two relays of one outbox one wins each round, the other looks again and skips what is there by then:
//! nothing comes twice or out of order, however long ago it was published.

use async_nats::HeaderMap;
use async_nats::header::{
    NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL, NATS_BATCH_ID, NATS_BATCH_SEQUENCE, NATS_EXPECTED_LAST_SUBJECT_SEQUENCE,
};
use async_nats::jetstream::ErrorCode;
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::response::Response;
use async_nats::jetstream::stream::{DirectGetErrorKind, Stream};
use plaza_core::{Cx, Error, Position, Result};

use super::broker::{Broker, Streams};
use super::errors::{NatsResultExt as _, is_wrong_last, unavailable};
use super::wire;
use crate::Event;
use crate::log::{another_event, check_tail};

/// How often a publication that others overtake is tried.
const TRIES: usize = 16;

/// What the server said to a batch.
enum Outcome {
    Stored,
    /// Somebody else published to the source meanwhile.
    Overtaken,
    /// An event's id belongs to another event.
    Duplicate,
}

pub(super) async fn publish(broker: &Broker, cx: &Cx, after: Position, events: &[Event]) -> Result<usize> {
    let Some(first) = events.first() else { return Ok(0) };
    crate::log::check_publication(events)?;
    let subject = broker.names.source(&first.source);
    broker
        .on(cx, async |streams: &Streams| {
            let mut duplicate_after = None;
            for _ in 0..TRIES {
                let last = last(&streams.events, &subject).await?;
                let (sequence, position) =
                    last.as_ref().map_or((0, 0), |(sequence, event)| (*sequence, event.position));
                check_tail(&first.source, position, after)?;
                check_known(&streams.events, &subject, last.as_ref(), events).await?;
                let fresh = fresh(events, position)?;
                let Some(newest) = fresh.last() else { return Ok(0) };
                match store(broker, &subject, sequence, &fresh).await? {
                    Outcome::Stored => return Ok(fresh.len()),
                    // Of events that another relay has just published the server says this first.
                    Outcome::Duplicate if duplicate_after != Some(sequence) => duplicate_after = Some(sequence),
                    Outcome::Duplicate => return Err(another_event(newest)),
                    Outcome::Overtaken => {}
                }
            }
            Err(unavailable("publish", "overtaken again and again"))
        })
        .await
}

/// The last event of a subject.
pub(super) async fn last(stream: &Stream, subject: &str) -> Result<Option<(u64, Event)>> {
    match stream.direct_get_last_for_subject(subject).await {
        Ok(message) => wire::stored(message).map(Some),
        Err(error) if error.kind() == DirectGetErrorKind::NotFound => Ok(None),
        Err(error) => Err(unavailable("read the last event", error)),
    }
}

/// Those of `events` that come after `position`, each once.
fn fresh(events: &[Event], position: Position) -> Result<Vec<&Event>> {
    let mut fresh: Vec<&Event> = Vec::with_capacity(events.len());
    for event in events.iter().filter(|event| event.position > position) {
        match fresh.last() {
            Some(last) if last.position == event.position && last.id == event.id => {}
            Some(last) if last.position >= event.position => return Err(another_event(event)),
            _ => fresh.push(event),
        }
    }
    Ok(fresh)
}

/// Refuses a replaced source: the newest of the events that should be there must be the one that is. Where a source went
/// another way its newest events differ, so the others need not be compared.
async fn check_known(stream: &Stream, subject: &str, last: Option<&(u64, Event)>, events: &[Event]) -> Result<()> {
    let Some((sequence, last)) = last else { return Ok(()) };
    let known = events.iter().filter(|event| event.position <= last.position).max_by_key(|event| event.position);
    let Some(known) = known else { return Ok(()) };
    let there = if known.position == last.position {
        Some(last.id)
    } else {
        find(stream, subject, known.position, *sequence).await?.map(|event| event.id)
    };
    match there {
        Some(id) if id != known.id => Err(another_event(known)),
        _ => Ok(()),
    }
}

/// The event of `subject` at `position`, looked for below `last`; `None` if it was pruned.
async fn find(stream: &Stream, subject: &str, position: Position, last: u64) -> Result<Option<Event>> {
    let found = search(stream, subject, last, |event| event.position < position).await?;
    Ok(found.map(|(_, event)| event).filter(|event| event.position == position))
}

/// The first event of `subject` up to sequence `last` that is not `before`, by halving: events are in the order by which
/// `before` divides them.
pub(super) async fn search(
    stream: &Stream,
    subject: &str,
    last: u64,
    before: impl Fn(&Event) -> bool,
) -> Result<Option<(u64, Event)>> {
    let (mut low, mut high, mut found) = (1, last, None);
    while low <= high {
        let middle = low + (high - low) / 2;
        let next = match stream.direct_get_next_for_subject(subject, Some(middle)).await {
            Ok(message) => Some(wire::stored(message)?),
            Err(error) if error.kind() == DirectGetErrorKind::NotFound => None,
            Err(error) => return Err(unavailable("look for an event", error)),
        };
        match next {
            Some((sequence, event)) if before(&event) => low = sequence + 1,
            at_or_after => {
                high = middle - 1;
                found = at_or_after.or(found);
            }
        }
    }
    Ok(found)
}

/// Stores the events if `expected` is the subject's last sequence.
async fn store(broker: &Broker, subject: &str, expected: u64, events: &[&Event]) -> Result<Outcome> {
    let batch = broker.env.event_id().simple().to_string();
    let mut answer = None;
    for (at, event) in events.iter().enumerate() {
        let mut headers = wire::headers(event)?;
        if at == 0 {
            headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, expected.to_string());
        }
        if events.len() > 1 {
            headers.insert(NATS_BATCH_ID, batch.as_str());
            headers.insert(NATS_BATCH_SEQUENCE, (at + 1).to_string());
        }
        if at + 1 < events.len() {
            let sent = broker.client.publish_with_headers(subject.to_owned(), headers, event.payload.clone());
            sent.await.nats("publish")?;
        } else {
            answer = Some(commit(broker, subject, headers, event, events.len() > 1).await?);
        }
    }
    Ok(answer.unwrap_or(Outcome::Stored))
}

/// Sends the last event, which makes the server store the batch.
async fn commit(broker: &Broker, subject: &str, mut headers: HeaderMap, event: &Event, batch: bool) -> Result<Outcome> {
    if batch {
        headers.insert(NATS_BATCH_COMMIT, NATS_BATCH_COMMIT_FINAL);
    }
    let answer = broker.client.request_with_headers(subject.to_owned(), headers, event.payload.clone());
    let answer = answer.await.nats("publish")?;
    match serde_json::from_slice::<Response<PublishAck>>(&answer.payload).map_err(Error::internal)? {
        Response::Ok(ack) if ack.duplicate => Ok(Outcome::Duplicate),
        Response::Ok(_) => Ok(Outcome::Stored),
        Response::Err { error } if is_wrong_last(error.error_code()) => Ok(Outcome::Overtaken),
        Response::Err { error } if error.error_code() == ErrorCode::ATOMIC_PUBLISH_CONTAINS_DUPLICATE_MESSAGE => {
            Ok(Outcome::Duplicate)
        }
        Response::Err { error } => Err(unavailable("publish", error)),
    }
}
