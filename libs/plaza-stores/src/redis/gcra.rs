//! Rate limits that many processes share.
//!
//! The generic cell rate algorithm (ITU-T I.371), as one script: a caller may spend a minute's worth at once, and then as
//! it is earned. One time is kept for each caller, and expires when it no longer matters. A server that lost it lets
//! callers spend anew; it never holds anybody up.

use std::sync::LazyLock;
use std::time::Duration;

use fred::types::Value;
use plaza_core::{Cx, Env, Error, Result};

use super::{Redis, Script, ScriptCall};

static SCRIPT: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("gcra.lua")));

const MINUTE_US: u32 = 60_000_000;

/// What came of a charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is spent.
    Allowed {
        /// How much may be spent right after it.
        remaining: u32,
    },
    /// Nothing is spent; the same charge may pass after so long.
    Wait(Duration),
}

/// Counts what callers spend.
#[derive(Clone, Debug)]
pub struct Gcra {
    redis: Redis,
    per_minute: u32,
    /// The clock of a test; else the server's.
    clock: Option<Env>,
}

impl Gcra {
    /// Lets each caller spend `per_minute`. Zero counts as one.
    #[must_use]
    pub fn new(redis: Redis, per_minute: u32) -> Self {
        Self { redis, per_minute: per_minute.clamp(1, MINUTE_US), clock: None }
    }

    /// By the clock of `env`, which must be the same for all who count: for tests.
    #[must_use]
    pub fn timed_by(self, env: &Env) -> Self {
        Self { clock: Some(env.clone()), ..self }
    }

    /// What each caller may spend in a minute, and at once.
    #[must_use]
    pub fn per_minute(&self) -> u32 {
        self.per_minute
    }

    /// Charges a caller, or says when it could be done. What costs more than there ever is takes all there is.
    ///
    /// # Errors
    /// As [`Redis::run`]; then it is not known whether it is spent.
    pub async fn take(&self, cx: &Cx, caller: &str, cost: u32) -> Result<Taken> {
        let each = MINUTE_US / self.per_minute;
        let at_once = each * self.per_minute;
        let cost = i64::from(cost.min(self.per_minute)) * i64::from(each);
        let mut args: Vec<Value> = vec![cost.into(), i64::from(at_once).into()];
        args.extend(self.clock.as_ref().map(|env| Value::from(env.now().0.saturating_mul(1_000))));
        let call = ScriptCall::new(vec![self.redis.key(&format!("limit:{caller}"))], args);
        let (allowed, micros): (i64, u32) = self.redis.run(cx, &SCRIPT, &call).await?;
        match allowed {
            1 => Ok(Taken::Allowed { remaining: at_once.saturating_sub(micros) / each }),
            0 => Ok(Taken::Wait(Duration::from_micros(micros.into()))),
            _ => Err(Error::internal(format!("the script of rate limits answered {allowed}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use plaza_core::{Caller, ManualClock, Timestamp};
    use plaza_testkit::{RedisKeys, Store};
    use tokio::time::Instant;

    use super::*;
    use crate::StoreAddress;
    use crate::redis::RedisOptions;

    fn cx() -> Cx {
        Cx::new(Caller::default(), Instant::now() + Duration::from_secs(20))
    }

    async fn redis(keys: &RedisKeys) -> Redis {
        let address: StoreAddress = keys.address().parse().unwrap();
        let StoreAddress::Server(server) = address else { panic!("no server") };
        let redis = Redis::open(&server, RedisOptions::new("limits")).unwrap();
        redis.connected(&cx()).await.unwrap();
        redis
    }

    async fn take(gcra: &Gcra, caller: &str, cost: u32) -> Taken {
        gcra.take(&cx(), caller, cost).await.unwrap()
    }

    #[tokio::test]
    async fn a_caller_spends_a_minutes_worth_at_once_and_then_as_it_is_earned() {
        let Some(keys) = RedisKeys::on(Store::RedisCache) else { return };
        let clock = ManualClock::new(Timestamp(1_800_000_000_000));
        let gcra = Gcra::new(redis(&keys).await, 100).timed_by(&Env::manual(clock.clone(), 1));
        for left in (0..100).rev() {
            assert_eq!(take(&gcra, "ada", 1).await, Taken::Allowed { remaining: left });
        }
        assert_eq!(take(&gcra, "ada", 1).await, Taken::Wait(Duration::from_millis(600)));
        assert_eq!(take(&gcra, "bob", 1).await, Taken::Allowed { remaining: 99 }, "others have their own");
        assert_eq!(take(&gcra, "ada", 5).await, Taken::Wait(Duration::from_secs(3)), "refusals cost nothing");
        clock.advance(599);
        assert_eq!(take(&gcra, "ada", 1).await, Taken::Wait(Duration::from_millis(1)));
        clock.advance(1);
        assert_eq!(take(&gcra, "ada", 1).await, Taken::Allowed { remaining: 0 });
        assert_eq!(take(&gcra, "bob", 1_000).await, Taken::Allowed { remaining: 0 }, "all there is");
        assert_eq!(take(&gcra, "bob", 1_000).await, Taken::Wait(Duration::from_secs(60)));
    }

    #[tokio::test]
    async fn processes_count_together_by_the_servers_clock() {
        let Some(keys) = RedisKeys::on(Store::RedisCache) else { return };
        let both = [Gcra::new(redis(&keys).await, 20), Gcra::new(redis(&keys).await, 20)];
        let calls: Vec<_> = (0..60)
            .map(|n| {
                let gcra = both[n % 2].clone();
                tokio::spawn(async move { take(&gcra, "ada", 1).await })
            })
            .collect();
        let (mut allowed, mut longest) = (0, Duration::ZERO);
        for call in calls {
            match call.await.unwrap() {
                Taken::Allowed { .. } => allowed += 1,
                Taken::Wait(wait) => longest = longest.max(wait),
            }
        }
        // One more is earned in each three seconds that this takes.
        assert!((20..=25).contains(&allowed), "{allowed}");
        assert!(longest <= Duration::from_secs(3) && longest > Duration::ZERO, "{longest:?}");
        let left = plaza_testkit::redis::command(&keys.address(), &["PTTL", &both[0].redis.key("limit:ada")]);
        let left: i64 = left.trim_start_matches(':').parse().unwrap();
        assert!((1..=60_000).contains(&left), "it goes when it no longer matters: {left}");
    }
}
