//! How two accounts stand to each other.

use plaza_core::{AccountId, Error, Result, Timestamp, reason};
use serde::{Deserialize, Serialize};

use super::Mute;

/// How one account, the viewer, stands to another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relation {
    /// The viewer follows it.
    pub following: bool,
    /// It follows the viewer.
    pub followed_by: bool,
    /// The viewer blocks it.
    pub blocking: bool,
    /// It blocks the viewer.
    pub blocked_by: bool,
    /// How the viewer mutes it; see [`Relation::at`].
    #[serde(default)]
    pub muting: Option<Mute>,
    /// The viewer asked to follow it.
    #[serde(default)]
    pub requested: bool,
    /// It asked to follow the viewer.
    #[serde(default)]
    pub requested_by: bool,
}

impl Relation {
    /// The relation as it stands at `now`: without a mute that has run out.
    #[must_use]
    pub fn at(self, now: Timestamp) -> Self {
        Self { muting: self.muting.filter(|mute| mute.stands(now)), ..self }
    }

    /// Whether a block stands between the two, whoever set it.
    #[must_use]
    pub const fn is_blocked(self) -> bool {
        self.blocking || self.blocked_by
    }

    /// The relation as the viewer may know it: who is blocked is not told so.
    #[must_use]
    pub const fn as_told_to_viewer(self) -> Self {
        Self { blocked_by: false, ..self }
    }
}

/// Which end of its follows an account stands at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Those who follow it.
    Followers,
    /// Those whom it follows.
    Following,
}

/// One follow, seen from one of its ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The account at the other end.
    pub other: AccountId,
    /// Since when.
    pub at: Timestamp,
}

/// Where an edge stands in a list that is ordered newest first; of one millisecond, the higher id comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct EdgeKey {
    /// Since when the follow stands.
    pub at: Timestamp,
    /// The account at the other end.
    pub other: AccountId,
}

impl EdgeKey {
    /// Before every edge: where the first page starts.
    pub const FIRST: Self = Self { at: Timestamp(i64::MAX), other: AccountId(i64::MAX) };
}

impl Edge {
    /// Its place in a list.
    #[must_use]
    pub const fn key(self) -> EdgeKey {
        EdgeKey { at: self.at, other: self.other }
    }
}

/// How many follows an account has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// How many follow it.
    pub followers: i64,
    /// How many it follows.
    pub following: i64,
}

/// Nobody follows or blocks themselves.
///
/// # Errors
/// `INVALID_ARGUMENT`, reason `SELF_RELATION`, field `account_id`, if the two are one.
pub fn refuse_self(actor: AccountId, target: AccountId) -> Result<()> {
    if actor == target { Err(Error::new(reason::SELF_RELATION).on_field("account_id")) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blocked_viewer_is_not_told() {
        let relation = Relation { blocked_by: true, followed_by: true, ..Relation::default() };
        assert!(relation.is_blocked());
        assert_eq!(relation.as_told_to_viewer(), Relation { followed_by: true, ..Relation::default() });
    }

    #[test]
    fn newer_edges_come_first() {
        let key = |at, other| EdgeKey { at: Timestamp(at), other: AccountId(other) };
        let mut keys = vec![key(1, 9), key(2, 3), key(2, 7)];
        keys.sort_by(|a, b| b.cmp(a));
        assert_eq!(keys, [key(2, 7), key(2, 3), key(1, 9)]);
        assert!(keys.iter().all(|k| *k < EdgeKey::FIRST));
    }

    #[test]
    fn nobody_relates_to_themselves() {
        let error = refuse_self(AccountId(1), AccountId(1)).unwrap_err();
        assert!(error.is(reason::SELF_RELATION));
        assert_eq!(error.violations()[0].field, "account_id");
        assert!(refuse_self(AccountId(1), AccountId(2)).is_ok());
    }
}
