//! Mutes: what one account does not want to see of another.

use plaza_core::Timestamp;
use serde::{Deserialize, Serialize};

/// What a mute keeps away: one bit for each scope, as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scopes(i64);

impl Scopes {
    /// Posts of the account, its replies and quotes included.
    pub const POSTS: Self = Self(1);
    /// Posts of others that the account reposts.
    pub const REPOSTS: Self = Self(2);
    /// Notifications of what the account does.
    pub const NOTIFICATIONS: Self = Self(4);
    /// Everything.
    pub const ALL: Self = Self(7);

    /// Those of `named`; everything if none is named.
    #[must_use]
    pub fn of(named: &[Self]) -> Self {
        let bits = named.iter().fold(0, |bits, scope| bits | scope.0);
        if bits == 0 { Self::ALL } else { Self(bits) }
    }

    /// Scopes as they were stored.
    #[must_use]
    pub const fn from_bits(bits: i64) -> Self {
        Self(bits)
    }

    /// As they are stored.
    #[must_use]
    pub const fn bits(self) -> i64 {
        self.0
    }

    /// Whether all of `other` is in them.
    #[must_use]
    pub const fn hold(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// How one account mutes another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mute {
    /// What it keeps away.
    pub scopes: Scopes,
    /// When it runs out; `None` if it stands until it is lifted.
    pub until: Option<Timestamp>,
}

impl Mute {
    /// Whether it has not run out.
    #[must_use]
    pub fn stands(self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| until > now)
    }
}

/// An account that another mutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Muted {
    /// The muted account, and since when it is muted this way.
    pub edge: super::Edge,
    /// How it is muted.
    pub mute: Mute,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mute_without_scopes_keeps_everything_away() {
        assert_eq!(Scopes::of(&[]), Scopes::ALL);
        let some = Scopes::of(&[Scopes::POSTS, Scopes::NOTIFICATIONS]);
        assert!(some.hold(Scopes::POSTS) && some.hold(Scopes::NOTIFICATIONS) && !some.hold(Scopes::REPOSTS));
        assert_eq!(Scopes::from_bits(some.bits()), some);
    }

    #[test]
    fn a_mute_runs_out_at_its_end() {
        let mute = Mute { scopes: Scopes::ALL, until: Some(Timestamp(10)) };
        assert!(mute.stands(Timestamp(9)) && !mute.stands(Timestamp(10)));
        assert!(Mute { until: None, ..mute }.stands(Timestamp(i64::MAX)));
    }
}
