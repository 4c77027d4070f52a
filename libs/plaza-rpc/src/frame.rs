//! gRPC framing of single messages, without copies where the message came or goes in one piece. Compressed messages
//! and streams go through tonic.

use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use futures::{StreamExt as _, TryStreamExt as _};
use http::{HeaderMap, HeaderValue};
use http_body::{Frame, SizeHint};
use http_body_util::BodyExt as _;
use plaza_core::{Error, Result, reason};
use prost::Message;
use tonic::Status;
use tonic::body::Body;
use tonic::codec::{Codec as _, CompressionEncoding, EncodeBody, SingleMessageCompressionOverride, Streaming};
use tonic_prost::ProstCodec;

use crate::server::{HttpRequest, HttpResponse};
use crate::{Stream, status};

/// A flag and the length stand before each message.
const PREFIX: usize = 5;
const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
/// Smaller answers are not worth compressing.
const GZIP_FROM: usize = 1_024;

/// Reads the one message of a request of at most `max` bytes.
pub(crate) async fn read<Req: Message + Default + 'static>(request: HttpRequest, max: usize) -> Result<Req> {
    let encoding = match request.headers().get("grpc-encoding").map(HeaderValue::as_bytes) {
        None | Some(b"identity") => None,
        Some(b"gzip") => Some(CompressionEncoding::Gzip),
        Some(_) => {
            return Err(Error::new(reason::MALFORMED_REQUEST).message("the only compression known here is gzip"));
        }
    };
    if encoding.is_some() {
        let decoder = ProstCodec::<(), Req>::default().decoder();
        let mut messages = Streaming::new_request(decoder, request.into_body(), encoding, Some(max));
        let message = messages.message().await.map_err(|status| status::of_request(&status))?;
        return message.ok_or_else(|| Error::new(reason::MALFORMED_REQUEST));
    }
    let message = read_plain(request.into_body(), max).await?;
    Req::decode(message).map_err(|error| {
        Error::new(reason::MALFORMED_REQUEST).message(format!("the body is not a {}: {error}", short_name::<Req>()))
    })
}

fn short_name<T>() -> &'static str {
    let name = std::any::type_name::<T>();
    name.rsplit("::").next().unwrap_or(name)
}

async fn read_plain(body: Body, max: usize) -> Result<Bytes> {
    let malformed = || Error::new(reason::MALFORMED_REQUEST);
    let mut body = pin!(body);
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    loop {
        let have = if rest.is_empty() { &first[..] } else { &rest[..] };
        if let Some(&[flag, a, b, c, d]) = have.first_chunk::<PREFIX>() {
            let length = u32::from_be_bytes([a, b, c, d]) as usize;
            if flag != 0 {
                return Err(malformed());
            }
            if length > max {
                return Err(Error::new(reason::MESSAGE_TOO_LARGE).with("limit", max));
            }
            if have.len() >= PREFIX + length {
                let mut whole = if rest.is_empty() { first } else { rest.freeze() };
                whole.advance(PREFIX);
                return Ok(whole.split_to(length));
            }
        }
        let data = match body.frame().await {
            Some(Ok(frame)) => frame.into_data().map_err(|_| malformed())?,
            Some(Err(_)) => return Err(Error::new(reason::CANCELLED)),
            None => return Err(malformed()),
        };
        if first.is_empty() && rest.is_empty() {
            first = data;
        } else {
            if rest.is_empty() {
                rest.extend_from_slice(&first);
            }
            rest.extend_from_slice(&data);
        }
    }
}

/// Whether a caller takes gzip.
pub(crate) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get("grpc-accept-encoding").and_then(|value| value.to_str().ok());
    accepted.is_some_and(|list| list.split(',').any(|encoding| encoding.trim() == "gzip"))
}

/// The response that carries one message.
///
/// # Errors
/// `RESOURCE_EXHAUSTED`, reason `MESSAGE_TOO_LARGE`, if it is over `max` bytes.
pub(crate) fn write<Res: Message + 'static>(message: Res, max: usize, gzip: bool) -> Result<HttpResponse> {
    let length = message.encoded_len();
    let prefix = u32::try_from(length).ok().filter(|_| length <= max);
    let Some(prefix) = prefix else {
        return Err(Error::new(reason::MESSAGE_TOO_LARGE).message("the answer is over the size limit; ask for less"));
    };
    if gzip && length >= GZIP_FROM {
        let messages = futures::stream::iter([Ok::<_, Status>(message)]);
        return Ok(respond(encode(messages, max, true), true));
    }
    let mut data = BytesMut::with_capacity(PREFIX + length);
    data.put_u8(0);
    data.put_u32(prefix);
    message.encode_raw(&mut data);
    Ok(respond(Body::new(Single { data: Some(data.freeze()), ended: false }), false))
}

/// The response that carries a stream of messages.
pub(crate) fn write_stream<Res: Message + 'static>(messages: Stream<Res>, max: usize, gzip: bool) -> HttpResponse {
    let messages = messages.map(|item| item.map_err(|error| status::to_status(&error)));
    respond(encode(messages, max, gzip), gzip)
}

fn encode<Res: Message + 'static>(
    messages: impl futures::Stream<Item = Result<Res, Status>> + Send + 'static,
    max: usize,
    gzip: bool,
) -> Body {
    let encoder = ProstCodec::<Res, ()>::default().encoder();
    let encoding = gzip.then_some(CompressionEncoding::Gzip);
    let single = SingleMessageCompressionOverride::default();
    Body::new(EncodeBody::new_server(encoder, messages.into_stream(), encoding, single, Some(max)))
}

fn respond(body: Body, gzip: bool) -> HttpResponse {
    let mut response = http::Response::new(body);
    let headers = response.headers_mut();
    headers.insert(http::header::CONTENT_TYPE, GRPC);
    if gzip {
        headers.insert("grpc-encoding", HeaderValue::from_static("gzip"));
    }
    response
}

/// One framed message, then trailers that say OK.
struct Single {
    data: Option<Bytes>,
    ended: bool,
}

impl http_body::Body for Single {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if let Some(data) = self.data.take() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        if std::mem::replace(&mut self.ended, true) {
            return Poll::Ready(None);
        }
        let mut trailers = HeaderMap::with_capacity(1);
        trailers.insert(Status::GRPC_STATUS, HeaderValue::from_static("0"));
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }

    fn size_hint(&self) -> SizeHint {
        // Not exact: the trailers follow.
        SizeHint::default()
    }
}
