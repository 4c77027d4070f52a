//! What follows others' events.

mod erasure;
mod password_changes;

pub(crate) use erasure::StoredSessions;
pub(crate) use password_changes::PasswordChanges;
