//! How much each caller may ask for: so much a minute, each method at its own cost.
//!
//! Whoever is signed in is one caller, wherever they call from; everybody else is their network address. Services and
//! operators are not limited, nor is who calls within the process. What a call costs is said in its `.proto`.

mod address;
mod local;
mod shared;

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, Error, Result, reason};

use crate::Method;

pub(crate) use address::{RemoteAddress, of_caller};
pub use local::LocalLimiter;
pub use shared::SharedLimiter;

/// Whom a call is counted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LimitKey {
    /// Who is signed in.
    Account(AccountId),
    /// Where somebody calls from who is not.
    Address(IpAddr),
}

impl LimitKey {
    /// Whom a call is counted for, if it is at all.
    #[must_use]
    pub fn of(cx: &Cx) -> Option<Self> {
        let (caller, remote) = (cx.caller(), cx.remote()?);
        if caller.service.is_some() || caller.admin {
            return None;
        }
        Some(caller.account.map_or_else(|| Self::Address(network(remote)), Self::Account))
    }
}

/// The address of one customer of a network: of IPv6 they have the last 64 bits to themselves.
#[must_use]
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
        v4 @ IpAddr::V4(_) => v4,
    }
}

impl fmt::Display for LimitKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(account) => write!(f, "account:{account}"),
            Self::Address(address) => write!(f, "address:{address}"),
        }
    }
}

/// What one call takes of what its caller may spend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge {
    /// Whom it is counted for.
    pub key: LimitKey,
    /// How much it costs.
    pub cost: u32,
    /// Whether to be strict where the common count cannot be reached: guessing passwords must not become cheap by that.
    pub strict: bool,
}

/// What a limiter decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// The call may go on; its cost is spent.
    Pass,
    /// Nothing is spent; the same call may pass after so long.
    Wait(Duration),
}

/// Counts what callers spend.
#[async_trait]
pub trait Limiter: Send + Sync + 'static {
    /// Takes a charge, or says when it could be taken.
    ///
    /// # Errors
    /// `UNAVAILABLE` if nobody can tell now.
    async fn check(&self, cx: &Cx, charge: Charge) -> Result<Decision>;

    /// How much a caller may spend in a minute, and at once.
    fn per_minute(&self) -> u32;
}

/// Lets a call pass, or refuses it.
pub(crate) async fn admit(limiter: &dyn Limiter, method: &Method, cx: &Cx) -> Result<()> {
    let Some(key) = LimitKey::of(cx) else { return Ok(()) };
    let charge = Charge { key, cost: method.cost, strict: method.strict_limit };
    match cx.within(limiter.check(cx, charge)).await? {
        Decision::Pass => Ok(()),
        Decision::Wait(wait) => Err(refusal(key, limiter.per_minute(), wait)),
    }
}

fn refusal(key: LimitKey, per_minute: u32, wait: Duration) -> Error {
    let error = Error::new(reason::RATE_LIMITED).with("subject", key).with("per_minute", per_minute);
    error.retry_after(wait)
}

#[cfg(test)]
mod tests {
    use plaza_core::Caller;
    use tokio::time::Instant;

    use super::*;

    fn key(caller: Caller, remote: Option<&str>) -> Option<String> {
        let remote = remote.map(|remote| remote.parse().unwrap());
        let cx = Cx::new(caller, Instant::now() + Duration::from_secs(1)).with_remote(remote);
        LimitKey::of(&cx).map(|key| key.to_string())
    }

    #[test]
    fn callers_are_accounts_or_else_addresses_and_services_are_none() {
        let user = || Caller::user(AccountId(7));
        assert_eq!(key(user(), Some("10.0.0.1")).unwrap(), "account:7");
        assert_eq!(key(Caller::default(), Some("10.0.0.1")).unwrap(), "address:10.0.0.1");
        assert_eq!(key(Caller::default(), Some("::ffff:10.0.0.1")).unwrap(), "address:10.0.0.1");
        assert_eq!(key(Caller::default(), Some("2001:db8:1:2:3:4:5:6")).unwrap(), "address:2001:db8:1:2::");
        assert_eq!(key(user(), None), None, "who calls within the process");
        assert_eq!(key(Caller { service: Some("feeds"), ..user() }, Some("10.0.0.1")), None);
        assert_eq!(key(Caller { admin: true, ..Caller::default() }, Some("10.0.0.1")), None);
    }
}
