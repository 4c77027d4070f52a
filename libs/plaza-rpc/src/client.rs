//! Calls to peers, in this process or over gRPC.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use http::uri::PathAndQuery;
use plaza_core::cx::Outcome;
use plaza_core::{Cx, Error, Result, Token, TraceContext, reason};
use prost::Message;
use tonic::Status;
use tonic::client::Grpc;
use tonic::metadata::{AsciiMetadataValue, MetadataMap};
use tonic::transport::{Channel as Connection, Endpoint};

use crate::auth::{self, ServiceKey};
use crate::encoded::EncodedCodec;
use crate::{Method, Stream, server, status};

/// How often a call is begun that its peer did not begin.
const TRIES: u32 = 3;

/// Where a peer is: in this process, or at the other end of a channel.
pub enum Peer<T: ?Sized> {
    /// In this process: its entry.
    Local(Arc<T>),
    /// Elsewhere.
    Remote(Channel),
}

impl<T: ?Sized> Clone for Peer<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Local(inner) => Self::Local(inner.clone()),
            Self::Remote(channel) => Self::Remote(channel.clone()),
        }
    }
}

/// How to reach peers.
#[derive(Clone, Copy, Debug)]
pub struct ChannelConfig {
    /// How many HTTP/2 connections to each peer; calls take turns.
    pub connections: usize,
    /// How long to wait for a connection.
    pub connect_timeout: Duration,
    /// How often an idle connection is tried.
    pub keepalive: Duration,
    /// The largest response, in bytes.
    pub max_response: usize,
}

impl Default for ChannelConfig {
    fn default() -> Self {
        Self {
            connections: 1,
            connect_timeout: Duration::from_secs(2),
            keepalive: Duration::from_secs(20),
            max_response: 4 << 20,
        }
    }
}

/// Connections to one peer, made when first needed and again when lost. Cheap to clone.
#[derive(Clone)]
pub struct Channel {
    inner: Arc<Inner>,
    /// What to prove the calling service with.
    key: Option<ServiceKey>,
    /// An access token to call with, for callers that are no service.
    bearer: Option<AsciiMetadataValue>,
}

struct Inner {
    peer: String,
    connections: Vec<Connection>,
    next: AtomicUsize,
    max_response: usize,
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Channel").field("peer", &self.inner.peer).finish_non_exhaustive()
    }
}

impl Channel {
    /// A channel to `address`, such as `http://posts:7000` or `127.0.0.1:7000`. Must be called within the runtime.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` on field `address` if it is none.
    pub fn connect(address: &str, config: &ChannelConfig) -> Result<Self> {
        let endpoint = endpoint(address)
            .map_err(|wrong| Error::invalid_field("address", wrong))?
            .connect_timeout(config.connect_timeout)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(config.keepalive)
            .keep_alive_timeout(Duration::from_secs(5))
            .keep_alive_while_idle(true);
        let connections = (0..config.connections.max(1)).map(|_| endpoint.connect_lazy()).collect();
        let (peer, next, max_response) = (address.to_owned(), AtomicUsize::new(0), config.max_response);
        let inner = Arc::new(Inner { peer, connections, next, max_response });
        Ok(Self { inner, key: None, bearer: None })
    }

    /// Proves the calling service with `key`.
    #[must_use]
    pub fn with_key(mut self, key: &ServiceKey) -> Self {
        self.key = Some(key.clone());
        self
    }

    /// The same connections, with calls made by the user whose access token this is.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` on field `token` if it cannot be metadata.
    pub fn with_bearer(mut self, token: &str) -> Result<Self> {
        let value = AsciiMetadataValue::try_from(format!("Bearer {token}"));
        self.bearer = Some(value.map_err(|_| Error::invalid_field("token", "must be ASCII"))?);
        Ok(self)
    }

