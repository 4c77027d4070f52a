//! A circuit breaker: while a server does not answer, calls fail at once instead of each waiting its deadline out.
//!
//! After some failures in a row it opens. When its pause is over, one call goes through to see; if that succeeds the
//! breaker closes, else it stays open for another pause. What counts as a failure is that the server was not reached or
//! did not answer; an answer that says no is a success.

use std::time::Duration;

use parking_lot::Mutex;
use plaza_core::{Error, Result, reason};
use tokio::time::Instant;

/// When a breaker opens and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerOptions {
    /// How many failures in a row open it.
    pub failures: u32,
    /// How long it stays open before a call may try again.
    pub pause: Duration,
}

impl Default for BreakerOptions {
    fn default() -> Self {
        Self { failures: 3, pause: Duration::from_secs(1) }
    }
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Calls pass; so many in a row have failed.
    Closed(u32),
    /// No call passes before this moment.
    Open(Instant),
    /// One call is on its way to see.
    Probing,
}

/// The breaker in front of one server.
#[derive(Debug)]
pub struct Breaker {
    options: BreakerOptions,
    state: Mutex<State>,
}

impl Breaker {
    /// A closed breaker.
    #[must_use]
    pub const fn new(options: BreakerOptions) -> Self {
        Self { options, state: Mutex::new(State::Closed(0)) }
    }

    /// Lets a call through; tell the permit how it went.
    ///
    /// # Errors
    /// `STORE_UNAVAILABLE`, with the time after which a retry may help, while the breaker is open.
    pub fn admit(&self) -> Result<Permit<'_>> {
        let mut state = self.state.lock();
        let wait = match *state {
            State::Closed(_) => return Ok(Permit { breaker: self, probe: false, settled: false }),
            State::Open(until) => until.saturating_duration_since(Instant::now()),
            State::Probing => self.options.pause,
        };
        if wait.is_zero() {
            *state = State::Probing;
            return Ok(Permit { breaker: self, probe: true, settled: false });
        }
        Err(Error::new(reason::STORE_UNAVAILABLE).retry_after(wait))
    }

    /// Opens it without waiting for more failures: somebody knows that the server is away.
    pub fn trip(&self) {
        let mut state = self.state.lock();
        if matches!(*state, State::Closed(_)) {
            *state = self.open();
        }
    }

    /// Whether calls fail at once now.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !matches!(*self.state.lock(), State::Closed(_))
    }

    fn open(&self) -> State {
        State::Open(Instant::now() + self.options.pause)
    }
}

/// A call that was let through. One that ends without a verdict, because its caller gave up, changes nothing.
#[derive(Debug)]
#[must_use = "a permit has to be told how the call went"]
pub struct Permit<'a> {
    breaker: &'a Breaker,
    probe: bool,
    settled: bool,
}

impl Permit<'_> {
    /// Whether this call is the one that finds out if the server is back; it should not wait long.
    #[must_use]
    pub const fn is_probe(&self) -> bool {
        self.probe
    }

    /// The server answered.
    pub fn succeeded(mut self) {
        self.settled = true;
        *self.breaker.state.lock() = State::Closed(0);
    }

    /// The server was not reached or did not answer.
    pub fn failed(mut self) {
        self.settled = true;
        let mut state = self.breaker.state.lock();
        *state = match *state {
            State::Closed(failures) if failures + 1 < self.breaker.options.failures => State::Closed(failures + 1),
            State::Closed(_) => self.breaker.open(),
            // Calls that were let through before it opened do not make its pause longer.
            State::Probing if self.probe => self.breaker.open(),
            other => other,
        };
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if self.probe && !self.settled {
            *self.breaker.state.lock() = State::Open(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_secs(1);

    fn failing() -> Breaker {
        let breaker = Breaker::new(BreakerOptions { failures: 3, pause: PAUSE });
        for _ in 0..3 {
            breaker.admit().unwrap().failed();
        }
        breaker
    }

    #[tokio::test(start_paused = true)]
    async fn failures_in_a_row_open_it_and_a_success_between_them_does_not() {
        let breaker = Breaker::new(BreakerOptions { failures: 3, pause: PAUSE });
        for _ in 0..4 {
            breaker.admit().unwrap().failed();
            breaker.admit().unwrap().failed();
            breaker.admit().unwrap().succeeded();
        }
        assert!(!breaker.is_open());
        breaker.trip();
        assert!(breaker.is_open());
        let breaker = failing();
        assert!(breaker.is_open());
        let error = breaker.admit().unwrap_err();
        assert!(error.is(reason::STORE_UNAVAILABLE), "{error}");
        assert_eq!(error.retry_delay(), Some(PAUSE));
    }

    #[tokio::test(start_paused = true)]
    async fn after_the_pause_one_call_sees_whether_the_server_is_back() {
        let breaker = failing();
        tokio::time::advance(PAUSE).await;
        let probe = breaker.admit().unwrap();
        assert!(probe.is_probe() && breaker.admit().is_err());
        probe.failed();
        assert!(breaker.admit().is_err());

        tokio::time::advance(PAUSE).await;
        breaker.admit().unwrap().succeeded();
        assert!(!breaker.is_open() && !breaker.admit().unwrap().is_probe());
    }

    #[tokio::test(start_paused = true)]
    async fn a_probe_whose_caller_gave_up_leaves_its_place_to_the_next() {
        let breaker = failing();
        tokio::time::advance(PAUSE).await;
        drop(breaker.admit().unwrap());
        assert!(breaker.is_open() && breaker.admit().unwrap().is_probe());
    }

    #[tokio::test(start_paused = true)]
    async fn calls_from_before_it_opened_change_nothing() {
        let breaker = Breaker::new(BreakerOptions { failures: 1, pause: PAUSE });
        let (late, first) = (breaker.admit().unwrap(), breaker.admit().unwrap());
        first.failed();
        tokio::time::advance(PAUSE / 2).await;
        late.failed();
        tokio::time::advance(PAUSE / 2).await;
        assert!(breaker.admit().is_ok());
    }
}
