//! Why a command failed, for the person who gave it.

use std::fmt;

use crate::config::SettingsError;

/// The exit status of a command that failed.
pub const FAILED: u8 = 1;
/// The exit status for wrong settings, as for wrong flags.
pub const WRONG_SETTINGS: u8 = 2;
/// The exit status of an audit that found drift.
pub const DRIFT: u8 = 3;

/// A command's result.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

/// Why a command failed and what to do; printed as it is.
#[derive(Debug)]
pub struct Failure {
    text: String,
    status: u8,
}

impl Failure {
    /// A failure that says what went wrong and what to do.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), status: FAILED }
    }

    /// No platform where one was to be.
    #[must_use]
    pub fn nobody_at(target: &str) -> Self {
        Self::new(format!("nobody answers at {target}: is the platform running? Name it with --target"))
    }

    /// With another exit status.
    #[must_use]
    pub fn with_status(mut self, status: u8) -> Self {
        self.status = status;
        self
    }

    /// The process's exit status.
    #[must_use]
    pub fn status(&self) -> u8 {
        self.status
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Failure {}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Self {
        Self::new(error.to_string()).with_status(WRONG_SETTINGS)
    }
}

impl From<plaza_core::Error> for Failure {
    fn from(error: plaza_core::Error) -> Self {
        let mut text = error.to_string();
        for violation in error.violations() {
            text.push_str(&format!("\n  {}: {}", violation.field, violation.description));
        }
        // Here the operator reads, who may see what a caller may not.
        for (key, value) in error.metadata() {
            text.push_str(&format!("\n  {key}: {value}"));
        }
        Self::new(text)
    }
}

impl From<tonic::Status> for Failure {
    fn from(status: tonic::Status) -> Self {
        Self::new(format!("{:?}: {}", status.code(), status.message()))
    }
}
