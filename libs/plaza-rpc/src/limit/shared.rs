//! A limiter that all processes share, and what happens while its store is away.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use plaza_core::{Cx, Env, Result};

use super::{Charge, Decision, Limiter, LocalLimiter};

/// How long a call waits for the common count before its process counts alone.
const PATIENCE: Duration = Duration::from_millis(100);
/// After a failure the common count is left alone for so long, so that not every call waits for it.
const PAUSE_MS: i64 = 1_000;
/// Of what a caller may spend, this part of it may be spent on strict methods in each process that counts alone.
const STRICT_PART: u32 = 4;

/// Asks a common count. While that is away, each process counts alone: most calls by the same limit, strict ones by a
/// quarter of it, so that many processes together do not let guesses at passwords through.
pub struct SharedLimiter {
    common: Arc<dyn Limiter>,
    alone: LocalLimiter,
    strict: LocalLimiter,
    env: Env,
    /// In milliseconds: until then the common count is not asked.
    away_until: AtomicI64,
}

impl std::fmt::Debug for SharedLimiter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SharedLimiter").field("alone", &self.alone).finish_non_exhaustive()
    }
}

impl SharedLimiter {
    /// A limiter that counts in `common` for as long as that answers.
    #[must_use]
    pub fn new(common: Arc<dyn Limiter>, env: &Env) -> Self {
        let per_minute = common.per_minute();
        let (alone, strict) = (LocalLimiter::new(per_minute, env), LocalLimiter::new(per_minute / STRICT_PART, env));
        Self { common, alone, strict, env: env.clone(), away_until: AtomicI64::new(i64::MIN) }
    }

    /// What the common count says, if it says anything in time.
    async fn ask(&self, cx: &Cx, charge: Charge) -> Option<Decision> {
        let now = self.env.now().0;
        let away_until = self.away_until.load(Ordering::Relaxed);
        if now < away_until {
            return None;
        }
        let error = match tokio::time::timeout(PATIENCE, self.common.check(cx, charge)).await {
            Ok(Ok(decision)) => {
                if away_until != i64::MIN && self.away_until.swap(i64::MIN, Ordering::Relaxed) != i64::MIN {
                    tracing::info!("rate limits are counted in common again");
                }
                return Some(decision);
            }
            Ok(Err(error)) => error.reason().to_owned(),
            Err(_) => "DEADLINE_EXCEEDED".to_owned(),
        };
        if self.away_until.swap(now + PAUSE_MS, Ordering::Relaxed) == i64::MIN {
            tracing::warn!(reason = error, "rate limits cannot be counted in common: this process counts alone");
        }
        None
    }
}

#[async_trait]
impl Limiter for SharedLimiter {
    async fn check(&self, cx: &Cx, charge: Charge) -> Result<Decision> {
        if let Some(decision) = self.ask(cx, charge).await {
            return Ok(decision);
        }
        let alone = if charge.strict { &self.strict } else { &self.alone };
        Ok(alone.take(charge))
    }

    fn per_minute(&self) -> u32 {
        self.common.per_minute()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU8, AtomicUsize};

    use plaza_core::{AccountId, Error, ManualClock, Timestamp, reason};
    use tokio::time::Instant;

    use super::super::LimitKey;
    use super::*;

    /// A common count that passes everything (0), fails (1) or is silent (2).
    #[derive(Default)]
    struct Common {
        how: AtomicU8,
        asked: AtomicUsize,
    }

    #[async_trait]
    impl Limiter for Common {
        async fn check(&self, _: &Cx, _: Charge) -> Result<Decision> {
            self.asked.fetch_add(1, Ordering::SeqCst);
            match self.how.load(Ordering::SeqCst) {
                0 => Ok(Decision::Pass),
                1 => Err(Error::new(reason::STORE_UNAVAILABLE)),
                _ => std::future::pending().await,
            }
        }

        fn per_minute(&self) -> u32 {
            100
        }
    }

    #[tokio::test(start_paused = true)]
    async fn while_the_common_count_is_away_processes_count_alone_and_strictly() {
        let clock = ManualClock::new(Timestamp(1_800_000_000_000));
        let common = Arc::new(Common::default());
        let limiter = SharedLimiter::new(common.clone(), &Env::manual(clock.clone(), 1));
        let cx = Cx::background("test", Duration::from_secs(600));
        let key = LimitKey::Account(AccountId(1));
        let passed = async |count: u32, cost: u32, strict: bool| {
            let mut passed = 0;
            for _ in 0..count {
                let decision = limiter.check(&cx, Charge { key, cost, strict }).await.unwrap();
                passed += u32::from(decision == Decision::Pass);
            }
            passed
        };
        assert_eq!(passed(300, 1, false).await, 300, "the common count decides");

        for how in [1, 2] {
            common.how.store(how, Ordering::SeqCst);
            clock.advance(120_000);
            let (start, asked) = (Instant::now(), common.asked.load(Ordering::SeqCst));
            assert_eq!(passed(300, 1, false).await, 100, "by its own limit");
            assert_eq!(passed(100, 5, true).await, 5, "25 for strict methods");
            assert!(start.elapsed() <= PATIENCE + Duration::from_millis(10), "only the first call waits");
            assert_eq!(common.asked.load(Ordering::SeqCst), asked + 1);
        }
        common.how.store(0, Ordering::SeqCst);
        clock.advance(PAUSE_MS);
        assert_eq!(passed(300, 5, true).await, 300, "the common count is back");
    }
}
