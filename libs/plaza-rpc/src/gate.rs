//! What all entries of a process share.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::HeaderName;
use plaza_core::cx::DEFAULT_TIMEOUT;
use plaza_core::{Cx, Env, Result, Secret, SessionId, TraceContext, reason};
use tokio_util::sync::CancellationToken;

use crate::Method;
use crate::auth::{Credentials, ServiceKey, TokenVerifier};
use crate::flight::InFlight;
use crate::limit::{self, Limiter};
use crate::metrics::Metrics;

/// Bounds of one call.
#[derive(Clone, Copy, Debug)]
pub struct CallLimits {
    /// The time a call gets when its caller names none.
    pub default_timeout: Duration,
    /// The most time that a call with a single answer gets, whatever its caller names.
    pub max_timeout: Duration,
    /// The largest request, in bytes.
    pub max_request: usize,
    /// The largest response, in bytes.
    pub max_response: usize,
}

impl Default for CallLimits {
    fn default() -> Self {
        Self {
            default_timeout: DEFAULT_TIMEOUT,
            max_timeout: Duration::from_secs(30),
            max_request: 1 << 20,
            max_response: 4 << 20,
        }
    }
}

/// What the entries and servers of one process share: who calls, what is in flight, what is counted, when it ends.
pub struct Gate {
    env: Env,
    limits: CallLimits,
    digests: Secret,
    metrics: Arc<Metrics>,
    shutdown: CancellationToken,
    credentials: Credentials,
    verifier: OnceLock<Arc<dyn TokenVerifier>>,
    limiter: Option<Arc<dyn Limiter>>,
    address_header: Option<HeaderName>,
    pub(crate) in_flight: InFlight,
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gate").field("limits", &self.limits).finish_non_exhaustive()
    }
}

/// Puts a [`Gate`] together.
pub struct GateBuilder {
    env: Env,
    secret: Secret,
    limits: CallLimits,
    metrics: Option<Arc<Metrics>>,
    shutdown: CancellationToken,
    limiter: Option<Arc<dyn Limiter>>,
    address_header: Option<HeaderName>,
    believes_names: bool,
}

impl std::fmt::Debug for GateBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("GateBuilder").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl GateBuilder {
    /// Bounds of a call, if not the defaults.
    #[must_use]
    pub fn limits(mut self, limits: CallLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Where to count, if others count there too.
    #[must_use]
    pub fn metrics(mut self, metrics: Arc<Metrics>) -> Self {
        self.metrics = Some(metrics);
        self
    }

    /// What tells that the process shuts down.
    #[must_use]
    pub fn shutdown(mut self, token: CancellationToken) -> Self {
        self.shutdown = token;
        self
    }

    /// What counts how much callers ask for; nothing does if not set.
    #[must_use]
    pub fn limiter(mut self, limiter: Option<Arc<dyn Limiter>>) -> Self {
        self.limiter = limiter;
        self
    }

    /// The header in which a trusted proxy tells where a caller is. Without one the connection tells.
    #[must_use]
    pub fn address_header(mut self, header: Option<HeaderName>) -> Self {
        self.address_header = header;
        self
    }

    /// Believes services their names without a token. Only where the network proves who calls, such as a mesh with mTLS
    /// between services that lets nobody else in; operators need a token even there.
    #[must_use]
    pub fn believe_service_names(mut self, yes: bool) -> Self {
        self.believes_names = yes;
        self
    }

    /// The gate.
    #[must_use]
    pub fn build(self) -> Arc<Gate> {
        Arc::new(Gate {
            credentials: Credentials::new(ServiceKey::new(&self.secret, &self.env), self.believes_names),
            digests: self.secret.derive("request-digests"),
            env: self.env,
            limits: self.limits,
            metrics: self.metrics.unwrap_or_else(Metrics::new),
            shutdown: self.shutdown,
            verifier: OnceLock::new(),
            limiter: self.limiter,
            address_header: self.address_header,
            in_flight: InFlight::default(),
        })
    }
}

impl Gate {
    /// A gate for services that share `secret`.
    #[must_use]
    pub fn builder(env: Env, secret: &Secret) -> GateBuilder {
        let (limits, shutdown) = (CallLimits::default(), CancellationToken::new());
        let (limiter, address_header) = (None, None);
        let (secret, metrics, believes_names) = (secret.clone(), None, false);
        GateBuilder { env, secret, limits, metrics, shutdown, limiter, address_header, believes_names }
    }

    /// Plugs in what verifies users' access tokens. Only the first call has an effect: it tells whether it had.
    pub fn set_verifier(&self, verifier: Arc<dyn TokenVerifier>) -> bool {
        self.verifier.set(verifier).is_ok()
    }

    /// The metrics of the process.
    #[must_use]
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.metrics
    }

    /// Tells when the process shuts down; cancel it to begin.
    #[must_use]
    pub fn shutdown(&self) -> &CancellationToken {
        &self.shutdown
    }

    /// Makes the tokens by which this process' services prove who they are to others.
    #[must_use]
    pub fn service_key(&self) -> &ServiceKey {
        self.credentials.key()
    }

    /// Bounds of a call.
    #[must_use]
    pub fn limits(&self) -> &CallLimits {
        &self.limits
    }

    pub(crate) fn env(&self) -> &Env {
        &self.env
    }

    pub(crate) fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    pub(crate) fn verifier(&self) -> Option<&dyn TokenVerifier> {
        self.verifier.get().map(AsRef::as_ref)
    }

    pub(crate) fn address_header(&self) -> Option<&HeaderName> {
        self.address_header.as_ref()
    }

    /// Refuses a call whose caller made too many.
    pub(crate) async fn limit(&self, method: &Method, cx: &Cx) -> Result<()> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        let admitted = limit::admit(&**limiter, method, cx).await;
        if admitted.as_ref().is_err_and(|error| error.is(reason::RATE_LIMITED)) {
            self.metrics.limited();
        }
        admitted
    }

    pub(crate) fn is_revoked(&self, session: SessionId) -> bool {
        self.verifier().is_some_and(|verifier| verifier.is_revoked(session))
    }

    /// A keyed digest of a request, which tells another request under the same id.
    pub(crate) fn digest(&self, method: &str, request: &[u8]) -> [u8; 16] {
        let mac = self.digests.mac(&[method.as_bytes(), request]);
        let mut digest = [0; 16];
        digest.copy_from_slice(&mac[..16]);
        digest
    }

    /// The trace of a call whose caller named none.
    pub(crate) fn fresh_trace(&self) -> TraceContext {
        let draw = || self.env.below(u64::MAX).max(1);
        TraceContext { trace_id: u128::from(draw()) << 64 | u128::from(draw()), span_id: draw(), sampled: false }
    }
}
