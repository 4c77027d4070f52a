//! A limiter of one process.
//!
//! The generic cell rate algorithm (ITU-T I.371): of each caller it keeps one time, at which all that was spent is earned
//! again. A charge moves it on by what it costs, and passes if it is then no further ahead than what may be spent at once.

use std::collections::HashMap;
use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use plaza_core::{Cx, Env, Result};

use super::{Charge, Decision, LimitKey, Limiter};

const MINUTE_US: i64 = 60_000_000;
const SHARDS: usize = 16;
/// Callers that are remembered in each shard; beyond that those with the least to earn are forgotten.
const KEYS: usize = 8_192;

/// Counts what the callers of one process spend.
pub struct LocalLimiter {
    env: Env,
    per_minute: u32,
    shards: [Mutex<HashMap<LimitKey, i64>>; SHARDS],
    hasher: RandomState,
}

impl std::fmt::Debug for LocalLimiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LocalLimiter").field("per_minute", &self.per_minute).finish_non_exhaustive()
    }
}

impl LocalLimiter {
    /// A limiter of `per_minute` for each caller, all of which may be spent at once. Zero counts as one.
    #[must_use]
    pub fn new(per_minute: u32, env: &Env) -> Self {
        let (per_minute, shards) = (per_minute.max(1), Default::default());
        Self { env: env.clone(), per_minute, shards, hasher: RandomState::new() }
    }

    /// As [`Limiter::check`], which it does at once.
    pub(super) fn take(&self, charge: Charge) -> Decision {
        let now = self.env.now().0.saturating_mul(1_000);
        // What costs more than there ever is would never pass.
        let cost = i64::from(charge.cost.min(self.per_minute)) * MINUTE_US / i64::from(self.per_minute);
        let shard = usize::try_from(self.hasher.hash_one(charge.key) % SHARDS as u64).unwrap_or_default();
        let mut earned = self.shards[shard].lock();
        let spent = earned.get(&charge.key).map_or(now, |earned| (*earned).max(now)) + cost;
        let early = spent - now - MINUTE_US;
        if early > 0 {
            return Decision::Wait(Duration::from_micros(early.unsigned_abs()));
        }
        if earned.len() >= KEYS && !earned.contains_key(&charge.key) {
            forget(&mut earned, now);
        }
        earned.insert(charge.key, spent);
        Decision::Pass
    }
}

/// Makes room: forgets who has earned everything again, and if that is few, the half that is closest to it.
fn forget(earned: &mut HashMap<LimitKey, i64>, now: i64) {
    earned.retain(|_, at| *at > now);
    if earned.len() > KEYS / 2 {
        let mut times: Vec<i64> = earned.values().copied().collect();
        let (_, middle, _) = times.select_nth_unstable(earned.len() / 2);
        let middle = *middle;
        earned.retain(|_, at| *at > middle);
    }
}

#[async_trait]
impl Limiter for LocalLimiter {
    async fn check(&self, _: &Cx, charge: Charge) -> Result<Decision> {
        Ok(self.take(charge))
    }

    fn per_minute(&self) -> u32 {
        self.per_minute
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use plaza_core::{AccountId, ManualClock, Timestamp};

    use super::*;

    fn limiter(per_minute: u32) -> (Arc<ManualClock>, LocalLimiter) {
        let clock = ManualClock::new(Timestamp(1_800_000_000_000));
        (clock.clone(), LocalLimiter::new(per_minute, &Env::manual(clock, 1)))
    }

    fn charge(account: i64, cost: u32) -> Charge {
        Charge { key: LimitKey::Account(AccountId(account)), cost, strict: false }
    }

    #[test]
    fn a_caller_spends_a_minutes_worth_at_once_and_then_as_it_is_earned() {
        let (clock, limiter) = limiter(100);
        assert!((0..100).all(|_| limiter.take(charge(1, 1)) == Decision::Pass));
        assert_eq!(limiter.take(charge(1, 1)), Decision::Wait(Duration::from_millis(600)));
        assert_eq!(limiter.take(charge(2, 1)), Decision::Pass, "others have their own");
        assert_eq!(limiter.take(charge(1, 5)), Decision::Wait(Duration::from_secs(3)), "refusals cost nothing");
        clock.advance(599);
        assert_eq!(limiter.take(charge(1, 1)), Decision::Wait(Duration::from_millis(1)));
        clock.advance(1);
        assert_eq!(limiter.take(charge(1, 1)), Decision::Pass);
        // Over any ten minutes no more than eleven minutes' worth passes.
        let passed = (0..6_000).filter(|_| {
            clock.advance(100);
            limiter.take(charge(1, 1)) == Decision::Pass
        });
        assert_eq!(passed.count(), 1_000);
    }

    #[test]
    fn a_cost_over_the_limit_is_all_there_is() {
        let (clock, limiter) = limiter(3);
        assert_eq!(limiter.take(charge(1, 5)), Decision::Pass);
        assert_eq!(limiter.take(charge(1, 5)), Decision::Wait(Duration::from_secs(60)));
        clock.advance(60_000);
        assert_eq!(limiter.take(charge(1, 5)), Decision::Pass);
    }

    #[test]
    fn callers_are_forgotten_when_there_are_too_many_but_not_who_spent_most() {
        let (_, limiter) = limiter(10);
        for _ in 0..10 {
            assert_eq!(limiter.take(charge(0, 1)), Decision::Pass);
        }
        let many = i64::try_from(2 * SHARDS * KEYS).unwrap();
        for caller in 1..many {
            limiter.take(charge(caller, 1));
        }
        let held: usize = limiter.shards.iter().map(|shard| shard.lock().len()).sum();
        assert!(held <= SHARDS * KEYS, "{held}");
        assert!(matches!(limiter.take(charge(0, 1)), Decision::Wait(_)));
    }
}
