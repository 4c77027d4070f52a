//! Verifies access tokens in any process: keys and ended sessions come from the sessions service, in this process or over
//! a channel alike.

use std::collections::HashMap;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jsonwebtoken::{Algorithm, DecodingKey, decode_header};
use parking_lot::RwLock;
use plaza_core::{Cx, Env, Error, Result, SessionId, reason};
use plaza_proto::sessions::v1::{GetJwksRequest, ListRevokedSessionsRequest, SessionsService, SessionsServiceClient};
use plaza_rpc::{TokenVerifier, Verified};
use plaza_stores::Gauge;
use tokio::sync::Mutex;

use crate::domain::REVOCATION_MS;
use crate::for_gate::ForGate;
use crate::tokens;

/// The name that it calls the sessions service by.
const CALLER: &str = "verifier";
/// How often ended sessions are asked for: with [`TIMEOUT`] this keeps an ended session out everywhere within 5 s.
const EVERY: Duration = Duration::from_secs(1);
/// How long one question may take.
const TIMEOUT: Duration = Duration::from_secs(2);
/// How often keys are asked for at most, in milliseconds, whatever tokens come along.
const REFETCH_MS: i64 = 1_000;
/// How often keys are asked for in any case, in milliseconds: sooner than a new one signs.
const KEYS_MS: i64 = 30_000;
/// A list older than this is not current, in milliseconds.
const CURRENT_MS: i64 = 5_000;
/// How many pages one poll reads at most; the next poll goes on.
const MAX_PAGES: usize = 1_000;
/// No access token of ours is longer.
const MAX_TOKEN: usize = 1_024;
/// "Never", as a time.
const NEVER: i64 = i64::MIN;

/// Verifies access tokens. [`SessionVerifier::run`] keeps it up to date.
pub struct SessionVerifier {
    env: Env,
    issuer: String,
    sessions: SessionsServiceClient,
    keys: RwLock<HashMap<String, DecodingKey>>,
    /// Held while keys are fetched: when that was tried last, and how it ended.
    fetch: Mutex<Fetch>,
    /// Ended sessions, each with when it was heard of.
    revoked: RwLock<HashMap<SessionId, i64>>,
    /// Held while revocations are polled: the cursor.
    cursor: Mutex<i64>,
    /// When the list was last brought up to date.
    polled_at: AtomicI64,
    failures: AtomicU64,
}

struct Fetch {
    tried_at: i64,
    failed: Option<Error>,
}

impl std::fmt::Debug for SessionVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionVerifier").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

impl SessionVerifier {
    /// This verifier for a gate, which does not keep it alive.
    #[must_use]
    pub fn for_gate(self: &Arc<Self>) -> Arc<dyn TokenVerifier> {
        ForGate::of(self)
    }

    /// A verifier of the tokens of `issuer` ([`crate::config::DEFAULT_ISSUER`] unless set otherwise). It knows nothing
    /// until it first asks.
    #[must_use]
    pub fn new(sessions: SessionsServiceClient, env: Env, issuer: impl Into<String>) -> Arc<Self> {
        Arc::new(Self {
            env,
            issuer: issuer.into(),
            sessions,
            keys: RwLock::default(),
            fetch: Mutex::new(Fetch { tried_at: NEVER, failed: None }),
            revoked: RwLock::default(),
            cursor: Mutex::new(0),
            polled_at: AtomicI64::new(NEVER),
            failures: AtomicU64::new(0),
        })
    }

    /// Asks for ended sessions every second until `shutdown` is done. While the sessions service does not answer, the
    /// last known list counts.
    pub async fn run(&self, shutdown: impl Future<Output = ()>) {
        let mut ticks = tokio::time::interval(EVERY);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        tokio::pin!(shutdown);
        let mut failing = false;
        loop {
            tokio::select! {
                () = &mut shutdown => return,
                _ = ticks.tick() => {}
            }
            let polled = self.poll().await;
            match &polled {
                Ok(()) if failing => tracing::info!("the list of ended sessions is current again"),
                Err(error) if !failing => {
                    tracing::warn!(%error, "ended sessions cannot be asked for; the last list counts");
                }
                _ => {}
            }
            failing = polled.is_err();
        }
    }

    /// Asks once for the sessions that ended since the last time, and forgets those that no longer matter. Keys that are
    /// known are asked for again now and then, so that a new one is known before it signs.
    ///
    /// # Errors
    /// The sessions service's.
    pub async fn poll(&self) -> Result<()> {
        let mut cursor = self.cursor.lock().await;
        let polled = self.follow(&mut cursor).await;
        match &polled {
            Ok(()) => self.polled_at.store(self.env.now().0, Ordering::Release),
            Err(_) => {
                self.failures.fetch_add(1, Ordering::Relaxed);
            }
        }
        self.forget();
        self.keep_keys().await;
        polled
    }

