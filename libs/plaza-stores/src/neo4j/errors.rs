//! The one place where Neo4j's errors become ours.

use std::time::Duration;

use neo4rs::{Neo4jClientErrorKind, Neo4jError, Neo4jErrorKind, Row};
use plaza_core::{Error, Result, reason};
use serde::Deserialize;

const RETRY_AFTER: Duration = Duration::from_millis(200);

/// Why a call failed: what its caller may see, and whether trying again makes sense.
#[derive(Clone, Debug)]
pub struct Fault {
    kind: Kind,
    error: Error,
}

/// What happened, as far as it decides what to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// The server undid the transaction for a reason that passes, such as a deadlock.
    Transient,
    /// The connection was refused or cut.
    Lost,
    /// No answer in time.
    Silent,
    /// The server ended it for its time, waiting for a lock perhaps.
    Late,
    /// The server does not know the user or the password.
    Refused,
    /// The breaker is open, or a rule of ours says no: nothing was tried.
    Ours,
    /// A statement of ours is wrong, or the server is.
    Broken,
    /// It was told to commit, and whether it did is not known.
    Unknown,
}

impl Fault {
    /// No answer in time: the caller's deadline, or the limit of a single call.
    pub(super) fn silent(by_deadline: bool) -> Self {
        let error = if by_deadline { Error::new(reason::DEADLINE_EXCEEDED) } else { unavailable() };
        Self { kind: Kind::Silent, error }
    }

    /// The same failure, met while committing. Of an answer that makes no sense it is not known either what it means.
    pub(super) fn of_commit(self) -> Self {
        match self.kind {
            Kind::Lost | Kind::Silent | Kind::Broken => Self { kind: Kind::Unknown, ..self },
            _ => self,
        }
    }

    /// Whether the server was not reached or did not answer.
    pub(super) fn is_away(&self) -> bool {
        matches!(self.kind, Kind::Lost | Kind::Silent | Kind::Unknown)
    }

    /// Whether the server refuses the credentials.
    pub(super) fn is_refusal(&self) -> bool {
        self.kind == Kind::Refused
    }

    /// Whether another try may help after `tries`. A cut connection may be an old one of the pool, so it is worth one.
    #[must_use]
    pub fn may_retry(&self, tries: u32) -> bool {
        match self.kind {
            Kind::Transient => true,
            Kind::Lost => tries == 1,
            _ => false,
        }
    }

    /// What the caller may see.
    #[must_use]
    pub fn into_error(self) -> Error {
        self.error
    }

    /// Whether the transaction may have been committed all the same, now or a little later.
    #[must_use]
    pub fn is_unknown(&self) -> bool {
        self.kind == Kind::Unknown
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self { kind: Kind::Ours, error }
    }
}

impl From<neo4rs::Error> for Fault {
    fn from(error: neo4rs::Error) -> Self {
        use neo4rs::Error as E;
        match error {
            E::Neo4j(error) => of_server(&error),
            E::AuthenticationError(what) => {
                tracing::error!(what, "neo4j refuses the credentials");
                Self { kind: Kind::Refused, error: unavailable() }
            }
            E::IOError { .. }
            | E::ConnectionError
            | E::ConnectionTimedOut
            | E::IncompleteBoltExchange
            | E::ProtocolMismatch(_)
            | E::UnexpectedMessage(_)
            | E::Ignored(_)
            | E::RequestIgnoredError
            | E::ServerUnavailableError(_) => {
                tracing::debug!(%error, "neo4j connection lost");
                Self { kind: Kind::Lost, error: unavailable() }
            }
            other => broken(&other),
        }
    }
}

fn of_server(error: &Neo4jError) -> Fault {
    let code = error.code();
    let fault = |kind, error| Fault { kind, error };
    match error.kind() {
        // Locks that were waited for too long, and the server's own limit on transactions.
        _ if code.contains("TransactionTimedOut") || code.ends_with("LockClientStopped") => {
            fault(Kind::Late, Error::new(reason::DEADLINE_EXCEEDED))
        }
        Neo4jErrorKind::Transient | Neo4jErrorKind::Client(Neo4jClientErrorKind::TransactionTerminated) => {
            tracing::debug!(code, "neo4j undid a transaction");
            fault(Kind::Transient, unavailable())
        }
        // So it says while it starts.
        Neo4jErrorKind::Client(Neo4jClientErrorKind::FatalDiscovery) => fault(Kind::Transient, unavailable()),
        Neo4jErrorKind::Client(Neo4jClientErrorKind::Security(_)) => {
            tracing::error!(code, "neo4j refuses the credentials");
            fault(Kind::Refused, unavailable())
        }
        _ => fault(Kind::Broken, Error::internal(format!("neo4j: {code}: {}", error.message()))),
    }
}

fn broken(error: &dyn std::fmt::Display) -> Fault {
    Fault { kind: Kind::Broken, error: Error::internal(format!("neo4j: {error}")) }
}

fn unavailable() -> Error {
    Error::new(reason::STORE_UNAVAILABLE).retry_after(RETRY_AFTER)
}

/// A column of a row.
///
/// # Errors
/// Internal, inside, if there is no such column or its type is another.
pub fn get<'r, T: Deserialize<'r>>(row: &'r Row, column: &str) -> Result<T> {
    row.get(column).map_err(|e| Error::internal(format!("neo4j: column `{column}`: {e}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_connection_is_worth_one_more_try_unless_it_was_committing() {
        let lost = Fault::from(neo4rs::Error::ConnectionError);
        assert!(lost.is_away() && lost.may_retry(1) && !lost.may_retry(2));
        let unknown = lost.of_commit();
        assert!(unknown.is_unknown() && unknown.is_away() && !unknown.may_retry(1));
        assert!(unknown.into_error().is(reason::STORE_UNAVAILABLE));
    }

    #[test]
    fn refusals_and_broken_statements_are_not_tried_again() {
        let refused = Fault::from(neo4rs::Error::AuthenticationError("no".to_owned()));
        assert!(refused.is_refusal() && !refused.is_away() && !refused.may_retry(1));
        let broken = Fault::from(neo4rs::Error::ConversionError);
        assert!(!broken.is_away() && !broken.may_retry(1) && broken.of_commit().is_unknown());
        let ours = Fault::from(Error::new(reason::BLOCKED));
        assert!(!ours.may_retry(1) && ours.into_error().is(reason::BLOCKED));
    }

    #[test]
    fn the_deadline_and_a_silent_server_are_told_apart() {
        assert!(Fault::silent(true).into_error().is(reason::DEADLINE_EXCEEDED));
        let error = Fault::silent(false).into_error();
        assert!(error.is(reason::STORE_UNAVAILABLE) && error.retry_delay().is_some());
    }
}
