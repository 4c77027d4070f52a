//! Calls to peers, in this process or over gRPC.
//!
//! A peer is any number of machines, named one by one or by a name that stands for all of them. Each call goes to the one
//! that answers and has the least in hand. One that refuses connections or is silent is left alone until it answers the
//! health check again.

mod address;
mod backend;
mod balance;
mod connection;
mod resolve;

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt as _;
use http::uri::PathAndQuery;
use plaza_core::cx::Outcome;
use plaza_core::{Cx, Error, Result, Token, TraceContext, reason};
use prost::Message;
use tonic::client::Grpc;
use tonic::metadata::{AsciiMetadataValue, MetadataMap};
use tonic::{Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;

use self::backend::{Backend, InFlight, PROBE_TIMEOUT, State};
use self::balance::Balancer;
use self::connection::Connection;
use crate::auth::{self, ServiceKey};
use crate::encoded::EncodedCodec;
use crate::{Method, Stream, server, status};

pub use address::check_address;
pub use resolve::{Resolver, SystemResolver};

/// How often a call is begun that its peer did not begin, on whatever machines.
const TRIES: u32 = 5;
/// A machine that owes an answer for so long is asked how it is.
const SLOW: Duration = Duration::from_secs(1);
/// When to come back after no machine of a peer answered.
const AWAY_RETRY: Duration = Duration::from_millis(500);

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
    /// How many HTTP/2 connections to each machine; calls take turns.
    pub connections: usize,
    /// How long to wait for a connection to one machine.
    pub connect_timeout: Duration,
    /// How often a name is looked up again while it is called.
    pub resolve_every: Duration,
    /// How often an idle connection is tried.
    pub keepalive: Duration,
    /// The largest response, in bytes.
    pub max_response: usize,
}

impl Default for ChannelConfig {
    fn default() -> Self {
        Self {
            connections: 1,
            connect_timeout: Duration::from_secs(1),
            resolve_every: Duration::from_secs(5),
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
    balancer: Arc<Balancer>,
}

/// How many machines of a peer there are, and how many of them answer as far as is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ChannelState {
    /// Machines that are named or were found.
    pub machines: usize,
    /// Those that answer, or were not asked yet.
    pub up: usize,
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Channel").field("peer", &self.inner.peer).finish_non_exhaustive()
    }
}

impl Channel {
    /// A channel to `address`, such as `http://posts:7000` or `127.0.0.1:7000`, or to several apart by commas. Must be
    /// called within the runtime.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` on field `address` if it is none.
    pub fn connect(address: &str, config: &ChannelConfig) -> Result<Self> {
        Self::connect_with(address, config, Arc::new(SystemResolver))
    }

    /// As [`Channel::connect`], with names looked up by `resolver`.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` on field `address` if it is none.
    pub fn connect_with(address: &str, config: &ChannelConfig, resolver: Arc<dyn Resolver>) -> Result<Self> {
        let targets = address::parse_list(address).map_err(|wrong| Error::invalid_field("address", wrong))?;
        let balancer = Arc::new(Balancer::new(targets, *config, resolver));
        Ok(Self { inner: Arc::new(Inner { peer: address.to_owned(), balancer }), key: None, bearer: None })
    }

    /// What is known of the peer's machines.
    #[must_use]
    pub fn state(&self) -> ChannelState {
        let machines = self.inner.balancer.all();
        let up = machines.iter().filter(|machine| machine.state() <= State::Suspect).count();
        ChannelState { machines: machines.len(), up }
    }