    /// Calls a method with a single answer.
    ///
    /// # Errors
    /// What the peer answers; `UNAVAILABLE`, reason `PEER_UNAVAILABLE`, if it does not.
    pub async fn unary<Req, Res>(
        &self,
        cx: &Cx,
        service: Option<&'static str>,
        method: &'static Method,
        req: Req,
    ) -> Result<Res>
    where
        Req: Message + 'static,
        Res: Message + Default + 'static,
    {
        let child = cx.child(service);
        let req = Bytes::from(req.encode_to_vec());
        let work = async {
            let mut tries = 0;
            loop {
                tries += 1;
                let mut request = self.request(&child, req.clone())?;
                // The peer's own deadline: it answers in time even when it runs out.
                request.set_timeout(child.remaining());
                let answer = self.grpc().await?.unary(request, path(method), EncodedCodec::default()).await;
                match answer {
                    Err(status) if tries < TRIES && status::was_not_begun(&status) => {}
                    answer => return self.settle(cx, &child, answer),
                }
            }
        };
        child.within(work).await
    }

    /// Opens a stream. The deadline is for opening it, not for its items.
    ///
    /// # Errors
    /// What the peer answers; `UNAVAILABLE`, reason `PEER_UNAVAILABLE`, if it does not.
    pub async fn streaming<Req, Res>(
        &self,
        cx: &Cx,
        service: Option<&'static str>,
        method: &'static Method,
        req: Req,
    ) -> Result<Stream<Res>>
    where
        Req: Message + 'static,
        Res: Message + Default + 'static,
    {
        let child = cx.child(service);
        let req = Bytes::from(req.encode_to_vec());
        let work = async {
            let mut tries = 0;
            loop {
                tries += 1;
                let request = self.request(&child, req.clone())?;
                let answer = self.grpc().await?.server_streaming(request, path(method), EncodedCodec::default()).await;
                match answer {
                    Err(status) if tries < TRIES && status::was_not_begun(&status) => {}
                    answer => return self.settle(cx, &child, answer),
                }
            }
        };
        let items = child.within(work).await?;
        let inner = self.inner.clone();
        Ok(Box::pin(items.map(move |item| item.map_err(|status| status::from_status(&status, &inner.peer)))))
    }

    async fn grpc(&self) -> Result<Grpc<Connection>> {
        let turn = self.inner.next.fetch_add(1, Ordering::Relaxed) % self.inner.connections.len();
        let mut grpc = Grpc::new(self.inner.connections[turn].clone());
        grpc = grpc.max_decoding_message_size(self.inner.max_response);
        let away = |_| Error::new(reason::PEER_UNAVAILABLE).with("peer", &self.inner.peer);
        grpc.ready().await.map_err(away)?;
        Ok(grpc)
    }

    fn request<Req>(&self, child: &Cx, req: Req) -> Result<tonic::Request<Req>> {
        if child.remaining().is_zero() {
            return Err(Error::new(reason::DEADLINE_EXCEEDED));
        }
        let mut request = tonic::Request::new(req);
        let metadata = request.metadata_mut();
        if self.bearer.is_none() && child.caller().account.is_some() && child.caller().service.is_none() {
            // The peer would see nobody where a local entry sees the user.
            return Err(Error::internal("a remote client calls for a user without as_service"));
        }
        if let (Some(key), Some(service)) = (&self.key, child.caller().service) {
            metadata.insert(auth::SERVICE, key.token(service)?);
            if let Some(behalf) = auth::behalf(child.caller()) {
                insert(metadata, auth::CALLER, &behalf);
            }
        }
        if let Some(bearer) = &self.bearer {
            metadata.insert("authorization", bearer.clone());
        }
        if let Some(trace) = child.trace() {
            insert(metadata, TraceContext::METADATA_KEY, &trace.to_string());
        }
        if !child.token().is_empty() {
            insert(metadata, Token::METADATA_KEY, &child.token().to_string());
        }
        Ok(request)
    }

