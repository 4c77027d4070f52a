//! From a request's metadata to the call's context.

use std::net::IpAddr;
use std::time::Duration;

use http::HeaderMap;
use plaza_core::cx::HOP_MARGIN;
use plaza_core::{Cx, Error, Result, Token, TraceContext, reason};
use tokio::time::Instant;

use crate::limit::{self, RemoteAddress};
use crate::{Gate, Method, auth, telemetry};

/// A call as its metadata tells of it.
pub(crate) struct Opening {
    pub cx: Cx,
    /// When the stream must end, if its caller said so.
    pub stream_deadline: Option<Instant>,
}

/// Reads the metadata of a call that arrived at `arrived` over a connection from `remote`.
pub(crate) async fn open(
    gate: &Gate,
    method: &Method,
    headers: &HeaderMap,
    remote: Option<RemoteAddress>,
    arrived: Instant,
) -> Result<Opening> {
    let limits = gate.limits();
    let named = timeout(headers)?;
    // The answer must be back before the caller's own clock runs out.
    let until = |timeout: Duration| arrived + timeout.saturating_sub(HOP_MARGIN.min(timeout / 4));
    // Opening a stream takes no longer than a single answer, however long the stream may live: else a request whose body
    // never comes would hold its place for as long as its caller says.
    let deadline = until(named.map_or(limits.default_timeout, |named| named.min(limits.max_timeout)));
    if deadline <= Instant::now() {
        return Err(Error::new(reason::DEADLINE_EXCEEDED));
    }
    let caller = match tokio::time::timeout_at(deadline, auth::caller(gate, headers)).await {
        Ok(caller) => caller?,
        Err(_) => return Err(Error::new(reason::DEADLINE_EXCEEDED)),
    };
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let token = match headers.contains_key(Token::METADATA_KEY) {
        // What is no text is no token either.
        true => Token::parse(text(Token::METADATA_KEY).unwrap_or("?"))?,
        false => Token::default(),
    };
    let trace = text(TraceContext::METADATA_KEY).and_then(TraceContext::parse);
    // Where spans are exported, the call's own begins the trace.
    let trace = trace.or_else(|| (!telemetry::is_exporting()).then(|| gate.fresh_trace()));
    // A service is at the other end of the connection itself: only it may say where the person is that it calls for.
    let remote = match caller.service {
        Some(_) => text(auth::ADDRESS).map(forwarded).transpose()?,
        None => limit::of_caller(headers, gate.address_header(), remote),
    };
    let cx = Cx::new(caller, deadline).with_trace(trace).with_token(token).with_remote(remote);
    Ok(Opening { cx, stream_deadline: named.filter(|_| method.server_streaming).map(until) })
}

/// Reads the address that a service tells of.
fn forwarded(address: &str) -> Result<IpAddr> {
    address.parse().map_err(|_| Error::invalid_field(auth::ADDRESS, "must be an IP address"))
}

/// Reads `grpc-timeout`: at most 8 digits and a unit.
fn timeout(headers: &HeaderMap) -> Result<Option<Duration>> {
    let Some(value) = headers.get("grpc-timeout") else { return Ok(None) };
    let parsed = value.to_str().ok().and_then(parse_timeout);
    let invalid =
        || Error::invalid_field("grpc-timeout", "must be 1 to 8 digits and one of the units H, M, S, m, u, n");
    parsed.map(Some).ok_or_else(invalid)
}

fn parse_timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let n: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(n * 3_600),
        "M" => Duration::from_secs(n * 60),
        "S" => Duration::from_secs(n),
        "m" => Duration::from_millis(n),
        "u" => Duration::from_micros(n),
        "n" => Duration::from_nanos(n),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use plaza_core::{Env, Secret};

    use super::*;

    #[tokio::test]
    async fn only_a_service_says_where_the_person_is() {
        let gate = Gate::builder(Env::system(), &Secret::new([1; 32])).build();
        let connection = Some(RemoteAddress("10.0.0.9:4711".parse().unwrap()));
        let remote = async |headers: &HeaderMap| {
            let opened = open(&gate, &Method::ECHO, headers, connection, Instant::now()).await;
            opened.map(|opening| opening.cx.remote().map(|remote| remote.to_string()).unwrap_or_default())
        };
        let mut headers = HeaderMap::new();
        headers.insert(auth::ADDRESS, "192.0.2.7".parse().unwrap());
        assert_eq!(remote(&headers).await.unwrap(), "10.0.0.9", "who asks could have written it");
        let token = gate.service_key().token("feeds").unwrap();
        headers.insert(auth::SERVICE, token.to_str().unwrap().parse().unwrap());
        assert_eq!(remote(&headers).await.unwrap(), "192.0.2.7");
        headers.insert(auth::ADDRESS, "nowhere".parse().unwrap());
        assert!(remote(&headers).await.unwrap_err().is(reason::INVALID_FIELDS));
        headers.remove(auth::ADDRESS);
        assert_eq!(remote(&headers).await.unwrap(), "", "the service is not the person");
    }

    #[test]
    fn timeouts_are_read_as_grpc_writes_them() {
        for (text, expected) in [
            ("1H", Some(Duration::from_secs(3_600))),
            ("99999999n", Some(Duration::from_nanos(99_999_999))),
            ("120m", Some(Duration::from_millis(120))),
            ("0u", Some(Duration::ZERO)),
            ("", None),
            ("m", None),
            ("5", None),
            ("-1S", None),
            ("1.5S", None),
            ("123456789m", None),
            ("1é", None),
        ] {
            assert_eq!(parse_timeout(text), expected, "{text}");
        }
    }
}
