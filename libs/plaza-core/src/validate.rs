//! Field checks: what a request's generated `Check` and a domain rule report.

/// One field that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field, such as `post_ids[3]` or `account.display_name`.
    pub field: String,
    /// What is wrong and what would be right.
    pub description: String,
}

impl Violation {
    /// A violation of `field`.
    pub fn new(field: impl Into<String>, description: impl Into<String>) -> Self {
        Self { field: field.into(), description: description.into() }
    }
}

/// Collected violations, bounded: a request with ten thousand bad items reports the first few.
#[derive(Debug, Default)]
pub struct Violations {
    found: Vec<Violation>,
}

impl Violations {
    /// At most this many are reported.
    pub const MAX: usize = 16;

    /// Whether no more need be looked for.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.found.len() >= Self::MAX
    }

    /// Records one, unless enough are.
    pub fn push(&mut self, field: impl Into<String>, description: impl Into<String>) {
        if !self.is_full() {
            self.found.push(Violation::new(field, description));
        }
    }

    /// `Ok` if there are none, else the error for the caller.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT`, reason `INVALID_FIELDS`, with the violations.
    pub fn into_result(self) -> crate::Result<()> {
        if self.found.is_empty() { Ok(()) } else { Err(crate::Error::invalid(self.found)) }
    }
}

/// A message that can check its own fields by the rules of its `.proto`.
pub trait Check {
    /// Reports each broken rule, the field paths prefixed with `at`.
    fn check(&self, at: &str, out: &mut Violations);
}
