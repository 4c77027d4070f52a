//! How long to wait before another try.

use std::time::Duration;

use plaza_core::Env;

/// Waits that double from `first` to `cap`, each shortened by a random part of up to half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// The first wait.
    pub first: Duration,
    /// The longest wait.
    pub cap: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { first: Duration::from_millis(20), cap: Duration::from_secs(5) }
    }
}

impl Backoff {
    /// The wait after `failures` failures in a row, counted from 1.
    #[must_use]
    pub fn delay(&self, env: &Env, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(20);
        let full = self.first.saturating_mul(1 << doublings).min(self.cap);
        let half = full / 2;
        full - Duration::from_micros(env.below(u64::try_from(half.as_micros()).unwrap_or(u64::MAX)))
    }
}
