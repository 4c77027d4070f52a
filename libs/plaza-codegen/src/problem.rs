//! What is wrong with the `.proto` files.

use std::fmt;

/// Everything that is wrong, in one list.
pub struct Problems(Vec<String>);

impl Problems {
    pub(crate) fn new() -> Self {
        Self(Vec::new())
    }

    pub(crate) fn add(&mut self, place: impl fmt::Display, what: impl fmt::Display) {
        self.0.push(format!("{place}: {what}"));
    }

    pub(crate) fn one(what: impl fmt::Display) -> Self {
        Self(vec![what.to_string()])
    }

    pub(crate) fn into_result(mut self) -> Result<(), Self> {
        self.0.sort();
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "the .proto files do not fit ({}):", self.0.len())?;
        for problem in &self.0 {
            writeln!(f, "  {problem}")?;
        }
        Ok(())
    }
}

/// A build script's `main` shows its error by `Debug`.
impl fmt::Debug for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Problems {}
