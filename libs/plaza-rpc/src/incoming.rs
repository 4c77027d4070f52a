//! From a request's metadata to the call's context.

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
    let remote = limit::of_caller(headers, gate.address_header(), remote);
    let cx = Cx::new(caller, deadline).with_trace(trace).with_token(token).with_remote(remote);
    Ok(Opening { cx, stream_deadline: named.filter(|_| method.server_streaming).map(until) })
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
    use super::*;

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
