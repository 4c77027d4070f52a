//! Streams of answers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use plaza_core::{Error, Result, SessionId, TraceContext, reason};
use tokio_util::sync::WaitForCancellationFutureOwned;

use crate::entry::CallTimer;
use crate::{Gate, Method, entry};

/// What a streaming method answers with.
pub type Stream<T> = Pin<Box<dyn futures::Stream<Item = Result<T>> + Send>>;

/// A handler's stream as its caller sees it: it ends when the process shuts down or the caller's session is revoked, a
/// panic in it is an error, and its end is counted.
struct Guarded<T> {
    inner: Option<Stream<T>>,
    shutdown: Pin<Box<WaitForCancellationFutureOwned>>,
    gate: Arc<Gate>,
    session: Option<SessionId>,
    method: &'static Method,
    trace: Option<TraceContext>,
    timer: CallTimer,
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
        match catch_unwind(AssertUnwindSafe(|| inner.as_mut().poll_next(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(Some(Ok(item)))) => match this.session {
                Some(session) if this.gate.is_revoked(session) => this.fail(Error::new(reason::SESSION_REVOKED)),
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
