//! From an HTTP/2 request to an entry and back.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::future::BoxFuture;
use http::HeaderValue;
use plaza_core::cx::Outcome;
use plaza_core::{Cx, Error, Result, Token, reason};
use prost::Message;
use tokio::time::{Instant, Sleep};
use tonic::body::Body;

use crate::entry::Entry;
use crate::{Method, Stream, frame, incoming, status};

/// A request as the server gets it.
pub type HttpRequest = http::Request<Body>;
/// A response as the server sends it.
pub type HttpResponse = http::Response<Body>;
/// A response to come.
pub type HttpFuture = Pin<Box<dyn Future<Output = HttpResponse> + Send>>;

/// Metadata key of what was missing on the way to an answer.
pub(crate) const DEGRADED: &str = "plaza-degraded";

/// A generated service that a server can mount.
pub trait RpcService: Send + Sync + 'static {
    /// Its full name.
    fn name(&self) -> &'static str;
    /// Its methods.
    fn methods(&self) -> &'static [Method];
    /// Answers a request to one of its paths.
    fn call(&self, request: HttpRequest) -> HttpFuture;
}

/// Serves one call of the method at `index`; `call` is the entry's method.
pub async fn unary<E, Req, Res, F>(entry: Arc<E>, index: usize, request: HttpRequest, call: F) -> HttpResponse
where
    E: Entry,
    Req: Message + Default + 'static,
    Res: Message + 'static,
    F: for<'a> FnOnce(&'a E, &'a Cx, Req) -> BoxFuture<'a, Result<Res>> + Send,
{
    let arrived = Instant::now();
    let gzip = frame::accepts_gzip(request.headers());
    let (cx, req, _) = match open::<E, Req>(&entry, index, request, arrived).await {
        Ok(opened) => opened,
        Err(error) => return refuse(&*entry, index, arrived, error),
    };
    let result = call(&entry, &cx, req).await;
    let max = entry.core().gate().limits().max_response;
    let response = result.and_then(|res| frame::write(res, max, gzip));
    finish(response, &cx)
}

/// Serves one call of the streaming method at `index`; `call` is the entry's method.
pub async fn streaming<E, Req, Res, F>(entry: Arc<E>, index: usize, request: HttpRequest, call: F) -> HttpResponse
where
    E: Entry,
    Req: Message + Default + 'static,
    Res: Message + 'static,
    F: for<'a> FnOnce(&'a E, &'a Cx, Req) -> BoxFuture<'a, Result<Stream<Res>>> + Send,
{
    let arrived = Instant::now();
    let gzip = frame::accepts_gzip(request.headers());
    let (cx, req, deadline) = match open::<E, Req>(&entry, index, request, arrived).await {
        Ok(opened) => opened,
        Err(error) => return refuse(&*entry, index, arrived, error),
    };
    let result = call(&entry, &cx, req).await;
    let max = entry.core().gate().limits().max_response;
    let response = result.map(|stream| {
        let stream = match deadline {
            Some(deadline) => until(stream, deadline),
            None => stream,
        };
        frame::write_stream(stream, max, gzip)
    });
    finish(response, &cx)
}

/// Answers a call of a method that the service does not have.
pub async fn unknown_method<E: Entry>(_: Arc<E>) -> HttpResponse {
    fail(&Error::new(reason::METHOD_UNKNOWN))
}

/// The response that tells of an error.
pub(crate) fn fail(error: &Error) -> HttpResponse {
    status::to_status(error).into_http()
}

/// Who calls, until when, and what for. The request's body must have come in by the deadline too.
async fn open<E: Entry, Req: Message + Default + 'static>(
    entry: &Arc<E>,
    index: usize,
    request: HttpRequest,
    arrived: Instant,
) -> Result<(Cx, Req, Option<Instant>)> {
    let core = entry.core();
    let remote = request.extensions().get().copied();
    let opening = incoming::open(core.gate(), core.method(index), request.headers(), remote, arrived).await?;
    let read = frame::read::<Req>(request, core.gate().limits().max_request);
    let late = || Error::new(reason::DEADLINE_EXCEEDED);
    let req = tokio::time::timeout_at(opening.cx.deadline(), read).await.map_err(|_| late())??;
    Ok((opening.cx, req, opening.stream_deadline))
}

fn refuse(entry: &impl Entry, index: usize, arrived: Instant, error: Error) -> HttpResponse {
    fail(&entry.core().refuse(index, arrived, error))
}

/// Puts what the call left behind beside its answer.
fn finish(response: Result<HttpResponse>, cx: &Cx) -> HttpResponse {
    let mut response = response.unwrap_or_else(|error| fail(&error));
    let Outcome { token, degraded } = cx.take_outcome();
    if !token.is_empty()
        && let Ok(value) = HeaderValue::try_from(token.to_string())
    {
        response.headers_mut().insert(Token::METADATA_KEY, value);
    }
    if !degraded.is_empty()
        && let Ok(value) = HeaderValue::try_from(degraded.join(","))
    {
        response.headers_mut().insert(DEGRADED, value);
    }
    response
}

/// A stream that ends at its caller's deadline.
struct Until<T> {
    inner: Option<Stream<T>>,
    deadline: Pin<Box<Sleep>>,
}

fn until<T: Send + 'static>(stream: Stream<T>, deadline: Instant) -> Stream<T> {
    Box::pin(Until { inner: Some(stream), deadline: Box::pin(tokio::time::sleep_until(deadline)) })
}

impl<T: Send + 'static> futures::Stream for Until<T> {
    type Item = Result<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(inner) = &mut self.inner else { return Poll::Ready(None) };
        let item = inner.as_mut().poll_next(cx);
        if item.is_pending() && self.deadline.as_mut().poll(cx).is_ready() {
            self.inner = None;
            return Poll::Ready(Some(Err(Error::new(reason::DEADLINE_EXCEEDED))));
        }
        item
    }
}
