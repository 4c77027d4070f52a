//! The identity of a mutation: what makes a retried request the same request.

use uuid::Uuid;

/// Names one mutation of one caller. Stored for 24 hours in the write's own transaction, with the answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RequestKey {
    /// Who called: an account's id, or 0 for a caller without one.
    pub caller: i64,
    /// The request's `request_id`.
    pub request_id: Uuid,
    /// The method's name; with `digest` it tells another request under the same id.
    pub method: &'static str,
    /// A keyed digest of the whole request, so that stored rows tell nothing of passwords.
    pub digest: [u8; 16],
}

/// How long an answer is remembered, in milliseconds.
pub const REMEMBERED_MS: i64 = 24 * 60 * 60 * 1_000;
