//! Who calls: users by access tokens, services by service tokens.

use async_trait::async_trait;
use moka::sync::Cache;
use plaza_core::{AccountId, Caller, Error, Result, Scopes, SessionId, Timestamp, reason};

pub use crate::service_key::ServiceKey;
use crate::{Gate, service_key};
pub use plaza_core::cx::ADMIN;

/// Metadata key of a service's token.
pub(crate) const SERVICE: &str = "plaza-service";
/// Metadata key of the account and session on whose behalf a service calls: `<account>` or `<account>.<session>`.
pub(crate) const CALLER: &str = "plaza-caller";
/// Metadata key of the address of the person for whom a service calls.
pub(crate) const ADDRESS: &str = "plaza-client-address";
/// No access token is longer.
const MAX_TOKEN: usize = 4_096;
/// How many verified tokens are remembered.
const CACHED: u64 = 20_000;

/// What a valid access token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The signed-in account.
    pub account: AccountId,
    /// The session it is signed in with.
    pub session: SessionId,
    /// What it may do, if it is a session of an app password; else everything.
    pub scopes: Option<Scopes>,
    /// When the token ends.
    pub expires: Timestamp,
}

/// Verifies access tokens.
#[async_trait]
pub trait TokenVerifier: Send + Sync + 'static {
    /// What a token says, if it is valid now. The answer is remembered until the token expires.
    ///
    /// # Errors
    /// `UNAUTHENTICATED`, reason `CREDENTIALS_INVALID` or `CREDENTIALS_EXPIRED`; `UNAVAILABLE` if it cannot tell.
    async fn verify(&self, token: &str) -> Result<Verified>;

    /// Whether a session was ended. Asked on every call: must be cheap.
    fn is_revoked(&self, session: SessionId) -> bool;
}

#[derive(Clone, Copy)]
enum Known {
    User(Verified),
    Service(&'static str, Timestamp),
}

/// Checks tokens, and remembers those that it verified, by their bytes: verifying costs more than many a call.
pub(crate) struct Credentials {
    key: ServiceKey,
    /// Whether a service may just say its name.
    believes_names: bool,
    known: Cache<Box<str>, Known>,
}

impl Credentials {
    pub(crate) fn new(key: ServiceKey, believes_names: bool) -> Self {
        Self { key, believes_names, known: Cache::new(CACHED) }
    }

    pub(crate) fn key(&self) -> &ServiceKey {
        &self.key
    }

    /// The service that a service token proves.
    pub(crate) fn service(&self, token: &str, now: Timestamp) -> Result<&'static str> {
        if let Some(Known::Service(name, expires)) = self.known.get(token)
            && expires > now
        {
            return Ok(name);
        }
        if self.believes_names && token != ADMIN && !token.contains('.') {
            return service_key::known_name(token).ok_or_else(|| Error::new(reason::CREDENTIALS_INVALID));
        }
        let (name, expires) = self.key.verify(token, now)?;
        self.known.insert(token.into(), Known::Service(name, expires));
        Ok(name)
    }

    /// Whom an access token signs in.
    pub(crate) async fn user(&self, gate: &Gate, token: &str) -> Result<Verified> {
        if token.is_empty() || token.len() > MAX_TOKEN {
            return Err(Error::new(reason::CREDENTIALS_INVALID));
        }
        let missing = || Error::new(reason::PEER_UNAVAILABLE).message("access tokens cannot be verified yet; retry");
        let verifier = gate.verifier().ok_or_else(missing)?;
        let verified = match self.known.get(token) {
            Some(Known::User(verified)) => verified,
            _ => {
                let verified = verifier.verify(token).await?;
                self.known.insert(token.into(), Known::User(verified));
                verified
            }
        };
        if verified.expires <= gate.env().now() {
            self.known.invalidate(token);
            return Err(Error::new(reason::CREDENTIALS_EXPIRED));
        }
        if verifier.is_revoked(verified.session) {
            return Err(Error::new(reason::SESSION_REVOKED));
        }
        Ok(verified)
    }
}

/// Who calls, by the credentials of a request. Bad ones are refused even where none are needed.
pub(crate) async fn caller(gate: &Gate, headers: &http::HeaderMap) -> Result<Caller> {
    let invalid = || Error::new(reason::CREDENTIALS_INVALID);
    let text = |name: &str| headers.get(name).map(|v| v.to_str().map_err(|_| invalid())).transpose();
    let mut caller = Caller::default();
    if let Some(token) = text(SERVICE)? {
        let name = gate.credentials().service(token, gate.env().now())?;
        caller.service = Some(name);
        caller.admin = name == ADMIN;
    }
    if let Some(bearer) = text("authorization")? {
        let token = bearer.strip_prefix("Bearer ").or_else(|| bearer.strip_prefix("bearer ")).ok_or_else(invalid)?;
        let verified = gate.credentials().user(gate, token).await?;
        (caller.account, caller.session) = (Some(verified.account), Some(verified.session));
        caller.scopes = verified.scopes;
    }
    if let Some(behalf) = text(CALLER)? {
        // Only a service may say on whose behalf it calls.
        if caller.service.is_none() {
            return Err(invalid());
        }
        let (account, session) = parse_behalf(behalf).ok_or_else(invalid)?;
        (caller.account, caller.session) = (Some(account), session);
    }
    Ok(caller)
}

/// The metadata that tells on whose behalf a service calls.
pub(crate) fn behalf(caller: &Caller) -> Option<String> {
    let account = caller.account?;
    Some(match caller.session {
        Some(session) => format!("{account}.{session}"),
        None => account.to_string(),
    })
}

fn parse_behalf(text: &str) -> Option<(AccountId, Option<SessionId>)> {
    let (account, session) = match text.split_once('.') {
        Some((account, session)) => (account, Some(SessionId(session.parse().ok()?))),
        None => (text, None),
    };
    Some((AccountId(account.parse().ok()?), session))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn on_whose_behalf_survives_the_way() {
        let caller = Caller { session: Some(SessionId(9)), ..Caller::user(AccountId(7)) };
        assert_eq!(parse_behalf(&behalf(&caller).unwrap()), Some((AccountId(7), Some(SessionId(9)))));
        assert_eq!(parse_behalf(&behalf(&Caller::user(AccountId(7))).unwrap()), Some((AccountId(7), None)));
        assert_eq!(behalf(&Caller::default()), None);
        for bad in ["", "x", "1.", ".1", "1.2.3"] {
            assert_eq!(parse_behalf(bad), None, "{bad}");
        }
    }
}
