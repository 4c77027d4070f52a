//! What counts how much callers ask for.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http::HeaderName;
use plaza_core::{Cx, Env, Result as CoreResult};
use plaza_rpc::limit::{Charge, Decision};
use plaza_rpc::{Limiter, LocalLimiter, SharedLimiter};
use plaza_stores::ServerKind;
use plaza_stores::redis::{Gcra, Redis, RedisOptions, Taken};

use crate::config::RateLimitConfig;
use crate::failure::Result;

/// How long one question to Redis may take: it comes before every call.
const TIMEOUT: Duration = Duration::from_millis(100);

/// The limiter that the settings ask for; `None` for no limit.
pub(super) fn limiter(config: &RateLimitConfig, env: &Env) -> Result<Option<Arc<dyn Limiter>>> {
    if config.per_minute == 0 {
        return Ok(None);
    }
    let Some(server) = config.store.server(ServerKind::Redis) else {
        return Ok(Some(Arc::new(LocalLimiter::new(config.per_minute, env))));
    };
    let options = RedisOptions { command_timeout: TIMEOUT, ..RedisOptions::new("limits") };
    let common = InRedis(Gcra::new(Redis::open(server, options)?, config.per_minute));
    Ok(Some(Arc::new(SharedLimiter::new(Arc::new(common), env))))
}

/// The header that a trusted proxy tells addresses in. The settings were checked: it is one.
pub(super) fn address_header(config: &RateLimitConfig) -> Option<HeaderName> {
    config.address_header.as_ref().and_then(|header| header.parse().ok())
}

/// The count that all processes have in common.
struct InRedis(Gcra);

#[async_trait]
impl Limiter for InRedis {
    async fn check(&self, cx: &Cx, charge: Charge) -> CoreResult<Decision> {
        Ok(match self.0.take(cx, &charge.key.to_string(), charge.cost).await? {
            Taken::Allowed { .. } => Decision::Pass,
            Taken::Wait(wait) => Decision::Wait(wait),
        })
    }

    fn per_minute(&self) -> u32 {
        self.0.per_minute()
    }
}

#[cfg(test)]
mod tests {
    use plaza_core::AccountId;
    use plaza_rpc::limit::LimitKey;
    use plaza_testkit::{RedisKeys, Store, wait};

    use super::*;

    #[tokio::test]
    async fn processes_with_redis_in_common_count_together_and_alone_without_it() {
        let Some(keys) = RedisKeys::on(Store::RedisCache) else { return };
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let at = |store: &str| {
            let config =
                RateLimitConfig { per_minute: 10, store: store.parse().unwrap(), ..RateLimitConfig::default() };
            limiter(&config, &Env::system()).unwrap().unwrap()
        };
        let cx = Cx::background("test", Duration::from_secs(60));
        let passes = async |limiter: &dyn Limiter, account: i64, cost: u32| {
            let charge = Charge { key: LimitKey::Account(AccountId(account)), cost, strict: false };
            limiter.check(&cx, charge).await.unwrap() == Decision::Pass
        };
        let both = [at(&keys.address()), at(&keys.address())];
        // Until each has reached Redis it counts alone.
        let mut account = 0;
        wait::until("both to count together", || {
            account += 1;
            let (passes, both) = (&passes, &both);
            async move {
                let first = passes(&*both[0], account, 10).await;
                (first && !passes(&*both[1], account, 10).await).then_some(())
            }
        })
        .await;
        let mut passed = 0;
        for n in 0..20 {
            passed += u32::from(passes(&*both[n % 2], 1_000_000, 1).await);
        }
        assert!((10..=12).contains(&passed), "{passed}");

        let alone = [at(&format!("redis://{free}")), at(&format!("redis://{free}"))];
        for limiter in alone {
            assert!(passes(&*limiter, 1, 10).await && !passes(&*limiter, 1, 10).await);
        }
    }
}
