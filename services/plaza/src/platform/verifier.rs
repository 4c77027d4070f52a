//! The verifier of access tokens as the gate holds it.

use std::sync::{Arc, Weak};

use async_trait::async_trait;
use plaza_core::{Error, Result, SessionId, reason};
use plaza_rpc::{TokenVerifier, Verified};
use plaza_sessions::SessionVerifier;

/// A verifier that does not keep the platform alive. The verifier calls the sessions service, which stands behind the
/// gate, which holds the verifier: one of the three must let go, or no store would ever be dropped.
pub(super) struct Verifier(Weak<SessionVerifier>);

impl Verifier {
    pub(super) fn of(verifier: &Arc<SessionVerifier>) -> Arc<Self> {
        Arc::new(Self(Arc::downgrade(verifier)))
    }
}

#[async_trait]
impl TokenVerifier for Verifier {
    async fn verify(&self, token: &str) -> Result<Verified> {
        match self.0.upgrade() {
            Some(verifier) => verifier.verify(token).await,
            None => Err(Error::new(reason::SHUTTING_DOWN)),
        }
    }

    fn is_revoked(&self, session: SessionId) -> bool {
        self.0.upgrade().is_some_and(|verifier| verifier.is_revoked(session))
    }
}
