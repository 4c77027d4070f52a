//! Service tokens: how a service proves to another that it belongs to the platform.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;
use plaza_core::{Env, Error, Result, Secret, Timestamp, reason};
use tonic::metadata::AsciiMetadataValue;

/// How long a service token is good.
const VALID_MS: i64 = 60_000;
/// How far two machines' clocks may be apart.
const SKEW_MS: i64 = 30_000;
/// A new token is made when the last has less than this left.
const RENEW_MS: i64 = 20_000;
/// No platform has more services.
const MAX_NAMES: usize = 64;

/// Makes and checks service tokens: `<name>.<expiry in ms>.<mac>`. Cheap to clone.
#[derive(Clone)]
pub struct ServiceKey(Arc<Inner>);

struct Inner {
    secret: Secret,
    env: Env,
    made: Mutex<Vec<Made>>,
}

struct Made {
    name: &'static str,
    expires: i64,
    token: AsciiMetadataValue,
}

impl std::fmt::Debug for ServiceKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ServiceKey(…)")
    }
}

impl ServiceKey {
    /// The key of the platform that has this secret.
    #[must_use]
    pub fn new(secret: &Secret, env: &Env) -> Self {
        let secret = secret.derive("service-tokens");
        Self(Arc::new(Inner { secret, env: env.clone(), made: Mutex::default() }))
    }

    /// A token for the service `name`, made at most every 40 seconds.
    ///
    /// # Errors
    /// `INTERNAL` for a name that is no service's.
    pub fn token(&self, name: &'static str) -> Result<AsciiMetadataValue> {
        let now = self.0.env.now().0;
        let mut made = self.0.made.lock();
        if let Some(fresh) = made.iter().find(|m| m.name == name && m.expires - now > RENEW_MS) {
            return Ok(fresh.token.clone());
        }
        let expires = now + VALID_MS;
        let token = self.mint(name, expires);
        let token = AsciiMetadataValue::try_from(token).map_err(|_| Error::internal("no service name"))?;
        made.retain(|m| m.name != name);
        made.push(Made { name, expires, token: token.clone() });
        Ok(token)
    }

    fn mint(&self, name: &str, expires: i64) -> String {
        let expires = expires.to_string();
        let mac = self.0.secret.mac(&[name.as_bytes(), expires.as_bytes()]);
        format!("{name}.{expires}.{}", URL_SAFE_NO_PAD.encode(mac))
    }

    /// The service that a token proves, and until when.
    pub(crate) fn verify(&self, token: &str, now: Timestamp) -> Result<(&'static str, Timestamp)> {
        let invalid = || Error::new(reason::CREDENTIALS_INVALID);
        let mut parts = token.split('.');
        let (Some(name), Some(expires), Some(mac), None) = (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(invalid());
        };
        let mac = URL_SAFE_NO_PAD.decode(mac).map_err(|_| invalid())?;
        if !self.0.secret.verify(&[name.as_bytes(), expires.as_bytes()], &mac) {
            return Err(invalid());
        }
        let expires: i64 = expires.parse().map_err(|_| invalid())?;
        let left = expires - now.0;
        if left > VALID_MS + SKEW_MS {
            return Err(invalid());
        }
        if left <= -SKEW_MS {
            return Err(Error::new(reason::CREDENTIALS_EXPIRED));
        }
        Ok((intern(name).ok_or_else(invalid)?, Timestamp(expires + SKEW_MS)))
    }
}

/// The name that a service gives itself, if it looks like one.
pub(crate) fn known_name(name: &str) -> Option<&'static str> {
    let is_name = !name.is_empty() && name.len() <= 32 && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'-');
    if is_name { intern(name) } else { None }
}

/// The name for the life of the process. Only holders of the secret can name services; a bound stops even them.
fn intern(name: &str) -> Option<&'static str> {
    static NAMES: Mutex<Vec<&'static str>> = Mutex::new(Vec::new());
    let mut names = NAMES.lock();
    if let Some(known) = names.iter().find(|known| **known == name) {
        return Some(known);
    }
    if names.len() >= MAX_NAMES {
        return None;
    }
    let name: &'static str = Box::leak(name.to_owned().into_boxed_str());
    names.push(name);
    Some(name)
}

#[cfg(test)]
mod tests {
    use plaza_core::ManualClock;

    use super::*;

    const START: Timestamp = Timestamp(1_800_000_000_000);

    #[test]
    fn a_token_is_good_for_a_minute_and_the_clocks_difference() {
        let clock = ManualClock::new(START);
        let key = ServiceKey::new(&Secret::new([1; 32]), &Env::manual(clock.clone(), 1));
        let token = key.token("feeds").unwrap().to_str().unwrap().to_owned();
        assert_eq!(key.verify(&token, START).unwrap().0, "feeds");
        assert_eq!(key.verify(&token, START.plus_ms(VALID_MS + SKEW_MS - 1)).unwrap().0, "feeds");
        let late = key.verify(&token, START.plus_ms(VALID_MS + SKEW_MS)).unwrap_err();
        assert!(late.is(reason::CREDENTIALS_EXPIRED));
        let early = key.verify(&token, START.plus_ms(-SKEW_MS - 1)).unwrap_err();
        assert!(early.is(reason::CREDENTIALS_INVALID));

        assert_eq!(key.token("feeds").unwrap().to_str().unwrap(), token);
        clock.advance(VALID_MS - RENEW_MS);
        assert_ne!(key.token("feeds").unwrap().to_str().unwrap(), token);
    }

    #[test]
    fn no_other_key_name_or_expiry_passes() {
        let env = Env::manual(ManualClock::new(START), 1);
        let key = ServiceKey::new(&Secret::new([1; 32]), &env);
        let other = ServiceKey::new(&Secret::new([2; 32]), &env);
        let token = key.token("feeds").unwrap().to_str().unwrap().to_owned();
        assert!(other.verify(&token, START).is_err());
        let mac = token.rsplit('.').next().unwrap();
        let later = START.0 + 2 * VALID_MS;
        for bad in [token.replace("feeds", "admin"), format!("feeds.{later}.{mac}"), String::new(), "a.b".to_owned()] {
            assert!(key.verify(&bad, START).unwrap_err().is(reason::CREDENTIALS_INVALID), "{bad}");
        }
    }
}
