//! The verifier of access tokens as a gate holds it.

use std::sync::{Arc, Weak};

use async_trait::async_trait;
use plaza_core::{Error, Result, SessionId, reason};
use plaza_rpc::{TokenVerifier, Verified};

use crate::SessionVerifier;

/// A verifier that does not keep what it calls alive. The verifier calls the sessions service, which stands behind the
/// gate, which holds the verifier: one of the three must let go, or no store would ever be dropped.
pub(crate) struct ForGate(Weak<SessionVerifier>);

impl ForGate {
    pub(crate) fn of(verifier: &Arc<SessionVerifier>) -> Arc<Self> {
        Arc::new(Self(Arc::downgrade(verifier)))
    }
}

#[async_trait]
impl TokenVerifier for ForGate {
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
