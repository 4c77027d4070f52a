//! The entry steps: authorise, validate, guard, deadline, span, metrics, error mapping. They stand here and nowhere
//! else, and run once for each call, be its caller in this process or not.

use std::any::Any;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use plaza_core::{AccountId, Caller, Check, Code, Cx, Error, RequestKey, Result, TraceContext, Violations, reason};
use prost::Message;
use tokio::time::Instant;
use tracing::Instrument as _;
use uuid::Uuid;

use crate::flight::Flight;
use crate::metrics::MethodStats;
use crate::{Auth, Gate, Method, Step, Stream, stream, telemetry};

/// What stands in front of a service's handler.
pub trait Entry: Send + Sync + 'static {
    /// Its entry steps.
    fn core(&self) -> &EntryCore;
}

/// The entry steps of one service.
pub struct EntryCore {
    gate: Arc<Gate>,
    methods: &'static [Method],
    stats: Arc<[MethodStats]>,
}

impl std::fmt::Debug for EntryCore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EntryCore").field("methods", &self.methods).finish_non_exhaustive()
    }
}

/// A call's own context, where the handler must not work on the caller's.
struct Own {
    cx: Cx,
    _flight: Option<Flight>,
}

impl EntryCore {
    /// The entry steps of a service with these methods.
    #[must_use]
    pub fn new(gate: &Arc<Gate>, methods: &'static [Method]) -> Self {
        Self { gate: gate.clone(), methods, stats: gate.metrics().service(methods).into() }
    }