    /// Whether a machine of the peer answers and says that it serves `service`, by its full name.
    ///
    /// # Errors
    /// `UNAVAILABLE`, reason `PEER_UNAVAILABLE`, if none does.
    pub async fn check(&self, cx: &Cx, service: &str) -> Result<()> {
        let asked = async {
            let mut tried = Vec::new();
            while let Some(machine) = self.inner.balancer.pick(&tried).await {
                match machine.probe(service).await {
                    Ok(answer) if answer.status() == ServingStatus::NotServing => tried.push(machine.address),
                    Ok(_) => return Ok(()),
                    Err(_) => {
                        tried.push(machine.address);
                        machine.refused();
                    }
                }
                if tried.len() >= TRIES as usize || cx.remaining() < PROBE_TIMEOUT {
                    break;
                }
            }
            Err(self.away())
        };
        cx.within(asked).await
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
        let send = |mut client: Grpc<Connection>, mut request: tonic::Request<Bytes>, left| async move {
            // The peer's own deadline: it answers in time even when it runs out.
            request.set_timeout(left);
            client.unary(request, path(method), EncodedCodec::default()).await
        };
        let answered = child.within(self.call(cx, &child, method, req, send)).await;
        answered.map(|(answer, _)| answer)
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
        let send = |mut client: Grpc<Connection>, request: tonic::Request<Bytes>, _| async move {
            client.server_streaming(request, path(method), EncodedCodec::default()).await
        };
        let (items, in_flight) = child.within(self.call(cx, &child, method, req, send)).await?;
        let inner = self.inner.clone();
        Ok(Box::pin(items.map(move |item| {
            let _until_the_end = &in_flight;
            item.map_err(|status| status::from_status(&status, &inner.peer))
        })))
    }

    /// Makes a call on one machine after the other, for as long as none has begun it.
    async fn call<T, F, Sent>(
        &self,
        cx: &Cx,
        child: &Cx,
        method: &'static Method,
        req: Bytes,
        send: F,
    ) -> Result<(T, InFlight)>
    where
        F: Fn(Grpc<Connection>, tonic::Request<Bytes>, Duration) -> Sent + Send + Sync,
        Sent: Future<Output = Result<Response<T>, Status>> + Send,
        T: Send,
    {
        let (mut tried, mut tries, mut lost) = (Vec::new(), 0, false);
        loop {
            let Some(machine) = self.inner.balancer.pick(&tried).await else { return Err(self.away()) };
            let in_flight = machine.enter();
            let Some(client) = ready(&machine).await else {
                tried.push(machine.address);
                continue;
            };
            tries += 1;
            let request = self.request(child, req.clone())?;
            let sent = send(client, request, child.remaining());
            match answer(&machine, sent, !method.mutation).await {
                Some(Err(status)) if tries < TRIES && status::was_not_begun(&status) => {}
                // What changes nothing may be done twice; but once more only, should it be what killed the peer.
                None if !lost => lost = true,
                Some(Err(status)) if !lost && !method.mutation && status::is_of_transport(&status) => lost = true,
                Some(answer) => return Ok((self.settle(cx, child, answer)?, in_flight)),
                None => return Err(self.away()),
            }
            tried.push(machine.address);
        }
    }

    fn away(&self) -> Error {
        Error::new(reason::PEER_UNAVAILABLE).with("peer", &self.inner.peer).retry_after(AWAY_RETRY)
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
            if let Some(address) = child.remote() {
                insert(metadata, auth::ADDRESS, &address.to_string());
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

/// A client on a connection to `machine`; `None` if it refuses one.
async fn ready(machine: &Arc<Backend>) -> Option<Grpc<Connection>> {
    match machine.client().await {
        Ok(client) => Some(client),
        Err(error) => {
            tracing::debug!(address = %machine.address, %error, "no connection to a peer");
            machine.refused();
            None
        }
    }
}

/// Waits for an answer, and has the machine asked how it is if that takes long. `None` if the machine is silent and the
/// call `may_leave` it for another.
async fn answer<T>(
    machine: &Arc<Backend>,
    sent: impl Future<Output = Result<Response<T>, Status>>,
    may_leave: bool,
) -> Option<Result<Response<T>, Status>> {
    let mut sent = pin!(sent);
    let answer = tokio::select! {
        biased;
        answer = &mut sent => answer,
        () = tokio::time::sleep(SLOW) => {
            machine.suspect();
            tokio::select! {
                biased;
                answer = &mut sent => answer,
                () = machine.silence(), if may_leave => return None,
            }
        }
    };
    if answer.as_ref().err().is_none_or(|status| !status::is_of_transport(status)) {
        machine.answered();
    }
    Some(answer)
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
