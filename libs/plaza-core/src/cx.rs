//! The call context: who calls, until when, under which trace; what the call wrote and what was degraded on the way.

use std::future::Future;
use std::net::IpAddr;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use crate::{AccountId, Error, Position, RequestKey, Result, Scopes, SessionId, Token, TraceContext, reason};

/// Who calls. A service that calls on behalf of a user carries both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// The signed-in account.
    pub account: Option<AccountId>,
    /// The session it is signed in with.
    pub session: Option<SessionId>,
    /// What the session may do, if it is one of an app password; else everything.
    pub scopes: Option<Scopes>,
    /// The service that calls, proven by its service token or by being in the same process.
    pub service: Option<&'static str>,
    /// Whether it is an operator.
    pub admin: bool,
}

impl Caller {
    /// A signed-in user.
    #[must_use]
    pub fn user(account: AccountId) -> Self {
        Self { account: Some(account), ..Self::default() }
    }

    /// A service on its own behalf.
    #[must_use]
    pub fn service(name: &'static str) -> Self {
        Self { service: Some(name), ..Self::default() }
    }
}

/// What a call leaves behind besides its answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What a later read should wait for, to show this call's writes.
    pub token: Token,
    /// What was missing on the way, such as `feeds-store`; the answer is right but slower or poorer.
    pub degraded: Vec<String>,
}

/// The context of one call. Handlers get `&Cx`; clients of other services make a child of it.
#[derive(Debug)]
pub struct Cx {
    caller: Caller,
    deadline: Instant,
    trace: Option<TraceContext>,
    /// What the caller has seen and wants to see again.
    token: Token,
    request: Option<RequestKey>,
    /// Where the person who calls is, if the call came over the network.
    remote: Option<IpAddr>,
    outcome: Mutex<Outcome>,
}

/// The service name that operators call under.
pub const ADMIN: &str = "admin";
/// What a hop keeps back of the deadline, for its own answer to travel.
pub const HOP_MARGIN: Duration = Duration::from_millis(2);
/// The time a call gets when its caller names none.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(5);

impl Cx {
    /// A context for a call that must be done by `deadline`.
    #[must_use]
    pub fn new(caller: Caller, deadline: Instant) -> Self {
        let (trace, request, remote) = (None, None, None);
        Self { caller, deadline, trace, token: Token::default(), request, remote, outcome: Mutex::default() }
    }

    /// A context for work that a service does on its own behalf, such as a projection.
    #[must_use]
    pub fn background(service: &'static str, timeout: Duration) -> Self {
        Self::new(Caller::service(service), Instant::now() + timeout)
    }

    /// With a trace to belong to.
    #[must_use]
    pub fn with_trace(mut self, trace: Option<TraceContext>) -> Self {
        self.trace = trace;
        self
    }

    /// With a consistency token to honour.
    #[must_use]
    pub fn with_token(mut self, token: Token) -> Self {
        self.token = token;
        self
    }

    /// With the identity of the mutation it performs.
    #[must_use]
    pub fn with_request(mut self, request: Option<RequestKey>) -> Self {
        self.request = request;
        self
    }

    /// With where the call came from.
    #[must_use]
    pub fn with_remote(mut self, remote: Option<IpAddr>) -> Self {
        self.remote = remote;
        self
    }

    /// The context of a call to a peer: same caller, address and trace, the same token, a little less time. `service` names the
    /// service that calls. What the peer leaves behind comes back by [`Cx::absorb`].
    #[must_use]
    pub fn child(&self, service: Option<&'static str>) -> Self {
        // Over gRPC a service's name is all that is told of a service; so it decides here too.
        let admin = service.map_or(self.caller.admin, |name| name == ADMIN);
        // Scopes bind who calls the platform; what one service asks of another for it is the service's own.
        let scopes = if service.is_some() { None } else { self.caller.scopes };
        let caller = Caller { service: service.or(self.caller.service), admin, scopes, ..self.caller.clone() };
        let deadline = self.deadline.checked_sub(HOP_MARGIN).unwrap_or(self.deadline);
        Self::new(caller, deadline).with_trace(self.trace).with_token(self.token.clone()).with_remote(self.remote)
    }

