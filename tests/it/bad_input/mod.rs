//! Bad input, table-driven over all methods: the right code, reason and field; nothing written; never INTERNAL.

pub(crate) mod fields;
mod rows;
pub(crate) mod wire;

use plaza_core::{Code, Error};
use plaza_testkit::Sandbox;
use prost::bytes::Bytes;

/// Calls `path` with a body of raw bytes and drops what comes back, as a client in any language could.
pub(crate) async fn raw(
    sandbox: &Sandbox,
    path: &'static str,
    bearer: Option<&str>,
    body: Vec<u8>,
) -> Result<(), Error> {
    let headers = bearer.map(|b| ("authorization", format!("Bearer {b}")));
    raw_with(sandbox, path, headers.as_slice(), body).await
}

/// As [`raw`], with the metadata given.
pub(crate) async fn raw_with(
    sandbox: &Sandbox,
    path: &'static str,
    metadata: &[(&'static str, String)],
    body: Vec<u8>,
) -> Result<(), Error> {
    let endpoint = tonic::transport::Endpoint::from_shared(sandbox.address()).expect("an address");
    let mut grpc = tonic::client::Grpc::new(endpoint.connect().await.expect("a connection"));
    grpc.ready().await.expect("a connection");
    let mut request = tonic::Request::new(Bytes::from(body));
    for (key, value) in metadata {
        request.metadata_mut().insert(*key, value.parse().expect("metadata"));
    }
    let path = http::uri::PathAndQuery::from_static(path);
    let answer = grpc.server_streaming(request, path, wire::RawCodec).await;
    let to_error = |status| plaza_rpc::status::from_status(&status, "plaza");
    let mut stream = answer.map_err(to_error)?.into_inner();
    // A stream is open after its first message; a unary method's answer is its only one.
    stream.message().await.map(drop).map_err(to_error)
}

/// Checks what every refusal must hold to, whatever the input.
#[track_caller]
pub(crate) fn assert_refused(what: &str, error: &Error, codes: &[Code], field: Option<&str>) {
    assert!(codes.contains(&error.code()), "{what}: {error} has the code {:?}, not one of {codes:?}", error.code());
    let catalogued = plaza_core::reason::ALL.iter().find(|r| r.name == error.reason());
    assert!(catalogued.is_some_and(|r| r.code == error.code()), "{what}: {error} is not in the catalogue");
    if let Some(field) = field {
        let fields: Vec<&str> = error.violations().iter().map(|v| v.field.as_str()).collect();
        let named =
            fields.iter().any(|f| f.strip_prefix(field).is_some_and(|r| r.is_empty() || r.starts_with(['[', '.'])));
        assert!(named, "{what}: {error} blames {fields:?}, not {field}");
    }
}
