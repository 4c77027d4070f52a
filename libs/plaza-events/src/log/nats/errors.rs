//! The one place where the broker's errors become ours.

use std::fmt::Display;
use std::time::Duration;

use async_nats::jetstream::ErrorCode;
use plaza_core::{Error, Result, reason};

/// What a caller may see of a failure to do `what`; the rest goes to our log. Whatever it is, another try may help: the
/// broker is away, or a stream is missing, which is then made anew.
pub(super) fn unavailable(what: &'static str, error: impl Display) -> Error {
    tracing::warn!(what, %error, "event broker");
    Error::new(reason::STORE_UNAVAILABLE).retry_after(Duration::from_millis(200)).with("store", "nats")
}

/// Whether the server refused a publication since the subject's last message is not the one expected.
pub(super) fn is_wrong_last(code: ErrorCode) -> bool {
    [ErrorCode::STREAM_WRONG_LAST_SEQUENCE, ErrorCode::STREAM_WRONG_LAST_SEQUENCE_CONSTANT].contains(&code)
}

/// Turns the driver's results into ours, at the place where the call stands.
pub(super) trait NatsResultExt<T> {
    /// Maps the error by [`unavailable`].
    fn nats(self, what: &'static str) -> Result<T>;
}

impl<T, E: Display> NatsResultExt<T> for std::result::Result<T, E> {
    fn nats(self, what: &'static str) -> Result<T> {
        self.map_err(|error| unavailable(what, error))
    }
}