    /// Who calls.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The signed-in account.
    ///
    /// # Errors
    /// `UNAUTHENTICATED`, reason `CREDENTIALS_MISSING`, if nobody is signed in.
    pub fn account(&self) -> Result<AccountId> {
        self.caller.account.ok_or_else(|| Error::new(reason::CREDENTIALS_MISSING))
    }

    /// Who looks, for rules of visibility; `None` for nobody.
    #[must_use]
    pub fn viewer(&self) -> Option<AccountId> {
        self.caller.account
    }

    /// When the call must be done.
    #[must_use]
    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// The time that is left; zero when it is over.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }

    /// The trace this call belongs to.
    #[must_use]
    pub fn trace(&self) -> Option<TraceContext> {
        self.trace
    }

    /// The consistency token that came with the call.
    #[must_use]
    pub fn token(&self) -> &Token {
        &self.token
    }

    /// The identity of the mutation, for the store to remember with its answer.
    #[must_use]
    pub fn request(&self) -> Option<&RequestKey> {
        self.request.as_ref()
    }

    /// Where the person who calls is: at the other end of the connection, or where the service says that calls for them.
    /// `None` if the call began within the platform.
    #[must_use]
    pub fn remote(&self) -> Option<IpAddr> {
        self.remote
    }

    /// Notes that this call wrote `position` of `source`'s outbox.
    pub fn wrote(&self, source: &str, position: Position) {
        self.outcome.lock().token.require(source, position);
    }

    /// Notes that something was missing on the way; the answer says so in `plaza-degraded`.
    pub fn degraded(&self, what: &str) {
        let mut outcome = self.outcome.lock();
        if !outcome.degraded.iter().any(|d| d == what) {
            outcome.degraded.push(what.to_owned());
        }
    }

    /// Takes over what a call to a peer left behind.
    pub fn absorb(&self, peer: Outcome) {
        if peer.token.is_empty() && peer.degraded.is_empty() {
            return;
        }
        let mut outcome = self.outcome.lock();
        outcome.token.merge(&peer.token);
        for what in peer.degraded {
            if !outcome.degraded.contains(&what) {
                outcome.degraded.push(what);
            }
        }
    }

    /// What the call left behind, taken out of it.
    #[must_use]
    pub fn take_outcome(&self) -> Outcome {
        std::mem::take(&mut *self.outcome.lock())
    }

    /// Runs `work` no longer than the deadline.
    ///
    /// # Errors
    /// `DEADLINE_EXCEEDED` when time runs out, else what `work` returns.
    pub async fn within<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        match tokio::time::timeout_at(self.deadline, work).await {
            Ok(result) => result,
            Err(_) => Err(Error::new(reason::DEADLINE_EXCEEDED)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_child_has_less_time_and_its_outcome_comes_back() {
        let cx = Cx::new(Caller::user(AccountId(1)), Instant::now() + Duration::from_millis(100));
        let cx = cx.with_remote("192.0.2.1".parse().ok());
        let child = cx.child(Some("feeds"));
        assert_eq!((child.remaining(), child.remote()), (Duration::from_millis(98), cx.remote()));
        assert_eq!((child.viewer(), child.caller().service), (Some(AccountId(1)), Some("feeds")));
        child.wrote("posts", 3);
        child.degraded("graph");
        child.degraded("graph");
        cx.absorb(child.take_outcome());
        let outcome = cx.take_outcome();
        assert_eq!((outcome.token.to_string().as_str(), outcome.degraded.len()), ("posts=3", 1));
    }

    #[tokio::test(start_paused = true)]
    async fn work_past_the_deadline_is_cut() {
        let cx = Cx::background("test", Duration::from_millis(10));
        let error = cx.within(std::future::pending::<Result<()>>()).await.unwrap_err();
        assert_eq!(error.code(), crate::Code::DeadlineExceeded);
    }
}
