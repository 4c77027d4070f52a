//! What counts how much callers ask for.

use std::sync::Arc;

use http::HeaderName;
use plaza_core::Env;
use plaza_rpc::{Limiter, LocalLimiter};

use crate::config::RateLimitConfig;
use crate::failure::Result;

/// The limiter that the settings ask for; `None` for no limit.
pub(super) fn limiter(config: &RateLimitConfig, env: &Env) -> Result<Option<Arc<dyn Limiter>>> {
    if config.per_minute == 0 {
        return Ok(None);
    }
    Ok(Some(Arc::new(LocalLimiter::new(config.per_minute, env))))
}

/// The header that a trusted proxy tells addresses in. The settings were checked: it is one.
pub(super) fn address_header(config: &RateLimitConfig) -> Option<HeaderName> {
    config.address_header.as_ref().and_then(|header| header.parse().ok())
}
