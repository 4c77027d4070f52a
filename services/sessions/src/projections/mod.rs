//! What follows others' events.

mod erasure;

pub(crate) use erasure::StoredSessions;