    /// What the entries of the process share.
    #[must_use]
    pub fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    /// The method at `index` of the service's table.
    #[must_use]
    pub fn method(&self, index: usize) -> &'static Method {
        &self.methods[index]
    }

    /// Runs a method with a single answer.
    ///
    /// # Errors
    /// What the entry steps refuse, or what the handler returns.
    pub async fn unary<H, Req, Res, F>(&self, step: Step<Req>, handler: &H, cx: &Cx, req: Req, call: F) -> Result<Res>
    where
        H: ?Sized + Sync,
        Req: Message + Check,
        F: for<'a> FnOnce(&'a H, &'a Cx, Req) -> BoxFuture<'a, Result<Res>> + Send,
    {
        let method = self.method(step.index);
        let mut timer = self.begin(step.index);
        let (span, trace) = telemetry::span(method, cx.trace());
        let work = async {
            self.allow(step.index, timer.start, cx).await?;
            match self.admit(&step, cx, &req, trace)? {
                None => run(cx, call(handler, cx, req)).await,
                Some(own) => {
                    let result = run(&own.cx, call(handler, &own.cx, req)).await;
                    cx.absorb(own.cx.take_outcome());
                    result
                }
            }
        };
        let result = work.instrument(span).await.map_err(|error| settle(method, trace, error));
        timer.finish(result.as_ref().err().map(Error::code));
        result
    }

    /// Opens a stream. The deadline is for opening it, not for its items.
    ///
    /// # Errors
    /// What the entry steps refuse, or what the handler returns.
    pub async fn streaming<H, Req, Res, F>(
        &self,
        step: Step<Req>,
        handler: &H,
        cx: &Cx,
        req: Req,
        call: F,
    ) -> Result<Stream<Res>>
    where
        H: ?Sized + Sync,
        Req: Message + Check,
        Res: Send + 'static,
        F: for<'a> FnOnce(&'a H, &'a Cx, Req) -> BoxFuture<'a, Result<Stream<Res>>> + Send,
    {
        let method = self.method(step.index);
        let mut timer = self.begin(step.index);
        let (span, trace) = telemetry::span(method, cx.trace());
        let work = async {
            self.allow(step.index, timer.start, cx).await?;
            let own = self.admit(&step, cx, &req, trace)?;
            let inner = own.as_ref().map_or(cx, |own| &own.cx);
            let result = run(inner, call(handler, inner, req)).await;
            if let Some(own) = own {
                cx.absorb(own.cx.take_outcome());
            }
            result
        };
        match work.instrument(span).await {
            Ok(stream) => {
                let session = cx.caller().session;
                Ok(stream::guard(stream, self.gate.clone(), session, method, trace, timer))
            }
            Err(error) => {
                let error = settle(method, trace, error);
                timer.finish(Some(error.code()));
                Err(error)
            }
        }
    }

    fn begin(&self, index: usize) -> CallTimer {
        self.stats[index].begin();
        CallTimer { stats: self.stats.clone(), index, start: Instant::now(), done: false }
    }

    /// Counts and maps the error of a call that never got as far as the entry.
    pub(crate) fn refuse(&self, index: usize, start: Instant, error: Error) -> Error {
        self.stats[index].count(start, Some(error.code()));
        settle(self.method(index), None, error)
    }

    /// Whether the caller may make the call, and may make it now.
    async fn allow(&self, index: usize, now: Instant, cx: &Cx) -> Result<()> {
        if now >= cx.deadline() {
            return Err(Error::new(reason::DEADLINE_EXCEEDED));
        }
        let method = self.method(index);
        authorise(method, cx.caller())?;
        // Before the request is looked at, as wrong ones cost too.
        self.gate.limit(method, cx).await
    }

    /// The other steps before the handler. Answers the context that it must run in, if not the caller's.
    fn admit<Req: Message + Check>(
        &self,
        step: &Step<Req>,
        cx: &Cx,
        req: &Req,
        trace: Option<TraceContext>,
    ) -> Result<Option<Own>> {
        let method = self.method(step.index);
        let mut violations = Violations::default();
        req.check("", &mut violations);
        violations.into_result()?;
        if let Some(owner) = step.owner
            && cx.caller().account.is_none_or(|account| account.get() != owner(req))
        {
            return Err(Error::new(reason::PERMISSION_DENIED));
        }
        let Some(request_id) = step.request_id else {
            return Ok((trace != cx.trace()).then(|| Own { cx: own(cx, trace, None), _flight: None }));
        };
        let key = self.request_key(method, cx.caller(), request_id(req), req)?;
        let flight = self.gate.in_flight.enter(method.service, key.caller, key.request_id);
        let flight = flight.ok_or_else(|| Error::new(reason::REQUEST_IN_FLIGHT).retry_after(IN_FLIGHT_RETRY))?;
        let trace = trace.or_else(|| Some(self.gate.fresh_trace()));
        Ok(Some(Own { cx: own(cx, trace, Some(key)), _flight: Some(flight) }))
    }

    fn request_key(
        &self,
        method: &'static Method,
        caller: &Caller,
        request_id: &str,
        req: &impl Message,
    ) -> Result<RequestKey> {
        let invalid = || Error::invalid_field("request_id", "must be a UUID");
        let request_id = Uuid::try_parse(request_id).map_err(|_| invalid())?;
        let digest = self.gate.digest(method.name, &req.encode_to_vec());
        let caller = caller.account.map_or(0, AccountId::get);
        Ok(RequestKey { caller, request_id, method: method.name, digest })
    }
}

/// When to come back for a mutation that is still being carried out.
const IN_FLIGHT_RETRY: std::time::Duration = std::time::Duration::from_millis(100);

/// The same call as `cx`, with a trace and a request of its own.
fn own(cx: &Cx, trace: Option<TraceContext>, request: Option<RequestKey>) -> Cx {
    let own = Cx::new(cx.caller().clone(), cx.deadline()).with_trace(trace).with_token(cx.token().clone());
    own.with_request(request).with_remote(cx.remote())
}

/// Whether the caller may call the method at all. Whose data the request names is the next question.
fn authorise(method: &Method, caller: &Caller) -> Result<()> {
    let signed_in = || caller.account.map(|_| ()).ok_or_else(|| Error::new(reason::CREDENTIALS_MISSING));
    let allowed = |yes: bool| {
        let nobody = caller.account.is_none() && caller.service.is_none() && !caller.admin;
        let refusal = if nobody { reason::CREDENTIALS_MISSING } else { reason::PERMISSION_DENIED };
        if yes { Ok(()) } else { Err(Error::new(refusal)) }
    };
    if let Some(scopes) = caller.scopes
        && !method.app_scope.is_some_and(|scope| scopes.has(scope))
    {
        return Err(Error::new(reason::SCOPE_MISSING));
    }
    match method.auth {
        Auth::Public => Ok(()),
        Auth::User | Auth::Owner => signed_in(),
        Auth::Service => allowed(caller.service.is_some() || caller.admin),
        Auth::Admin => allowed(caller.admin),
    }
}

