//! The one place where Postgres' errors become ours.

use std::time::Duration;

use plaza_core::{Error, Result, reason};
use sqlx::Error as Sql;
use sqlx::error::DatabaseError;

/// After how long a retry may help once the server is away.
pub(super) const RETRY_AFTER: Duration = Duration::from_millis(200);

/// What a caller may see of Postgres' error; the rest goes to the log.
#[must_use]
#[expect(clippy::needless_pass_by_value, reason = "so that it can stand in `Result::map_err`")]
pub fn map_err(error: Sql) -> Error {
    match &error {
        Sql::Database(cause) => of_server(&**cause),
        Sql::Io(_) | Sql::Tls(_) | Sql::Protocol(_) | Sql::WorkerCrashed | Sql::BeginFailed => {
            tracing::warn!(%error, "connection to postgres lost");
            unavailable()
        }
        _ => Error::internal(format!("postgres: {error}")),
    }
}

/// By SQLSTATE; see appendix A of Postgres' manual.
fn of_server(cause: &dyn DatabaseError) -> Error {
    let code = cause.code().unwrap_or_default();
    let message = cause.message();
    match &*code {
        // query_canceled: by the statement timeout, which is the call's deadline.
        "57014" => Error::new(reason::DEADLINE_EXCEEDED),
        // serialization_failure, deadlock_detected, lock_not_available.
        "40001" | "40P01" | "55P03" => Error::new(reason::WRITE_CONFLICT).retry_after(Duration::from_millis(20)),
        "53100" => {
            tracing::error!(message, "disk full");
            unavailable().message("the store's disk is full: free space or grow the volume; reads go on")
        }
        // read_only_sql_transaction: this server is a replica now. 25P03: the transaction waited too long for us.
        "25006" | "25P03" => lost(&code, message),
        // Classes: connection exception, insufficient resources, operator intervention, system error.
        _ if ["08", "53", "57", "58"].iter().any(|class| code.starts_with(class)) => lost(&code, message),
        _ => Error::internal(format!("postgres {code}: {message} ({})", cause.constraint().unwrap_or("no constraint"))),
    }
}

fn lost(code: &str, message: &str) -> Error {
    tracing::warn!(code, message, "postgres is not available");
    unavailable()
}

/// The error while the server is away.
pub(super) fn unavailable() -> Error {
    Error::new(reason::STORE_UNAVAILABLE).retry_after(RETRY_AFTER)
}

/// The constraint or unique index that a row would have broken by a value that exists already; none for other errors.
#[must_use]
pub fn violated(error: &Sql) -> Option<&str> {
    let Sql::Database(cause) = error else { return None };
    if cause.is_unique_violation() { cause.constraint() } else { None }
}

/// Turns Postgres' results into ours, at the place where the query stands.
pub trait PgResultExt<T> {
    /// Maps the error by [`map_err`].
    ///
    /// # Errors
    /// What [`map_err`] makes of it.
    fn sql(self) -> Result<T>;

    /// As [`PgResultExt::sql`], but a second row with the same value under the unique `constraint` becomes `clash`. The
    /// transaction is lost in either case.
    ///
    /// # Errors
    /// `clash()`, or what [`map_err`] makes of it.
    fn unique(self, constraint: &str, clash: impl FnOnce() -> Error) -> Result<T>;
}

impl<T> PgResultExt<T> for sqlx::Result<T> {
    fn sql(self) -> Result<T> {
        self.map_err(map_err)
    }

    fn unique(self, constraint: &str, clash: impl FnOnce() -> Error) -> Result<T> {
        self.map_err(|e| if violated(&e) == Some(constraint) { clash() } else { map_err(e) })
    }
}
