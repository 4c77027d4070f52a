//! Events as messages: the payload is the event's, and headers have the rest, so that other readers can use them.

use async_nats::HeaderMap;
use async_nats::jetstream::message::StreamMessage;
use bytes::Bytes;
use plaza_core::{Error, Result, Timestamp};
use uuid::Uuid;

use crate::Event;

/// By this the server knows an event that was published just before.
const ID: &str = "Nats-Msg-Id";
const POSITION: &str = "Plaza-Position";
const AGGREGATE_TYPE: &str = "Plaza-Aggregate-Type";
const AGGREGATE_ID: &str = "Plaza-Aggregate-Id";
const TYPE: &str = "Plaza-Type";
const AT: &str = "Plaza-At";
const TRACE: &str = "traceparent";

/// The headers of an event's message.
pub(super) fn headers(event: &Event) -> Result<HeaderMap> {
    headers_with(event, ID)
}

/// The headers of a message about an event, with the event's id under another name.
pub(super) fn headers_with(event: &Event, id: &'static str) -> Result<HeaderMap> {
    let mut headers = HeaderMap::new();
    headers.insert(id, event.id.to_string());
    headers.insert(POSITION, event.position.to_string());
    set(&mut headers, AGGREGATE_TYPE, &event.aggregate_type)?;
    headers.insert(AGGREGATE_ID, event.aggregate_id.to_string());
    set(&mut headers, TYPE, &event.type_)?;
    headers.insert(AT, event.at.0.to_string());
    if let Some(trace) = &event.traceparent {
        set(&mut headers, TRACE, trace)?;
    }
    Ok(headers)
}

/// Sets a header to a text that may have any character.
pub(super) fn set(headers: &mut HeaderMap, name: &'static str, value: &str) -> Result<()> {
    let line: String = value.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    headers.insert(name, line.parse::<async_nats::HeaderValue>().map_err(Error::internal)?);
    Ok(())
}

/// A header's value.
pub(super) fn get<T: std::str::FromStr>(headers: &HeaderMap, name: &'static str) -> Result<T> {
    let value = headers.get(name).and_then(|value| value.as_str().parse().ok());
    value.ok_or_else(|| Error::internal(format!("a message of the event log has no right {name}")))
}

/// The event of `source` in a message.
pub(super) fn event(source: &str, headers: &HeaderMap, payload: Bytes) -> Result<Event> {
    event_with(source, headers, ID, payload)
}

/// The event in a message that has the event's id under another name.
pub(super) fn event_with(source: &str, headers: &HeaderMap, id: &'static str, payload: Bytes) -> Result<Event> {
    Ok(Event {
        source: source.to_owned(),
        position: get(headers, POSITION)?,
        id: get::<Uuid>(headers, id)?,
        aggregate_type: get(headers, AGGREGATE_TYPE)?,
        aggregate_id: get(headers, AGGREGATE_ID)?,
        type_: get(headers, TYPE)?,
        payload,
        traceparent: headers.get(TRACE).map(|trace| trace.as_str().to_owned()),
        at: Timestamp(get(headers, AT)?),
    })
}

/// The source that a subject of the log names.
pub(super) fn source(subject: &str) -> &str {
    subject.rsplit('.').next().unwrap_or_default()
}

/// The event in a message of the stream of events, with its sequence number there.
pub(super) fn stored(message: StreamMessage) -> Result<(u64, Event)> {
    let event = event(source(&message.subject), &message.headers, message.payload)?;
    Ok((message.sequence, event))
}
