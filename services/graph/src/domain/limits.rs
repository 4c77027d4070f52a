//! How many of something an account may have.

use plaza_core::{Error, Result, reason};

/// The limits of one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many accounts it may follow.
    pub following: i64,
    /// How many requests of it may wait for an answer.
    pub requests: i64,
    /// How many accounts it may mute.
    pub mutes: i64,
    /// How many hashtags it may follow.
    pub hashtags: i64,
    /// How many words it may mute.
    pub words: i64,
    /// How many lists it may have.
    pub lists: i64,
    /// How many accounts may be on one of its lists.
    pub members: i64,
    /// How many dismissed accounts are remembered; the oldest make room.
    pub dismissed: i64,
}

impl Limits {
    /// No limits, for tests.
    pub const NONE: Self = Self {
        following: i64::MAX,
        requests: i64::MAX,
        mutes: i64::MAX,
        hashtags: i64::MAX,
        words: i64::MAX,
        lists: i64::MAX,
        members: i64::MAX,
        dismissed: i64::MAX,
    };
}

/// Refuses one more of something of which there are `count`.
///
/// # Errors
/// `FAILED_PRECONDITION`, reason `LIMIT_REACHED`, with the limit.
pub fn refuse_over(count: i64, limit: i64) -> Result<()> {
    if count < limit { Ok(()) } else { Err(Error::new(reason::LIMIT_REACHED).with("limit", limit)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_reached_and_not_passed() {
        assert!(refuse_over(1, 2).is_ok());
        let error = refuse_over(2, 2).unwrap_err();
        assert!(error.is(reason::LIMIT_REACHED));
        assert_eq!(error.metadata()[0], ("limit".into(), "2".to_owned()));
    }
}
