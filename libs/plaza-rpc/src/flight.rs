//! Mutations that are being carried out now: a second call with the same identity has to wait and retry.

use std::collections::HashSet;
use std::sync::Arc;

use parking_lot::Mutex;
use uuid::Uuid;

/// Service, caller and `request_id`.
type Key = (&'static str, i64, Uuid);

/// The mutations in flight in this process. Bounded by the calls in flight.
#[derive(Clone, Default)]
pub(crate) struct InFlight(Arc<Mutex<HashSet<Key>>>);

/// Keeps a mutation in flight until it is dropped.
pub(crate) struct Flight {
    all: InFlight,
    key: Key,
}

impl InFlight {
    /// Enters a mutation, unless the same one is in flight.
    pub(crate) fn enter(&self, service: &'static str, caller: i64, request_id: Uuid) -> Option<Flight> {
        let key = (service, caller, request_id);
        let entered = self.0.lock().insert(key);
        entered.then(|| Flight { all: self.clone(), key })
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.all.0.lock().remove(&self.key);
    }
}
