//! Of many who need the same thing at once one gets it, and the others wait for that.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Semaphore;

/// What is under way, by key.
pub(crate) struct Flights<K>(Mutex<HashMap<K, Arc<Semaphore>>>);

impl<K> Default for Flights<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Hash + Eq + Clone> Flights<K> {
    /// The lead of a flight for `key`, at once; or `None` after waiting for the one that was under way.
    pub(crate) async fn join(&self, key: &K) -> Option<Lead<'_, K>> {
        let running = match self.begin(key) {
            Ok(lead) => return Some(lead),
            Err(running) => running,
        };
        // Never gets a permit: it is closed when the flight has landed.
        let _ = running.acquire().await;
        None
    }

    fn begin(&self, key: &K) -> Result<Lead<'_, K>, Arc<Semaphore>> {
        let mut flights = self.0.lock();
        if let Some(running) = flights.get(key) {
            return Err(running.clone());
        }
        let landed = Arc::new(Semaphore::new(0));
        flights.insert(key.clone(), landed.clone());
        Ok(Lead { flights: &self.0, key: key.clone(), landed })
    }

    /// Whether nothing is under way.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().is_empty()
    }
}

/// The lead of a flight; wakes the others when it ends, however it ends.
pub(crate) struct Lead<'a, K: Hash + Eq> {
    flights: &'a Mutex<HashMap<K, Arc<Semaphore>>>,
    key: K,
    landed: Arc<Semaphore>,
}

impl<K: Hash + Eq> Drop for Lead<'_, K> {
    fn drop(&mut self) {
        self.flights.lock().remove(&self.key);
        self.landed.close();
    }
}
