//! What generated code refers to, so that its crate needs no such dependencies of its own.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

pub use async_trait::async_trait;
pub use http;
pub use http_body::Body as HttpBodyTrait;
pub use tonic::body::Body;
pub use tonic::codegen::{Service, StdError};
pub use tonic::server::NamedService;

use plaza_core::{Error, Result, reason};

use crate::server::{HttpFuture, HttpResponse};

/// The answer of a method that its service does not have.
///
/// # Errors
/// `METHOD_UNKNOWN`, always.
pub fn not_served<T>() -> Result<T> {
    Err(Error::new(reason::METHOD_UNKNOWN))
}

/// A body that a server can read.
pub trait HttpBody: HttpBodyTrait<Data = bytes::Bytes> {}

impl<B: HttpBodyTrait<Data = bytes::Bytes>> HttpBody for B {}

/// A response future of a service that never fails.
pub struct InfallibleFuture(HttpFuture);

/// Makes a response future that never fails of `future`.
#[must_use]
pub fn infallible(future: HttpFuture) -> InfallibleFuture {
    InfallibleFuture(future)
}

impl Future for InfallibleFuture {
    type Output = std::result::Result<HttpResponse, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx).map(Ok)
    }
}
