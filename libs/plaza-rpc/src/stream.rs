//! Streams of answers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use plaza_core::{Error, Result, SessionId, TraceContext, reason};
use tokio::time::{Instant, Interval, MissedTickBehavior};
use tokio_util::sync::WaitForCancellationFutureOwned;

use crate::entry::CallTimer;
use crate::{Gate, Method, entry};

/// How often a stream that has nothing to say looks whether its caller's session was ended. The list of ended sessions
/// forgets: a stream that only looked when it has something to say could miss that it must not.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// What a streaming method answers with.
pub type Stream<T> = Pin<Box<dyn futures::Stream<Item = Result<T>> + Send>>;

/// A handler's stream as its caller sees it: it ends when the process shuts down or the caller's session is revoked, a
/// panic in it is an error, and its end is counted.
struct Guarded<T> {
    inner: Option<Stream<T>>,
    shutdown: Pin<Box<WaitForCancellationFutureOwned>>,
    gate: Arc<Gate>,
    session: Option<Session>,
    method: &'static Method,
    trace: Option<TraceContext>,
    timer: CallTimer,
}

/// The caller's session, and when to look after it.
struct Session {
    id: SessionId,
    look: Interval,
}

impl Session {
    fn new(id: SessionId) -> Self {
        let mut look = tokio::time::interval_at(Instant::now() + LOOK_EVERY, LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { id, look }
    }

    /// Whether it is time to look; if not, the task is woken when it is.
    fn is_due(&mut self, cx: &mut Context<'_>) -> bool {
        let mut due = false;
        while self.look.poll_tick(cx).is_ready() {
            due = true;
        }
        due
    }
}

/// Puts a handler's stream under guard.
pub(crate) fn guard<T: Send + 'static>(
    inner: Stream<T>,
    gate: Arc<Gate>,
    session: Option<SessionId>,
    method: &'static Method,
    trace: Option<TraceContext>,
    timer: CallTimer,
) -> Stream<T> {
    let shutdown = Box::pin(gate.shutdown().clone().cancelled_owned());
    let session = session.map(Session::new);
    Box::pin(Guarded { inner: Some(inner), shutdown, gate, session, method, trace, timer })
}

impl<T: Send + 'static> Guarded<T> {
    fn fail(&mut self, error: Error) -> Poll<Option<Result<T>>> {
        self.inner = None;
        let error = entry::settle(self.method, self.trace, error);
        self.timer.finish(Some(error.code()));
        Poll::Ready(Some(Err(error)))
    }
}

impl<T: Send + 'static> futures::Stream for Guarded<T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = &mut *self;
        let Some(inner) = &mut this.inner else { return Poll::Ready(None) };
        if this.shutdown.as_mut().poll(cx).is_ready() {
            return this.fail(Error::new(reason::SHUTTING_DOWN));
        }
        if let Some(session) = &mut this.session
            && session.is_due(cx)
            && this.gate.is_revoked(session.id)
        {
            return this.fail(Error::new(reason::SESSION_REVOKED));
        }
        match catch_unwind(AssertUnwindSafe(|| inner.as_mut().poll_next(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(Some(Ok(item)))) => match &this.session {
                Some(session) if this.gate.is_revoked(session.id) => this.fail(Error::new(reason::SESSION_REVOKED)),
                _ => Poll::Ready(Some(Ok(item))),
            },
            Ok(Poll::Ready(Some(Err(error)))) => this.fail(error),
            Ok(Poll::Ready(None)) => {
                this.inner = None;
                this.timer.finish(None);
                Poll::Ready(None)
            }
            Err(panic) => this.fail(entry::panicked(&*panic)),
        }
    }
}