    /// Takes over what the call left behind, and maps its error.
    fn settle<T>(&self, cx: &Cx, child: &Cx, answer: Result<tonic::Response<T>, Status>) -> Result<T> {
        match answer {
            Ok(response) => {
                cx.absorb(outcome(response.metadata()));
                Ok(response.into_inner())
            }
            Err(status) => {
                cx.absorb(outcome(status.metadata()));
                let error = status::from_status(&status, &self.inner.peer);
                Err(if self.is_about_us(child, &error) { self.not_trusted(&error) } else { error })
            }
        }
    }

    /// Whether a peer refused the token of the service that calls, and not the one of a user. Operators are told as it is.
    fn is_about_us(&self, child: &Cx, error: &Error) -> bool {
        let as_service = self.key.is_some() && self.bearer.is_none();
        let service = child.caller().service.is_some_and(|name| name != auth::ADMIN);
        as_service && service && (error.is(reason::CREDENTIALS_INVALID) || error.is(reason::CREDENTIALS_EXPIRED))
    }

    /// A user who heard that credentials are not valid would sign in again, which does not help: processes of one
    /// platform have different secrets, or clocks that are far apart.
    fn not_trusted(&self, error: &Error) -> Error {
        let peer = &self.inner.peer;
        tracing::error!(
            peer,
            reason = error.reason(),
            "a peer does not take our service token: compare secrets and clocks"
        );
        Error::new(reason::PEER_UNAVAILABLE).with("peer", peer)
    }
}

/// Whether calls can be made to `address`.
///
/// # Errors
/// What is wrong with it and what would be right.
pub fn check_address(address: &str) -> Result<(), String> {
    endpoint(address).map(drop)
}

fn endpoint(address: &str) -> Result<Endpoint, String> {
    let uri = if address.contains("://") { address.to_owned() } else { format!("http://{address}") };
    let wrong = |what: &str| format!("`{address}` {what}; write it like `http://127.0.0.1:50051`");
    let endpoint = Endpoint::from_shared(uri).map_err(|error| wrong(&format!("is no address ({error})")))?;
    let uri = endpoint.uri();
    let (host, port) = (uri.host().unwrap_or_default(), uri.port().map_or(0, |port| port.as_str().len() + 1));
    // Whatever else stands in it, a name, a password or a port that is no number, is no part of an address.
    let whole = uri.authority().is_some_and(|authority| authority.as_str().len() == host.len() + port);
    match uri.scheme_str() {
        // A channel over TLS would fail at each call, as this build has none.
        Some("https") => Err(wrong("asks for TLS, which calls between services do not speak yet")),
        Some("http") if !host.is_empty() && whole => Ok(endpoint),
        _ => Err(wrong("is no address")),
    }
}

fn path(method: &'static Method) -> PathAndQuery {
    PathAndQuery::from_static(method.path)
}

fn insert(metadata: &mut MetadataMap, key: &'static str, value: &str) {
    if let Ok(value) = AsciiMetadataValue::try_from(value) {
        metadata.insert(key, value);
    }
}

fn outcome(metadata: &MetadataMap) -> Outcome {
    let text = |key: &str| metadata.get(key).and_then(|value| value.to_str().ok());
    let token = text(Token::METADATA_KEY).and_then(|text| Token::parse(text).ok()).unwrap_or_default();
    let degraded = text(server::DEGRADED).map(|text| text.split(',').map(str::to_owned).collect()).unwrap_or_default();
    Outcome { token, degraded }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_no_call_could_reach_are_refused() {
        for good in ["http://127.0.0.1:1", "127.0.0.1:1", "posts:7000", "http://[::1]:7000", "http://posts"] {
            assert_eq!(check_address(good), Ok(()), "{good}");
        }
        for bad in ["", "http://", "https://posts:7000", "ftp://posts:7000", "a b", "http://posts:port", "http://:1"] {
            let told = check_address(bad).unwrap_err();
            assert!(told.contains("write it like `http://127.0.0.1:50051`"), "{told}");
        }
    }
}
