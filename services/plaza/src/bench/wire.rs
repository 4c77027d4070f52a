//! The load generator's side of a call: connections of its own, requests made beforehand, answers counted and not read,
//! so that the generator takes as little as it can of a machine that it shares with the server.

use std::time::Duration;

use bytes::{Buf as _, BufMut as _, Bytes};
use http::uri::PathAndQuery;
use plaza_core::{Position, Token};
use prost::Message;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::AsciiMetadataValue;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

use crate::config::Service;
use crate::load::Target;

/// How long a call may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How the paths of these services' methods begin; the other calls go to feeds.
const POSTS: &str = "/plaza.posts.";
const GRAPH: &str = "/plaza.graph.";

/// One call to make.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// Which of the calls in a mix it is.
    pub kind: usize,
    /// The method's path.
    pub path: &'static str,
    /// The encoded request.
    pub body: Bytes,
    /// Whose access token to send.
    pub bearer: AsciiMetadataValue,
    /// The consistency token to send; `None` for none.
    pub token: Option<AsciiMetadataValue>,
}

/// What came back.
pub(super) struct Answer {
    /// The encoded response.
    pub body: Bytes,
    /// The position of `posts` in the answer's token; 0 for none.
    pub position: Position,
    /// Whether the answer says that something was missing on the way.
    pub degraded: bool,
}

/// The metadata value of an access token.
pub(super) fn bearer(access_token: &str) -> Result<AsciiMetadataValue, Status> {
    AsciiMetadataValue::try_from(format!("Bearer {access_token}"))
        .map_err(|_| Status::internal("a token that is no text"))
}

/// The bytes of a request.
pub(super) fn encode(request: &impl Message) -> Bytes {
    request.encode_to_vec().into()
}

/// One connection to each service that is called.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    feeds: Channel,
    posts: Channel,
    graph: Channel,
}

/// Opens `count` connections to `target`; those to a service with several addresses take turns.
pub(super) async fn connect(target: &Target, count: u16) -> Result<Vec<Connection>, tonic::transport::Error> {
    let mut connections = Vec::new();
    for n in 0..usize::from(count) {
        let (feeds_at, posts_at) = (nth(target.of(Service::Feeds), n), nth(target.of(Service::Posts), n));
        let feeds = open(feeds_at).await?;
        let posts = if posts_at == feeds_at { feeds.clone() } else { open(posts_at).await? };
        let graph_at = nth(target.of(Service::Graph), n);
        let graph = if graph_at == feeds_at { feeds.clone() } else { open(graph_at).await? };
        connections.push(Connection { feeds, posts, graph });
    }
    Ok(connections)
}

fn nth(addresses: &str, n: usize) -> &str {
    let count = addresses.split(',').count();
    addresses.split(',').nth(n % count).unwrap_or_default().trim()
}

async fn open(address: &str) -> Result<Channel, tonic::transport::Error> {
    let address = if address.contains("://") { address.to_owned() } else { format!("http://{address}") };
    Endpoint::from_shared(address)?.tcp_nodelay(true).connect().await
}

/// Makes one call.
pub(super) async fn call(connection: &Connection, call: Call) -> Result<Answer, Status> {
    let channel = match call.path {
        path if path.starts_with(POSTS) => &connection.posts,
        path if path.starts_with(GRAPH) => &connection.graph,
        _ => &connection.feeds,
    };
    let mut grpc = Grpc::new(channel.clone());
    grpc.ready().await.map_err(|e| Status::unavailable(e.to_string()))?;
    let mut request = Request::new(call.body);
    request.set_timeout(TIMEOUT);
    request.metadata_mut().insert("authorization", call.bearer);
    if let Some(token) = call.token {
        request.metadata_mut().insert(Token::METADATA_KEY, token);
    }
    let response = grpc.unary(request, PathAndQuery::from_static(call.path), Raw).await?;
    let token = response.metadata().get(Token::METADATA_KEY).and_then(|value| value.to_str().ok());
    let position = token.and_then(posts_position).unwrap_or(0);
    let degraded = response.metadata().contains_key("plaza-degraded");
    Ok(Answer { position, degraded, body: response.into_inner() })
}

fn posts_position(token: &str) -> Option<Position> {
    let token = Token::parse(token).ok()?;
    token.iter().find(|(source, _)| *source == "posts").map(|(_, position)| position)
}

/// Bytes as they are.
#[derive(Clone, Copy, Debug)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, dst: &mut EncodeBuf<'_>) -> Result<(), Status> {
        dst.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, src: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(src.copy_to_bytes(src.remaining())))
    }
}
