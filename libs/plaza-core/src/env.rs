//! Clock, ids and randomness, passed in and never called from a handler, so that tests and simulation are exact.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::id;

/// Milliseconds since the Unix epoch, UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// This time, later by `ms` milliseconds (earlier if negative).
    #[must_use]
    pub fn plus_ms(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// Whole seconds and the nanoseconds left over, as `google.protobuf.Timestamp` wants them.
    #[must_use]
    pub fn seconds_nanos(self) -> (i64, i32) {
        let nanos = self.0.rem_euclid(1_000) * 1_000_000;
        (self.0.div_euclid(1_000), i32::try_from(nanos).unwrap_or_default())
    }
}

/// Divides the random part of an id that a floor fixes, so that it stays near the floor: within a quarter millisecond.
const FLOOR_STEP: i64 = 4;

/// Tells the time of day.
pub trait Clock: Send + Sync + 'static {
    /// The time now.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the wall clock")]
    fn now(&self) -> Timestamp {
        let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Timestamp(since.map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX)))
    }
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows `start`.
    #[must_use]
    pub fn new(start: Timestamp) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(start.0)))
    }

    /// Moves the clock on by `ms` milliseconds.
    pub fn advance(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

/// A source of random bytes.
pub trait Entropy: Send + Sync + 'static {
    /// Fills `buf` with random bytes.
    fn fill(&self, buf: &mut [u8]);
}

/// The operating system's randomness; fit for secrets.
#[derive(Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[expect(
        clippy::expect_used,
        reason = "without randomness no secret can be made: stopping is the only safe answer"
    )]
    fn fill(&self, buf: &mut [u8]) {
        getrandom::fill(buf).expect("the operating system gives random bytes");
    }
}

/// Randomness that a seed fixes; for tests only, never for secrets.
#[derive(Debug)]
pub struct SeededEntropy(Mutex<fastrand::Rng>);

impl SeededEntropy {
    /// Randomness that is the same for the same seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(fastrand::Rng::with_seed(seed)))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, buf: &mut [u8]) {
        self.0.lock().fill(buf);
    }
}

/// Clock, ids and randomness of one process; cheap to clone.
#[derive(Clone)]
pub struct Env {
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    last_id: Arc<AtomicI64>,
    fast: Arc<Mutex<fastrand::Rng>>,
}

impl std::fmt::Debug for Env {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Env").field("now", &self.now()).finish_non_exhaustive()
    }
}

impl Env {
    /// An environment from its parts.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        let mut seed = [0; 8];
        entropy.fill(&mut seed);
        let fast = fastrand::Rng::with_seed(u64::from_le_bytes(seed));
        Self { clock, entropy, last_id: Arc::default(), fast: Arc::new(Mutex::new(fast)) }
    }

    /// The machine's clock and randomness.
    #[must_use]
    pub fn system() -> Self {
        Self::new(Arc::new(SystemClock), Arc::new(SystemEntropy))
    }

    /// For tests: a clock that the test moves, and randomness fixed by `seed`.
    #[must_use]
    pub fn manual(clock: Arc<ManualClock>, seed: u64) -> Self {
        Self::new(clock, Arc::new(SeededEntropy::new(seed)))
    }

    /// The time now.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Random bytes fit for secrets.
    pub fn fill(&self, buf: &mut [u8]) {
        self.entropy.fill(buf);
    }

    /// A random number below `bound` (0 for a bound of 0); for jitter and sampling, not for secrets.
    #[must_use]
    pub fn below(&self, bound: u64) -> u64 {
        if bound == 0 { 0 } else { self.fast.lock().u64(0..bound) }
    }

    /// The next 63-bit id: milliseconds, then random bits; monotone within this environment.
    #[must_use]
    pub fn next_id(&self) -> i64 {
        self.next_id_above(0)
    }

    /// As [`Env::next_id`], and above `floor` as well: for ids that rise across several processes. Where the clock does
    /// not lead above it, the id is a random step above, so that processes with the same floor seldom draw the same.
    #[must_use]
    pub fn next_id_above(&self, floor: i64) -> i64 {
        let random = i64::try_from(self.below(id::RANDOM_SPAN)).unwrap_or_default();
        let by_clock = id::first_at(self.now()) | random;
        let fresh = if by_clock > floor { by_clock } else { floor + 1 + random / FLOOR_STEP };
        let mut last = self.last_id.load(Ordering::Relaxed);
        loop {
            let next = fresh.max(last + 1);
            match self.last_id.compare_exchange_weak(last, next, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return next,
                Err(seen) => last = seen,
            }
        }
    }

    /// A new event id: UUID v7 from this environment's clock and randomness.
    #[must_use]
    pub fn event_id(&self) -> Uuid {
        let mut random = [0; 10];
        let mut rng = self.fast.lock();
        rng.fill(&mut random);
        drop(rng);
        let millis = u64::try_from(self.now().0).unwrap_or_default();
        uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(seed: u64) -> (Arc<ManualClock>, Env) {
        let clock = ManualClock::new(Timestamp(1_800_000_000_000));
        (clock.clone(), Env::manual(clock, seed))
    }

    #[test]
    fn ids_rise_within_one_millisecond_and_carry_their_time() {
        let (clock, env) = env(1);
        let ids: Vec<i64> = (0..1_000).map(|_| env.next_id()).collect();
        assert!(ids.windows(2).all(|w| w[0] < w[1]));
        clock.advance(5);
        let later = env.next_id();
        assert!(later > ids[999]);
        assert_eq!(id::time_of(later), Timestamp(1_800_000_000_005));
    }

    #[test]
    fn ids_stay_above_a_floor_that_the_clock_has_not_reached() {
        let (clock, env) = env(1);
        let floor = id::first_at(Timestamp(1_800_000_000_900));
        let ids: Vec<i64> = (0..100).map(|_| env.next_id_above(floor)).collect();
        assert!(ids[0] > floor && ids.windows(2).all(|w| w[0] < w[1]));
        assert_eq!(id::time_of(ids[99]), Timestamp(1_800_000_000_900));
        assert!(env.next_id() > ids[99], "other ids go on from there");
        clock.advance(5_000);
        assert_eq!(id::time_of(env.next_id_above(floor)), Timestamp(1_800_000_005_000));
        assert_ne!(env_of(1).next_id_above(floor), env_of(2).next_id_above(floor));
    }

    fn env_of(seed: u64) -> Env {
        env(seed).1
    }

    #[test]
    fn the_same_seed_gives_the_same_ids() {
        let draw = |seed| {
            (0..10)
                .map({
                    let e = env(seed).1;
                    move |_| e.next_id()
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(draw(7), draw(7));
        assert_ne!(draw(7), draw(8));
    }

    #[test]
    fn event_ids_are_version_7_and_system_entropy_varies() {
        let (_, env) = env(2);
        assert_eq!(env.event_id().get_version_num(), 7);
        let (mut a, mut b) = ([0; 32], [0; 32]);
        SystemEntropy.fill(&mut a);
        SystemEntropy.fill(&mut b);
        assert_ne!(a, b);
    }
}
