//! One HTTP/2 connection to one machine, made when first needed and again when lost.

use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::future::BoxFuture;
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use parking_lot::Mutex;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tonic::body::Body;

use super::ChannelConfig;

/// How long a tried connection has to answer.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(5);

/// The place of one connection.
#[derive(Default)]
pub(super) struct Slot {
    ready: Mutex<Option<SendRequest<Body>>>,
    /// Held by the call that connects; the others wait for its success or its failure.
    connecting: tokio::sync::Mutex<Option<Instant>>,
}

impl Slot {
    /// The connection. Who finds none makes one; an error means that nothing was sent.
    pub(super) async fn get(&self, address: SocketAddr, config: &ChannelConfig) -> io::Result<Connection> {
        if let Some(connection) = self.open() {
            return Ok(connection);
        }
        let asked = Instant::now();
        let mut failed = self.connecting.lock().await;
        if let Some(connection) = self.open() {
            return Ok(connection);
        }
        // Somebody tried since we asked: one attempt after the other would make the last of many wait for all of them.
        if failed.is_some_and(|failed| failed >= asked) {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        match tokio::time::timeout(config.connect_timeout, connect(address, config)).await {
            Ok(Ok(sender)) => {
                *self.ready.lock() = Some(sender.clone());
                Ok(Connection(sender))
            }
            Ok(Err(error)) => {
                *failed = Some(Instant::now());
                Err(error)
            }
            Err(_) => {
                *failed = Some(Instant::now());
                Err(io::ErrorKind::TimedOut.into())
            }
        }
    }

    fn open(&self) -> Option<Connection> {
        let mut ready = self.ready.lock();
        if ready.as_ref().is_some_and(SendRequest::is_closed) {
            *ready = None;
        }
        ready.clone().map(Connection)
    }

    /// Forgets the connection: calls on it go on, new ones make another.
    pub(super) fn forget(&self) {
        *self.ready.lock() = None;
    }
}

async fn connect(address: SocketAddr, config: &ChannelConfig) -> io::Result<SendRequest<Body>> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut builder = http2::Builder::new(TokioExecutor::new());
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(config.keepalive)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .keep_alive_while_idle(true);
    let (sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    // Ends when every sender is gone and every call on it is done.
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%address, %error, "connection to a peer lost");
        }
    });
    Ok(sender)
}

/// What calls are made on.
pub(super) struct Connection(SendRequest<Body>);

impl tower::Service<http::Request<Body>> for Connection {
    type Response = http::Response<Incoming>;
    type Error = hyper::Error;
    type Future = BoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), hyper::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(self.0.send_request(request))
    }
}
