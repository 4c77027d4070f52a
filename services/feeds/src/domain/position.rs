//! How far an account has read.

use plaza_core::{AccountId, Error, PostId, Result, Timestamp};
use serde::{Deserialize, Serialize};

/// A place is told by a clock, and may come from a machine whose clock is ahead.
const AHEAD_MS: i64 = 60_000;

/// A feed that has a read position of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FeedKind {
    /// The home feed.
    Home,
    /// The home feed of mutuals alone.
    Mutuals,
}

impl FeedKind {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Home, Self::Mutuals];

    /// Its number in stores.
    #[must_use]
    pub const fn number(self) -> i16 {
        match self {
            Self::Home => 1,
            Self::Mutuals => 2,
        }
    }
}

/// How far an account has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadPosition {
    /// The newest place that was read.
    pub place: PostId,
    /// When the position was moved last.
    pub at: Timestamp,
}

/// Says how far an account has read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadTo {
    /// Who has read.
    pub account: AccountId,
    /// In which feed.
    pub feed: FeedKind,
    /// The newest place that was read.
    pub place: PostId,
    /// Whether the position moves back as well.
    pub force: bool,
    /// The time now.
    pub at: Timestamp,
}

impl ReadTo {
    /// Refuses places that nothing can stand at yet: a position there would stay until it is forced back.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` on `place`.
    pub fn check(&self) -> Result<()> {
        if self.place.time() > self.at.plus_ms(AHEAD_MS) {
            return Err(Error::invalid_field("place", "is still to come; say one that was shown"));
        }
        Ok(())
    }

    /// Where the position is afterwards. What does not move it leaves its time alone.
    #[must_use]
    pub fn moves(&self, from: Option<ReadPosition>) -> ReadPosition {
        let stays = |from: &ReadPosition| if self.force { self.place == from.place } else { self.place <= from.place };
        from.filter(stays).unwrap_or(ReadPosition { place: self.place, at: self.at })
    }
}

#[cfg(test)]
mod tests {
    use plaza_core::id;

    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    #[test]
    fn a_place_that_is_still_to_come_is_refused() {
        let to = |ms| ReadTo {
            account: AccountId(1),
            feed: FeedKind::Home,
            place: PostId(id::first_at(NOW.plus_ms(ms))),
            force: true,
            at: NOW,
        };
        to(AHEAD_MS).check().unwrap();
        assert_eq!(to(AHEAD_MS + 1).check().unwrap_err().violations()[0].field, "place");
        assert!(ReadTo { place: PostId(i64::MAX), ..to(0) }.check().is_err());
    }
}
