//! The one place where SQLite's errors become ours.

use std::time::Duration;

use plaza_core::{Error, Result, reason};
use rusqlite::ErrorCode;
use rusqlite::ffi;

/// What a caller may see of SQLite's error; the rest goes to the log.
#[must_use]
#[expect(clippy::needless_pass_by_value, reason = "so that it can stand in `Result::map_err`")]
pub fn map_err(error: rusqlite::Error) -> Error {
    let unavailable = || Error::new(reason::STORE_UNAVAILABLE).retry_after(Duration::from_millis(200));
    match error.sqlite_error_code() {
        Some(ErrorCode::OperationInterrupted) => Error::new(reason::DEADLINE_EXCEEDED),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            tracing::warn!(%error, "database busy");
            unavailable()
        }
        Some(ErrorCode::DiskFull) => {
            tracing::error!(%error, "disk full");
            unavailable().message("the store's disk is full: free space or grow the volume; reads go on")
        }
        Some(ErrorCode::CannotOpen | ErrorCode::SystemIoFailure | ErrorCode::ReadOnly | ErrorCode::OutOfMemory) => {
            tracing::error!(%error, "database file not usable");
            unavailable()
        }
        _ => Error::internal(format!("sqlite: {error}")),
    }
}

/// Whether `error` says that a row with the same value exists in `column`, written `table.column`. Where the key has
/// several columns, any of them names it; an index over an expression is named by the index's name.
#[must_use]
pub fn is_unique_violation(error: &rusqlite::Error, column: &str) -> bool {
    let rusqlite::Error::SqliteFailure(cause, Some(message)) = error else { return false };
    let unique = [ffi::SQLITE_CONSTRAINT_UNIQUE, ffi::SQLITE_CONSTRAINT_PRIMARYKEY, ffi::SQLITE_CONSTRAINT_ROWID];
    unique.contains(&cause.extended_code)
        && message.split_once("failed: ").is_some_and(|(_, names)| {
            names
                .split(", ")
                .any(|n| n == column || n.strip_prefix("index ").is_some_and(|i| i.trim_matches('\'') == column))
        })
}

/// Turns SQLite's results into ours, at the place where the query stands.
pub trait SqlResultExt<T> {
    /// Maps the error by [`map_err`].
    ///
    /// # Errors
    /// What [`map_err`] makes of it.
    fn sql(self) -> Result<T>;

    /// As [`SqlResultExt::sql`], but a second row with the same value in `column` (`table.column`) becomes `clash`.
    ///
    /// # Errors
    /// `clash()`, or what [`map_err`] makes of it.
    fn unique(self, column: &str, clash: impl FnOnce() -> Error) -> Result<T>;
}

impl<T> SqlResultExt<T> for rusqlite::Result<T> {
    fn sql(self) -> Result<T> {
        self.map_err(map_err)
    }

    fn unique(self, column: &str, clash: impl FnOnce() -> Error) -> Result<T> {
        self.map_err(|e| if is_unique_violation(&e, column) { clash() } else { map_err(e) })
    }
}
