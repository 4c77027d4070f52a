//! How far an export has come, and how a caller brings that back. A caller who changes it gets at nothing: whose account
//! it is stands in the request, and the services bind their tokens to it.

use plaza_core::{Error, Result, reason};

/// Where an export goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// Which of the services, from 0.
    pub(crate) holder: usize,
    /// How many lines there were before.
    pub(crate) records: i64,
    /// What the service answered last.
    pub(crate) page_token: String,
}

impl Place {
    /// The place that a token tells; the beginning for an empty one.
    ///
    /// # Errors
    /// `PAGE_TOKEN_INVALID` on `resume_token`.
    pub(crate) fn parse(token: &str, holders: usize) -> Result<Self> {
        if token.is_empty() {
            return Ok(Self::default());
        }
        Self::read(token).filter(|place| place.holder < holders && place.records >= 0).ok_or_else(invalid)
    }

    fn read(token: &str) -> Option<Self> {
        let mut parts = token.splitn(3, '.');
        let (holder, records) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
        Some(Self { holder, records, page_token: parts.next()?.to_owned() })
    }

    /// The token of this place.
    pub(crate) fn token(&self) -> String {
        format!("{}.{}.{}", self.holder, self.records, self.page_token)
    }
}

/// What a token is answered that no export gave.
pub(crate) fn invalid() -> Error {
    Error::new(reason::PAGE_TOKEN_INVALID).on_field("resume_token")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_comes_back_as_it_was() {
        let place = Place { holder: 2, records: 1_234, page_token: "a-b_c.d".to_owned() };
        assert_eq!(Place::parse(&place.token(), 3).unwrap(), place);
        assert_eq!(Place::parse("", 3).unwrap(), Place::default());
        for bad in ["x", "1", "1.2", "-1.0.", "3.0.", "0.-1.", "1.x.", "0.99999999999999999999.", "..", " 1.0."] {
            let error = Place::parse(bad, 3).unwrap_err();
            assert!(error.is(reason::PAGE_TOKEN_INVALID) && error.violations()[0].field == "resume_token", "{bad}");
        }
    }
}
