//! Making and checking access tokens. Time never comes from the machine's clock here.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use plaza_core::{AccountId, Error, Result, Scopes, SessionId, Timestamp, reason};
use serde::{Deserialize, Serialize};

use crate::domain::{ACCESS_MS, Grant};

/// What an access token says. Ids are strings: JSON numbers lose 64-bit ids in many clients.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    pub(crate) iss: String,
    /// The account.
    pub(crate) sub: String,
    /// The session.
    pub(crate) sid: String,
    /// Seconds since the Unix epoch.
    pub(crate) iat: i64,
    /// Seconds since the Unix epoch.
    pub(crate) exp: i64,
    /// What it is good for (RFC 8693, section 4.2); for everything if it does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) scope: Option<String>,
}

impl Claims {
    pub(crate) fn of(grant: &Grant, issuer: &str) -> Self {
        Self {
            iss: issuer.to_owned(),
            sub: grant.account.to_string(),
            sid: grant.session.to_string(),
            iat: grant.at.div_euclid(1_000),
            exp: (grant.at + ACCESS_MS).div_euclid(1_000),
            scope: grant.scopes.map(|scopes| scopes.to_string()),
        }
    }

    /// What it is good for, if that is said; an error if what is said means nothing here.
    pub(crate) fn scopes(&self) -> Result<Option<Scopes>> {
        let parse = |text: &String| Scopes::parse(text).ok_or_else(|| Error::new(reason::CREDENTIALS_INVALID));
        self.scope.as_ref().map(parse).transpose()
    }

    /// When the token ends.
    pub(crate) fn expires(&self) -> Timestamp {
        Timestamp(self.exp.saturating_mul(1_000))
    }

    /// Whose it is.
    pub(crate) fn subject(&self) -> Option<(AccountId, SessionId)> {
        let id = |text: &str| text.parse().ok().filter(|id| *id > 0);
        Some((AccountId(id(&self.sub)?), SessionId(id(&self.sid)?)))
    }
}

/// The signed token. Ed25519 is deterministic: the same claims and key give the same token.
pub(crate) fn mint(claims: &Claims, kid: &str, key: &EncodingKey) -> Result<String> {
    let header = Header { kid: Some(kid.to_owned()), ..Header::new(Algorithm::EdDSA) };
    jsonwebtoken::encode(&header, claims, key).map_err(|e| Error::internal(format!("signing a token failed: {e}")))
}

/// Checks signature, algorithm, issuer and expiry.
pub(crate) fn check(token: &str, key: &DecodingKey, issuer: &str, now: Timestamp) -> Result<Claims> {
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_issuer(&[issuer]);
    validation.set_required_spec_claims(&["exp", "iss", "sub"]);
    // The library asks the machine's clock; ours is asked below.
    validation.validate_exp = false;
    let invalid = |_| Error::new(reason::CREDENTIALS_INVALID);
    let claims = jsonwebtoken::decode::<Claims>(token, key, &validation).map_err(invalid)?.claims;
    if claims.expires() <= now {
        return Err(Error::new(reason::CREDENTIALS_EXPIRED));
    }
    Ok(claims)
}
