//! Errors as `google.rpc.Status`, and back. Every status carries an `ErrorInfo`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::time::Duration;

use plaza_core::{Code, Error, reason};
use tonic::Status;
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

/// The status that tells a caller of an error, with `ErrorInfo`, and `BadRequest` and `RetryInfo` where they apply.
#[must_use]
pub fn to_status(error: &Error) -> Status {
    let metadata: HashMap<String, String> =
        error.metadata().iter().map(|(key, value)| (key.to_string(), value.clone())).collect();
    let mut details = ErrorDetails::with_error_info(error.reason(), reason::DOMAIN, metadata);
    if !error.violations().is_empty() {
        let fields = error.violations().iter().map(|v| FieldViolation::new(&v.field, &v.description));
        details.set_bad_request(fields.collect::<Vec<_>>());
    }
    if let Some(delay) = error.retry_delay() {
        details.set_retry_info(Some(delay));
    }
    Status::with_error_details(tonic::Code::from_i32(error.code() as i32), error.text(), details)
}

/// The error that a peer's status tells of.
#[must_use]
pub fn from_status(status: &Status, peer: &str) -> Error {
    let details = status.get_error_details();
    let Some(info) = details.error_info() else { return from_bare(status, peer) };
    let code = Code::from_i32(status.code() as i32);
    let known = reason::ALL.iter().find(|known| known.name == info.reason);
    let (name, message) = match known {
        Some(known) if known.help == status.message() => (Cow::Borrowed(known.name), Cow::Borrowed(known.help)),
        Some(known) => (Cow::Borrowed(known.name), Cow::Owned(status.message().to_owned())),
        None => (Cow::Owned(info.reason.clone()), Cow::Owned(status.message().to_owned())),
    };
    let mut metadata: Vec<_> = info.metadata.clone().into_iter().collect();
    metadata.sort();
    let mut error = Error::from_parts(code, name, message);
    for (key, value) in metadata {
        error = error.with(key, value);
    }
    if let Some(bad) = details.bad_request() {
        let message = error.text().to_owned();
        for violation in &bad.field_violations {
            error = error.message(violation.description.clone()).on_field(violation.field.clone());
        }
        error = error.message(message);
    }
    match details.retry_info().and_then(|info| info.retry_delay) {
        Some(delay) => error.retry_after(delay),
        None => error,
    }
}

/// Whether the peer never began the call, so that it can be made again whatever it does: the connection was closing
/// (gRPC's transparent retry).
pub(crate) fn was_not_begun(status: &Status) -> bool {
    let mut source = std::error::Error::source(status);
    while let Some(error) = source {
        if let Some(hyper) = error.downcast_ref::<hyper::Error>()
            && hyper.is_canceled()
        {
            return true;
        }
        if let Some(h2) = error.downcast_ref::<h2::Error>() {
            let refused = h2.is_reset() && h2.reason() == Some(h2::Reason::REFUSED_STREAM);
            let past_goodbye = h2.is_go_away() && h2.reason() == Some(h2::Reason::NO_ERROR);
            return h2.is_remote() && (refused || past_goodbye);
        }
        source = error.source();
    }
    false
}

/// Whether the connection broke, rather than the peer having answered.
pub(crate) fn is_of_transport(status: &Status) -> bool {
    std::error::Error::source(status).is_some()
}

/// A status without details was made by the transport, by something between, or by no service of ours.
fn from_bare(status: &Status, peer: &str) -> Error {
    let away = || Error::new(reason::PEER_UNAVAILABLE).with("peer", peer);
    match status.code() {
        tonic::Code::DeadlineExceeded => Error::new(reason::DEADLINE_EXCEEDED),
        // What tonic makes of its own timeout.
        tonic::Code::Cancelled if status.message() == "Timeout expired" => Error::new(reason::DEADLINE_EXCEEDED),
        tonic::Code::Unimplemented => Error::new(reason::METHOD_UNKNOWN).with("peer", peer),
        tonic::Code::ResourceExhausted | tonic::Code::OutOfRange => too_large_or(status, || {
            Error::new(reason::OVERLOADED).with("peer", peer).retry_after(Duration::from_millis(100))
        }),
        tonic::Code::Unavailable | tonic::Code::Cancelled => away(),
        _ if std::error::Error::source(status).is_some() => away(),
        code => Error::internal(format_args!("{peer} answered {code:?} without details: {}", status.message())),
    }
}

fn too_large_or(status: &Status, other: impl FnOnce() -> Error) -> Error {
    if status.message().contains("too large") || status.message().contains("size limit") {
        Error::new(reason::MESSAGE_TOO_LARGE)
    } else {
        other()
    }
}

/// What a status means that tonic made while it read a request: the caller's fault, whatever its code says.
pub(crate) fn of_request(status: &Status) -> Error {
    let malformed = || Error::new(reason::MALFORMED_REQUEST);
    match status.code() {
        tonic::Code::ResourceExhausted | tonic::Code::OutOfRange => too_large_or(status, malformed),
        tonic::Code::Cancelled => Error::new(reason::CANCELLED),
        _ => malformed(),
    }
}

/// What a status means that came from a service that is not generated, such as health, if it has no details.
pub(crate) fn of_foreign(status: &Status) -> Option<Error> {
    if !status.details().is_empty() {
        return None;
    }
    let message = status.message().to_owned();
    Some(match status.code() {
        tonic::Code::Ok => return None,
        tonic::Code::Unimplemented => Error::new(reason::METHOD_UNKNOWN),
        tonic::Code::Cancelled => Error::new(reason::CANCELLED),
        _ => match of_request(status) {
            error if message.is_empty() => error,
            error => error.message(message),
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_survives_the_way_with_all_it_carries() {
        for reason in reason::ALL {
            let error = Error::new(*reason)
                .with("a", 1)
                .with("b", "two")
                .on_field("post_ids[3]")
                .retry_after(Duration::from_millis(1_500));
            let back = from_status(&to_status(&error), "posts");
            assert_eq!(back.code(), error.code(), "{}", reason.name);
            assert!(back.is(*reason));
            assert_eq!((back.text(), back.metadata()), (error.text(), error.metadata()));
            assert_eq!((back.violations(), back.retry_delay()), (error.violations(), error.retry_delay()));
        }
    }

    #[test]
    fn a_reason_of_a_newer_version_survives() {
        let error = Error::from_parts(Code::Aborted, "NEW_REASON".into(), "of tomorrow".into());
        let back = from_status(&to_status(&error), "posts");
        assert_eq!((back.code(), back.reason(), back.text()), (Code::Aborted, "NEW_REASON", "of tomorrow"));
    }

    #[test]
    fn bare_statuses_get_a_reason() {
        for (status, reason) in [
            (Status::cancelled("Timeout expired"), reason::DEADLINE_EXCEEDED),
            (Status::deadline_exceeded(""), reason::DEADLINE_EXCEEDED),
            (Status::unavailable("tcp connect error"), reason::PEER_UNAVAILABLE),
            (Status::unimplemented(""), reason::METHOD_UNKNOWN),
            (Status::out_of_range("Error, decoded message length too large: found 9"), reason::MESSAGE_TOO_LARGE),
            (Status::resource_exhausted("busy"), reason::OVERLOADED),
            (Status::from_error("broken pipe".into()), reason::PEER_UNAVAILABLE),
            (Status::unknown("?"), reason::INTERNAL),
        ] {
            assert!(from_status(&status, "posts").is(reason), "{status:?}");
        }
    }
}
