//! The one place where the driver's errors, and what the server answers, become ours.

use std::time::Duration;

use fred::error::{Error as DriverError, ErrorKind};
use plaza_core::{Error, reason};

/// When a call that found the store away may try again.
const RETRY: Duration = Duration::from_millis(500);
/// When a call that found too much waiting may try again.
const RETRY_WHEN_FULL: Duration = Duration::from_millis(100);

/// What the server answers while it cannot serve, by the first word of its error.
const NOT_SERVING: &[&str] =
    &["LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "NOREPLICAS", "TRYAGAIN", "BUSY", "MISCONF", "NOPERM"];

/// The store does not answer; a retry may help.
#[must_use]
pub fn unavailable() -> Error {
    Error::new(reason::STORE_UNAVAILABLE).retry_after(RETRY)
}

/// Too much waits for the store; a retry may help.
pub(super) fn overloaded() -> Error {
    Error::new(reason::OVERLOADED).retry_after(RETRY_WHEN_FULL)
}

/// What a caller may see of a driver's error; the rest goes to the log.
#[must_use]
#[expect(clippy::needless_pass_by_value, reason = "so that it can stand in `Result::map_err`")]
pub fn map_err(error: DriverError) -> Error {
    let answer = error.details().split_whitespace().next().unwrap_or_default();
    match error.kind() {
        ErrorKind::Backpressure => overloaded(),
        ErrorKind::Timeout | ErrorKind::Canceled => {
            tracing::debug!(%error, "redis does not answer");
            unavailable()
        }
        ErrorKind::IO | ErrorKind::Routing | ErrorKind::Cluster | ErrorKind::Tls => {
            tracing::debug!(%error, "redis connection lost");
            unavailable()
        }
        ErrorKind::Auth | ErrorKind::Config => {
            tracing::error!(%error, "redis refuses this client");
            unavailable()
        }
        _ if answer == "OOM" => {
            tracing::error!(%error, "redis is out of memory");
            unavailable().message("the store's memory is full: give it more; reads go on")
        }
        _ if NOT_SERVING.contains(&answer) => {
            tracing::warn!(%error, "redis cannot serve now");
            unavailable()
        }
        // What the driver says of itself; the errors of a server begin with a word in capitals.
        ErrorKind::Unknown if !is_code(answer) => {
            tracing::debug!(%error, "redis client not ready");
            unavailable()
        }
        _ => Error::internal(format!("redis: {error}")),
    }
}

/// Whether the server does not know the script, so that nothing of it was run.
pub(super) fn is_unknown_script(error: &DriverError) -> bool {
    error.details().starts_with("NOSCRIPT")
}

fn is_code(word: &str) -> bool {
    !word.is_empty() && word.bytes().all(|b| b.is_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_is_away_is_told_from_one_that_is_wrong() {
        let mapped = |kind, text: &'static str| map_err(DriverError::new(kind, text));
        for (kind, text, reason) in [
            (ErrorKind::IO, "Connection reset", reason::STORE_UNAVAILABLE),
            (ErrorKind::Timeout, "Request timed out.", reason::STORE_UNAVAILABLE),
            (ErrorKind::Canceled, "Connection closed unexpectedly.", reason::STORE_UNAVAILABLE),
            (ErrorKind::Auth, "WRONGPASS invalid username-password pair", reason::STORE_UNAVAILABLE),
            (ErrorKind::Unknown, "LOADING Redis is loading the dataset in memory", reason::STORE_UNAVAILABLE),
            (ErrorKind::Unknown, "OOM command not allowed", reason::STORE_UNAVAILABLE),
            (ErrorKind::Unknown, "Client is not initialized.", reason::STORE_UNAVAILABLE),
            (ErrorKind::Backpressure, "Max in-flight commands reached.", reason::OVERLOADED),
            (ErrorKind::Unknown, "ERR user_script:1: boom", reason::INTERNAL),
            (ErrorKind::InvalidArgument, "WRONGTYPE Operation against a key", reason::INTERNAL),
            (ErrorKind::Parse, "Invalid integer string.", reason::INTERNAL),
        ] {
            let error = mapped(kind, text);
            assert!(error.is(reason), "{text}: {error}");
            assert!(!error.text().contains(text), "the server's words stay inside");
            assert_eq!(error.retry_delay().is_some(), error.is_transient());
        }
        assert!(is_unknown_script(&DriverError::new(ErrorKind::Unknown, "NOSCRIPT No matching script.")));
    }
}
