//! The one error type of handlers, stores and peers. `plaza-rpc` maps it to and from `google.rpc.Status`.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use crate::reason::{self, Reason};
use crate::validate::Violation;

/// A result whose error can go to a caller as it is.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The canonical codes that Plaza uses; the numbers are gRPC's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(i32)]
pub enum Code {
    /// The caller went away.
    Cancelled = 1,
    /// A failure that nobody classified; only ever read from a peer.
    Unknown = 2,
    /// The request itself is wrong, whatever the state of the system.
    InvalidArgument = 3,
    /// Time ran out; the call may or may not have had its effect.
    DeadlineExceeded = 4,
    /// No such thing, or none that the caller may see.
    NotFound = 5,
    /// What was to be created exists.
    AlreadyExists = 6,
    /// The caller is known and may not do this.
    PermissionDenied = 7,
    /// A quota or a bounded resource is used up.
    ResourceExhausted = 8,
    /// The state of the system forbids it; do not retry as it is.
    FailedPrecondition = 9,
    /// A clash with another call; retry from the start.
    Aborted = 10,
    /// Past the valid range.
    OutOfRange = 11,
    /// No such method.
    Unimplemented = 12,
    /// A broken invariant of ours.
    Internal = 13,
    /// A dependency is away; retry with back-off.
    Unavailable = 14,
    /// Stored data is lost or damaged.
    DataLoss = 15,
    /// No valid credentials.
    Unauthenticated = 16,
}

impl Code {
    /// The code for gRPC's number; `Unknown` for a number that has none.
    #[must_use]
    pub fn from_i32(code: i32) -> Self {
        use Code::*;
        const ALL: [Code; 16] = [
            Cancelled,
            Unknown,
            InvalidArgument,
            DeadlineExceeded,
            NotFound,
            AlreadyExists,
            PermissionDenied,
            ResourceExhausted,
            FailedPrecondition,
            Aborted,
            OutOfRange,
            Unimplemented,
            Internal,
            Unavailable,
            DataLoss,
            Unauthenticated,
        ];
        ALL.into_iter().find(|c| *c as i32 == code).unwrap_or(Unknown)
    }
}

/// What went wrong, for the caller: code, reason, message, and details.
#[derive(Clone)]
pub struct Error(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    code: Code,
    reason: Cow<'static, str>,
    message: Cow<'static, str>,
    metadata: Vec<(Cow<'static, str>, String)>,
    violations: Vec<Violation>,
    retry_after: Option<Duration>,
}

impl Error {
    /// An error with the reason's code and its standard message.
    #[must_use]
    pub fn new(reason: Reason) -> Self {
        Self::from_parts(reason.code, Cow::Borrowed(reason.name), Cow::Borrowed(reason.help))
    }

    /// An error as a peer sent it.
    #[must_use]
    pub fn from_parts(code: Code, reason: Cow<'static, str>, message: Cow<'static, str>) -> Self {
        let (metadata, violations, retry_after) = (Vec::new(), Vec::new(), None);
        Self(Box::new(Inner { code, reason, message, metadata, violations, retry_after }))
    }

    /// A request refused for its fields.
    #[must_use]
    pub fn invalid(violations: Vec<Violation>) -> Self {
        let mut error = Self::new(reason::INVALID_FIELDS);
        error.0.violations = violations;
        error
    }

    /// A request refused for one field.
    #[must_use]
    pub fn invalid_field(field: impl Into<String>, description: impl Into<String>) -> Self {
        Self::invalid(vec![Violation::new(field, description)])
    }

    /// A broken invariant of ours. `what` goes to the log, never to the caller.
    #[must_use]
    pub fn internal(what: impl fmt::Display) -> Self {
        Self::new(reason::INTERNAL).with("log", what.to_string())
    }

    /// Says more than the reason's standard message.
    #[must_use]
    pub fn message(mut self, message: impl Into<Cow<'static, str>>) -> Self {
        self.0.message = message.into();
        self
    }

    /// Adds a fact for programs: it becomes `ErrorInfo.metadata`.
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "callers pass literals and temporaries; a reference would be noise"
    )]
    pub fn with(mut self, key: impl Into<Cow<'static, str>>, value: impl ToString) -> Self {
        self.0.metadata.push((key.into(), value.to_string()));
        self
    }

    /// Names the request's field that is to blame.
    #[must_use]
    pub fn on_field(mut self, field: impl Into<String>) -> Self {
        let description = self.0.message.to_string();
        self.0.violations.push(Violation::new(field, description));
        self
    }

    /// Tells the caller that a retry after `after` may help.
    #[must_use]
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.0.retry_after = Some(after);
        self
    }

    /// The canonical code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The reason in UPPER_SNAKE_CASE, from the catalogue in [`crate::reason`].
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.0.reason
    }

    /// Whether this error has the given reason.
    #[must_use]
    pub fn is(&self, reason: Reason) -> bool {
        self.0.reason == reason.name
    }

    /// The sentence for people.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0.message
    }

    /// Facts for programs. Of an internal error `log` among them is for our log alone.
    #[must_use]
    pub fn metadata(&self) -> &[(Cow<'static, str>, String)] {
        &self.0.metadata
    }

    /// The fields to blame, if the request was refused for some.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.0.violations
    }

    /// After how long a retry may help, if it may.
    #[must_use]
    pub fn retry_delay(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Whether the same call may succeed later without anybody changing anything.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(
            self.0.code,
            Code::Unavailable | Code::DeadlineExceeded | Code::Aborted | Code::ResourceExhausted | Code::Cancelled
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0.reason, self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for Error {}
