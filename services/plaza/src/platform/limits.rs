//! What counts how much callers ask for.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use plaza_core::{Cx, Env, Result as CoreResult};
use plaza_rpc::limit::{Charge, Decision};
use plaza_rpc::{Dependency, Limiter, LocalLimiter, SharedLimiter};
use plaza_stores::redis::{Gcra, Redis, RedisOptions, Taken};
use plaza_stores::{Gauge, ServerKind};

use crate::config::RateLimitConfig;
use crate::failure::Result;

/// How long one question to Redis may take: it comes before every call.
const TIMEOUT: Duration = Duration::from_millis(100);
/// How long the start waits for the store.
const START: Duration = Duration::from_secs(1);

/// The limiter of the process, and the store behind it if it has one.
#[derive(Default)]
pub(super) struct Limits {
    limiter: Option<Arc<dyn Limiter>>,
    redis: Option<Redis>,
}

impl Limits {
    /// What the settings ask for. A store that is away stops nobody: this process counts alone until it is there.
    pub(super) async fn open(config: &RateLimitConfig, env: &Env) -> Result<Self> {
        if config.per_minute == 0 {
            return Ok(Self::default());
        }
        let Some(server) = config.store.server(ServerKind::Redis) else {
            return Ok(Self { limiter: Some(Arc::new(LocalLimiter::new(config.per_minute, env))), redis: None });
        };
        let options = RedisOptions { command_timeout: TIMEOUT, ..RedisOptions::new("rate-limits") };
        let redis = Redis::open(server, options)?;
        // So that the first calls are counted in common too, if the store is there at all.
        if let Err(error) = redis.connected(&Cx::background("rate-limits", START)).await {
            tracing::warn!(%error, "rate limits are not counted in common yet");
        }
        let common = Arc::new(Common(Gcra::new(redis.clone(), config.per_minute)));
        Ok(Self { limiter: Some(Arc::new(SharedLimiter::new(common, env))), redis: Some(redis) })
    }

    pub(super) fn limiter(&self) -> Option<Arc<dyn Limiter>> {
        self.limiter.clone()
    }

    /// The store, without which each process counts alone.
    pub(super) fn dependency(&self) -> Option<Dependency> {
        let redis = self.redis.clone()?;
        Some(Dependency::new("rate-limits", move |cx| {
            let redis = redis.clone();
            Box::pin(async move { redis.ping(cx).await })
        }))
    }

    /// Figures of the store.
    pub(super) fn gauges(&self) -> Vec<Gauge> {
        self.redis.as_ref().map_or_else(Vec::new, Redis::observe)
    }

    pub(super) async fn close(&self) {
        if let Some(redis) = &self.redis {
            redis.close().await;
        }
    }
}

/// The count that all processes share.
struct Common(Gcra);

#[async_trait]
impl Limiter for Common {
    async fn check(&self, cx: &Cx, charge: Charge) -> CoreResult<Decision> {
        match self.0.take(cx, &charge.key.to_string(), charge.cost).await? {
            Taken::Allowed { .. } => Ok(Decision::Pass),
            Taken::Wait(wait) => Ok(Decision::Wait(wait)),
        }
    }

    fn per_minute(&self) -> u32 {
        self.0.per_minute()
    }
}
