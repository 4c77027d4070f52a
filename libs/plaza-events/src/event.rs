//! Events: what a write tells the rest of the platform.

use bytes::Bytes;
use plaza_core::{Env, Error, Position, Result, Timestamp, TraceContext};
use prost::{Message, Name};
use uuid::Uuid;

/// An event as it stands in an outbox and in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Which outbox it comes from, such as `posts`; as in [`plaza_core::Token`].
    pub source: String,
    /// Its place in that outbox, above 0. Places rise, and need not follow each other without gaps.
    pub position: Position,
    /// UUID v7; names the event wherever it goes.
    pub id: Uuid,
    /// What kind of thing changed, such as `post`.
    pub aggregate_type: String,
    /// Which one.
    pub aggregate_id: i64,
    /// Full name of the payload's message, such as `plaza.posts.v1.PostCreated`.
    pub type_: String,
    /// The message, encoded.
    pub payload: Bytes,
    /// W3C trace context of the call that wrote it.
    pub traceparent: Option<String>,
    /// When it was written.
    pub at: Timestamp,
}

impl Event {
    /// The trace that its write belongs to.
    #[must_use]
    pub fn trace(&self) -> Option<TraceContext> {
        TraceContext::parse(self.traceparent.as_deref()?)
    }

    /// Whether the payload is an `M`.
    #[must_use]
    pub fn is<M: Name>(&self) -> bool {
        is_named::<M>(&self.type_)
    }

    /// The payload, if it is an `M`.
    ///
    /// # Errors
    /// Internal, inside, if the bytes are not a valid message: a permanent error, which leads to the dead letters.
    #[must_use]
    pub fn decode<M: Message + Name + Default>(&self) -> Option<Result<M>> {
        self.is::<M>().then(|| {
            M::decode(self.payload.clone())
                .map_err(|e| Error::internal(format!("event {} is no valid {}: {e}", self.id, self.type_)))
        })
    }
}

/// Whether `name` is `M`'s full name, without building that.
fn is_named<M: Name>(name: &str) -> bool {
    match name.strip_suffix(M::NAME) {
        Some("") => M::PACKAGE.is_empty(),
        Some(package) => package.strip_suffix('.') == Some(M::PACKAGE),
        None => false,
    }
}

/// An event that is to go into an outbox with the write it tells of.
#[derive(Clone, Debug, PartialEq)]
pub struct NewEvent {
    /// UUID v7; names the event wherever it goes.
    pub id: Uuid,
    /// What kind of thing changed, such as `post`.
    pub aggregate_type: &'static str,
    /// Which one.
    pub aggregate_id: i64,
    /// Full name of the payload's message.
    pub type_: String,
    /// The message, encoded.
    pub payload: Bytes,
    /// W3C trace context of the call that writes it.
    pub trace: Option<TraceContext>,
    /// When it is written.
    pub at: Timestamp,
}

impl NewEvent {
    /// An event of now. `trace` is the call's: `cx.trace()`.
    #[must_use]
    pub fn new<M: Message + Name>(
        env: &Env,
        trace: Option<TraceContext>,
        aggregate_type: &'static str,
        aggregate_id: i64,
        message: &M,
    ) -> Self {
        Self {
            id: env.event_id(),
            aggregate_type,
            aggregate_id,
            type_: M::full_name(),
            payload: message.encode_to_vec().into(),
            trace,
            at: env.now(),
        }
    }

    /// The event as it stands in `source`'s outbox at `position`.
    #[must_use]
    pub fn placed(&self, source: &str, position: Position) -> Event {
        Event {
            source: source.to_owned(),
            position,
            id: self.id,
            aggregate_type: self.aggregate_type.to_owned(),
            aggregate_id: self.aggregate_id,
            type_: self.type_.clone(),
            payload: self.payload.clone(),
            traceparent: self.trace.map(|t| t.to_string()),
            at: self.at,
        }
    }
}
