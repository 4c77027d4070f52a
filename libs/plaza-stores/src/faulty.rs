//! A switchboard for tests: a store's faulty wrapper asks it before each call whether to fail or to wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use plaza_core::{Error, Result};
use tokio::sync::watch;

/// What shall go wrong. Clones share one state; without any fault a check is one atomic load.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    armed: AtomicBool,
    failing: Mutex<Option<Failing>>,
    held: watch::Sender<bool>,
}

#[derive(Debug)]
struct Failing {
    left: u64,
    error: Error,
}

impl Default for Inner {
    fn default() -> Self {
        Self { armed: AtomicBool::new(false), failing: Mutex::new(None), held: watch::Sender::new(false) }
    }
}

impl Faults {
    /// Nothing goes wrong yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The next `n` calls fail with `error`.
    pub fn fail_next(&self, n: u64, error: Error) {
        *self.0.failing.lock() = (n > 0).then_some(Failing { left: n, error });
        self.rearm();
    }

    /// Every call fails with `error` until [`Faults::clear`].
    pub fn fail(&self, error: Error) {
        self.fail_next(u64::MAX, error);
    }

    /// Every call waits until [`Faults::release`].
    pub fn hold(&self) {
        self.0.held.send_replace(true);
        self.rearm();
    }

    /// Lets the calls that wait go on, and those that come.
    pub fn release(&self) {
        self.0.held.send_replace(false);
        self.rearm();
    }

    /// How many calls wait now.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.0.held.receiver_count()
    }

    /// Nothing goes wrong any more.
    pub fn clear(&self) {
        *self.0.failing.lock() = None;
        self.release();
    }

    /// What a wrapper awaits before it passes a call on.
    ///
    /// # Errors
    /// The one that was set, while it is.
    pub async fn check(&self) -> Result<()> {
        if !self.0.armed.load(Ordering::Acquire) {
            return Ok(());
        }
        let mut held = self.0.held.subscribe();
        // The sender lives as long as `self`, so this ends only by a release.
        let _ = held.wait_for(|held| !held).await;
        self.next_failure().map_or(Ok(()), Err)
    }

    fn next_failure(&self) -> Option<Error> {
        let mut failing = self.0.failing.lock();
        let current = failing.as_mut()?;
        let error = current.error.clone();
        current.left -= 1;
        if current.left == 0 {
            *failing = None;
        }
        drop(failing);
        self.rearm();
        Some(error)
    }

    fn rearm(&self) {
        let armed = self.0.failing.lock().is_some() || *self.0.held.borrow();
        self.0.armed.store(armed, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use plaza_core::reason;

    use super::*;

    #[tokio::test]
    async fn calls_fail_as_often_as_asked_and_wait_until_released() {
        let faults = Faults::new();
        faults.check().await.unwrap();
        faults.fail_next(2, Error::new(reason::STORE_UNAVAILABLE));
        for _ in 0..2 {
            assert!(faults.check().await.unwrap_err().is(reason::STORE_UNAVAILABLE));
        }
        faults.check().await.unwrap();

        faults.hold();
        let waiting = tokio::spawn({
            let f = faults.clone();
            async move { f.check().await }
        });
        assert_eq!(faults.waiting(), 0);
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished() && faults.waiting() == 1);
        faults.release();
        waiting.await.unwrap().unwrap();
        assert_eq!(faults.waiting(), 0);
    }
}