    async fn keep_keys(&self) {
        let mut fetch = self.fetch.lock().await;
        let now = self.env.now().0;
        if fetch.tried_at == NEVER || now - fetch.tried_at < KEYS_MS {
            return;
        }
        fetch.tried_at = now;
        if let Err(error) = self.fetch_keys().await {
            tracing::debug!(%error, "keys cannot be asked for; those known count");
        }
    }

    async fn follow(&self, cursor: &mut i64) -> Result<()> {
        for _ in 0..MAX_PAGES {
            let cx = Cx::background(CALLER, TIMEOUT);
            let request = ListRevokedSessionsRequest { after: *cursor };
            let page = cx.within(self.sessions.list_revoked_sessions(&cx, request)).await?;
            *cursor = page.cursor;
            if page.session_ids.is_empty() {
                break;
            }
            let now = self.env.now().0;
            self.revoked.write().extend(page.session_ids.into_iter().map(|id| (SessionId(id), now)));
        }
        Ok(())
    }

    /// Drops what was heard of so long ago that every access token of it has expired.
    fn forget(&self) {
        let before = self.env.now().0 - REVOCATION_MS;
        let mut revoked = self.revoked.write();
        revoked.retain(|_, heard| *heard > before);
        if revoked.capacity() > 4 * revoked.len().max(256) {
            revoked.shrink_to_fit();
        }
    }

    /// Whether the list of ended sessions is at most 5 seconds old: for health.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.age_ms().is_some_and(|age| age <= CURRENT_MS)
    }

    /// The age of the list of ended sessions; `None` before there is one.
    fn age_ms(&self) -> Option<i64> {
        let at = self.polled_at.load(Ordering::Acquire);
        (at != NEVER).then(|| self.env.now().0 - at)
    }

    /// Figures for metrics. The age is −1 while nothing is known.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    pub fn gauges(&self) -> Vec<Gauge> {
        let figure = |name, value| Gauge { name, labels: Vec::new(), value };
        vec![
            figure("session_revocations", self.revoked.read().len() as f64),
            figure("session_revocations_age_ms", self.age_ms().unwrap_or(-1) as f64),
            figure("session_revocation_failures_total", self.failures.load(Ordering::Relaxed) as f64),
        ]
    }

    /// Makes sure that ended sessions are known at all: without the list an ended session would pass.
    async fn known(&self) -> Result<()> {
        if self.age_ms().is_some() {
            return Ok(());
        }
        let cannot = |error: Error| unavailable(&error);
        // Whoever comes while another asks waits for that answer.
        let mut cursor = self.cursor.lock().await;
        if self.age_ms().is_none() {
            self.follow(&mut cursor).await.map_err(cannot)?;
            self.polled_at.store(self.env.now().0, Ordering::Release);
        }
        Ok(())
    }

    async fn key(&self, kid: &str) -> Result<DecodingKey> {
        if let Some(key) = self.keys.read().get(kid).cloned() {
            return Ok(key);
        }
        let mut fetch = self.fetch.lock().await;
        // Another may have fetched it meanwhile.
        if let Some(key) = self.keys.read().get(kid).cloned() {
            return Ok(key);
        }
        let now = self.env.now().0;
        if now.saturating_sub(fetch.tried_at) >= REFETCH_MS {
            fetch.tried_at = now;
            fetch.failed = self.fetch_keys().await.err();
        }
        if let Some(error) = &fetch.failed {
            return Err(unavailable(error));
        }
        self.keys.read().get(kid).cloned().ok_or_else(|| Error::new(reason::CREDENTIALS_INVALID))
    }

    async fn fetch_keys(&self) -> Result<()> {
        let cx = Cx::background(CALLER, TIMEOUT);
        let answer = cx.within(self.sessions.get_jwks(&cx, GetJwksRequest {})).await?;
        let keys = answer.keys.iter().filter_map(|key| Some((key.kid.clone(), tokens::decoding_key(key)?)));
        *self.keys.write() = keys.collect();
        Ok(())
    }
}

#[async_trait]
impl TokenVerifier for SessionVerifier {
    async fn verify(&self, token: &str) -> Result<Verified> {
        let invalid = || Error::new(reason::CREDENTIALS_INVALID);
        if token.len() > MAX_TOKEN {
            return Err(invalid());
        }
        let header = decode_header(token).map_err(|_| invalid())?;
        let kid = header.kid.filter(|_| header.alg == Algorithm::EdDSA).ok_or_else(invalid)?;
        self.known().await?;
        let key = self.key(&kid).await?;
        let claims = tokens::check(token, &key, &self.issuer, self.env.now())?;
        let (account, session) = claims.subject().ok_or_else(invalid)?;
        Ok(Verified { account, session, expires: claims.expires() })
    }

    fn is_revoked(&self, session: SessionId) -> bool {
        self.revoked.read().contains_key(&session)
    }
}

/// What a caller hears when the sessions service cannot be asked.
fn unavailable(cause: &Error) -> Error {
    tracing::debug!(error = %cause, "the sessions service cannot be asked");
    Error::new(reason::PEER_UNAVAILABLE).message("access tokens cannot be verified now; retry").retry_after(EVERY)
}