async fn run<T>(cx: &Cx, work: BoxFuture<'_, Result<T>>) -> Result<T> {
    match AssertUnwindSafe(cx.within(work)).catch_unwind().await {
        Ok(result) => result,
        Err(panic) => Err(panicked(&*panic)),
    }
}

/// The error of a call whose handler panicked.
pub(crate) fn panicked(panic: &(dyn Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    Error::internal(format_args!("panic: {}", text.unwrap_or("not a text")))
}

/// The fact of an internal error by which its line in the log is found.
const TRACE_ID: &str = "trace_id";
/// The fact that tells where a peer is: for our log, as callers have no business with our network.
const PEER: &str = "peer";
/// The fact that is for our log alone.
const LOG: &str = "log";

/// Logs an error, and takes out of it what is for the log alone.
pub(crate) fn settle(method: &Method, trace: Option<TraceContext>, error: Error) -> Error {
    let fact = |name: &str| error.metadata().iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
    let ours = matches!(error.code(), Code::Internal | Code::Unknown | Code::DataLoss);
    if !ours {
        let peer = fact(PEER);
        tracing::debug!(method = method.path, code = ?error.code(), reason = error.reason(), peer, "call refused");
        return if peer.is_some() { without(&error, &[PEER]) } else { error };
    }
    let own = trace.map(|t| format!("{:032x}", t.trace_id));
    let trace = own.or_else(|| fact(TRACE_ID).map(str::to_owned)).unwrap_or_default();
    let causes = error.metadata().iter().filter(|(key, _)| key == LOG).map(|(_, value)| value.as_str());
    let cause = causes.collect::<Vec<_>>().join("; ");
    tracing::error!(method = method.path, reason = error.reason(), trace, cause, "call failed");
    let clean = without(&error, &[PEER, LOG, TRACE_ID]);
    // What the caller needs to tell us, for us to find the line above.
    if trace.is_empty() { clean } else { clean.with(TRACE_ID, trace) }
}

/// The error without some facts. Errors that have such facts name no fields.
fn without(error: &Error, facts: &[&str]) -> Error {
    let (reason, text) = (error.reason().to_owned(), error.text().to_owned());
    let mut clean = Error::from_parts(error.code(), reason.into(), text.into());
    for (key, value) in error.metadata().iter().filter(|(key, _)| !facts.contains(&&**key)) {
        clean = clean.with(key.clone(), value);
    }
    match error.retry_delay() {
        Some(delay) => clean.retry_after(delay),
        None => clean,
    }
}

/// Counts a call until it ends; one that is dropped was cancelled.
pub(crate) struct CallTimer {
    stats: Arc<[MethodStats]>,
    index: usize,
    start: Instant,
    done: bool,
}

impl CallTimer {
    pub(crate) fn finish(&mut self, code: Option<Code>) {
        if !std::mem::replace(&mut self.done, true) {
            self.stats[self.index].end(self.start, code);
        }
    }
}

impl Drop for CallTimer {
    fn drop(&mut self) {
        self.finish(Some(Code::Cancelled));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn callers_hear_neither_causes_nor_addresses_but_the_trace() {
        let trace = TraceContext { trace_id: 7, span_id: 1, sampled: false };
        let delay = std::time::Duration::from_millis(100);
        let away = Error::new(reason::PEER_UNAVAILABLE).with("peer", "http://10.0.0.1:7000").with("a", 1);
        let told = settle(&Method::ECHO, Some(trace), away.retry_after(delay));
        assert!(told.is(reason::PEER_UNAVAILABLE) && told.retry_delay() == Some(delay));
        assert_eq!(told.metadata(), [("a".into(), "1".to_owned())]);
        let told =
            settle(&Method::ECHO, Some(trace), Error::internal("disk on fire").with("peer", "http://10.0.0.1:7000"));
        assert_eq!(told.metadata(), [(TRACE_ID.into(), format!("{:032x}", 7))]);
        // A caller of ours hears of the first trace, not of one more.
        assert_eq!(settle(&Method::ECHO, None, told.clone()).metadata(), told.metadata());
    }
}
