//! Dead letters: a stream with one message for each, whose subject says which it is.
//!
//! The id is the sequence number of the first message about it, which the subject keeps when a later one takes its place.

use async_nats::HeaderMap;
use async_nats::header::NATS_EXPECTED_LAST_SEQUENCE;
use async_nats::jetstream::message::StreamMessage;
use async_nats::jetstream::publish::PublishAck;
use async_nats::jetstream::response::Response;
use async_nats::jetstream::stream::DirectGetErrorKind;
use futures::{StreamExt as _, TryStreamExt as _};
use plaza_core::{Cx, Error, Result, Timestamp, reason};

use super::broker::{Broker, Streams};
use super::errors::{NatsResultExt as _, is_wrong_last, unavailable};
use super::wire;
use crate::log::DeadLetter;

const EVENT_ID: &str = "Plaza-Event-Id";
const REASON: &str = "Plaza-Reason";
const TRIES: &str = "Plaza-Tries";
const GIVEN_UP_AT: &str = "Plaza-Given-Up-At";
/// A reason longer than this is cut, in characters.
const REASON_LENGTH: usize = 2_000;
/// How often a letter that others overtake is put.
const ATTEMPTS: usize = 16;
/// Letters read at once.
const AT_ONCE: usize = 32;
/// Any part of a subject.
const ANY: &str = "*";

pub(super) async fn put(broker: &Broker, cx: &Cx, letter: &DeadLetter) -> Result<i64> {
    let event = &letter.event;
    let position = event.position.to_string();
    let subject = |id: &str| broker.names.dead_letter(&letter.consumer, &event.source, &position, id);
    broker
        .on(cx, async |streams: &Streams| {
            for _ in 0..ATTEMPTS {
                let last = streams.dead.get_info().await.nats("look at stream")?.state.last_sequence;
                let id = match subjects(streams, &subject(ANY)).await?.first() {
                    Some((id, _)) => *id,
                    None => i64::try_from(last + 1).map_err(Error::internal)?,
                };
                let mut headers = headers(letter)?;
                headers.insert(NATS_EXPECTED_LAST_SEQUENCE, last.to_string());
                let put = broker.client.request_with_headers(subject(&id.to_string()), headers, event.payload.clone());
                let answer = put.await.nats("put dead letter")?;
                match serde_json::from_slice::<Response<PublishAck>>(&answer.payload).map_err(Error::internal)? {
                    Response::Ok(_) => return Ok(id),
                    Response::Err { error } if is_wrong_last(error.error_code()) => {}
                    Response::Err { error } => return Err(unavailable("put dead letter", error)),
                }
            }
            Err(unavailable("put dead letter", "overtaken again and again"))
        })
        .await
}

pub(super) async fn list(
    broker: &Broker,
    cx: &Cx,
    consumer: Option<&str>,
    after: i64,
    limit: usize,
) -> Result<Vec<DeadLetter>> {
    let wanted = broker.names.dead_letter(consumer.unwrap_or(ANY), ANY, ANY, ANY);
    broker
        .on(cx, async |streams: &Streams| {
            let found = subjects(streams, &wanted).await?.into_iter().filter(|(id, _)| *id > after).take(limit);
            let read = found.map(async |(_, subject)| read(streams, &subject).await);
            let letters: Vec<_> = futures::stream::iter(read).buffered(AT_ONCE).try_collect().await?;
            Ok(letters.into_iter().flatten().collect())
        })
        .await
}

pub(super) async fn one(broker: &Broker, cx: &Cx, id: i64) -> Result<DeadLetter> {
    let wanted = broker.names.dead_letter(ANY, ANY, ANY, &id.to_string());
    let found = broker.on(cx, async |streams: &Streams| read(streams, &wanted).await).await?;
    found.ok_or_else(|| Error::new(reason::DEAD_LETTER_NOT_FOUND))
}

pub(super) async fn remove(broker: &Broker, cx: &Cx, id: i64) -> Result<bool> {
    let wanted = broker.names.dead_letter(ANY, ANY, ANY, &id.to_string());
    let purged = broker.on(cx, async |streams: &Streams| {
        streams.dead.purge().filter(wanted.as_str()).await.nats("remove dead letter")
    });
    Ok(purged.await?.purged > 0)
}

/// The letters whose subjects match, by rising id.
async fn subjects(streams: &Streams, wanted: &str) -> Result<Vec<(i64, String)>> {
    let info = streams.dead.info_with_subjects(wanted).await.nats("list dead letters")?;
    let all: Vec<(String, usize)> = info.try_collect().await.nats("list dead letters")?;
    let mut found: Vec<(i64, String)> = all.into_iter().map(|(subject, _)| (id(&subject), subject)).collect();
    found.sort_unstable();
    Ok(found)
}

async fn read(streams: &Streams, subject: &str) -> Result<Option<DeadLetter>> {
    match streams.dead.direct_get_last_for_subject(subject).await {
        Ok(message) => letter(message).map(Some),
        Err(error) if error.kind() == DirectGetErrorKind::NotFound => Ok(None),
        Err(error) => Err(unavailable("read dead letter", error)),
    }
}

/// Without the id by which the server would refuse the same event of another consumer.
fn headers(letter: &DeadLetter) -> Result<HeaderMap> {
    let mut headers = wire::headers_with(&letter.event, EVENT_ID)?;
    let reason: String = letter.reason.chars().take(REASON_LENGTH).collect();
    wire::set(&mut headers, REASON, &reason)?;
    headers.insert(TRIES, letter.tries.to_string());
    headers.insert(GIVEN_UP_AT, letter.at.0.to_string());
    Ok(headers)
}

fn letter(message: StreamMessage) -> Result<DeadLetter> {
    let parts: Vec<&str> = message.subject.split('.').rev().take(4).collect();
    let [id, _, source, consumer] = parts[..] else { return Err(Error::internal("a dead letter of no consumer")) };
    let id = id.parse().map_err(Error::internal)?;
    let (consumer, source) = (consumer.to_owned(), source.to_owned());
    let headers = message.headers;
    Ok(DeadLetter {
        id,
        consumer,
        event: wire::event_with(&source, &headers, EVENT_ID, message.payload)?,
        reason: wire::get(&headers, REASON)?,
        tries: wire::get(&headers, TRIES)?,
        at: Timestamp(wire::get(&headers, GIVEN_UP_AT)?),
    })
}

fn id(subject: &str) -> i64 {
    subject.rsplit('.').next().and_then(|id| id.parse().ok()).unwrap_or_default()
}
