//! What is kept of an account besides the account itself, for its export.

use super::ticket::Ticket;

/// Few of each: what bounds them bounds this.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Kept {
    /// By rising handle.
    pub(crate) handles: Vec<KeptHandle>,
    /// Whose time is not over; by purpose.
    pub(crate) tickets: Vec<Ticket>,
}

/// A handle that is kept from others for the account that gave it up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeptHandle {
    /// Its key.
    pub(crate) handle: String,
    /// Until when, in milliseconds since the Unix epoch.
    pub(crate) free_at: i64,
}
