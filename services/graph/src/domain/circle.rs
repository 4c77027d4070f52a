//! All edges of one account, in the form that answers questions about it fastest.

use plaza_core::AccountId;

use super::{Mute, Relation};

/// The accounts at the other ends of one kind of an account's edges, by themselves or with what an edge of this kind holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Side<T = i64> {
    /// All of them, by rising id.
    Whole(Box<[T]>),
    /// Too many to hold.
    Large,
}

impl<T> Side<T> {
    /// A side of these, in the order of rising ids; large if there are more than `limit`.
    #[must_use]
    pub fn new(ids: Vec<T>, limit: usize) -> Self {
        if ids.len() > limit { Self::Large } else { Self::Whole(ids.into_boxed_slice()) }
    }

    const fn is_large(&self) -> bool {
        matches!(self, Self::Large)
    }

    fn len(&self) -> usize {
        match self {
            Self::Whole(ids) => ids.len(),
            Self::Large => 0,
        }
    }
}

impl Side<(i64, Mute)> {
    /// What the edge to `id` holds; a large side knows none.
    fn find(&self, id: i64) -> Option<Mute> {
        match self {
            Self::Whole(edges) => edges.binary_search_by_key(&id, |(other, _)| *other).ok().map(|i| edges[i].1),
            Self::Large => None,
        }
    }
}

impl Side {
    /// Whether `id` is among them; a large side knows none.
    fn holds(&self, id: i64) -> bool {
        match self {
            Self::Whole(ids) => ids.binary_search(&id).is_ok(),
            Self::Large => false,
        }
    }
}

/// The sides of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Circle {
    /// Whom it follows.
    pub following: Side,
    /// Who follows it.
    pub followers: Side,
    /// Whom it blocks.
    pub blocking: Side,
    /// Who blocks it.
    pub blocked_by: Side,
    /// Whom it mutes and how, mutes that have run out among them.
    pub muting: Side<(i64, Mute)>,
    /// Whom it asked to be let follow.
    pub requested: Side,
    /// Who asked to follow it.
    pub requested_by: Side,
}

/// What an entry costs besides its ids: key, counters of the cache, headers of allocations.
const OVERHEAD: usize = 256;

impl Circle {
    fn sides(&self) -> [&Side; 6] {
        let Self { following, followers, blocking, blocked_by, requested, requested_by, .. } = self;
        [following, followers, blocking, blocked_by, requested, requested_by]
    }

    /// Whether all sides are whole, so that [`Circle::relation`] is right about everybody.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        !self.muting.is_large() && !self.sides().iter().any(|side| side.is_large())
    }

    /// How the account stands to `other`.
    #[must_use]
    pub fn relation(&self, other: AccountId) -> Relation {
        let id = other.get();
        Relation {
            following: self.following.holds(id),
            followed_by: self.followers.holds(id),
            blocking: self.blocking.holds(id),
            blocked_by: self.blocked_by.holds(id),
            muting: self.muting.find(id),
            requested: self.requested.holds(id),
            requested_by: self.requested_by.holds(id),
        }
    }

    /// About how many bytes it takes.
    #[must_use]
    pub fn weight(&self) -> u32 {
        let ids: usize = self.sides().iter().map(|side| side.len()).sum();
        let bytes = ids * size_of::<i64>() + self.muting.len() * size_of::<(i64, Mute)>();
        u32::try_from(OVERHEAD + bytes).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Scopes;

    #[test]
    fn a_circle_knows_its_relations_unless_a_side_is_large() {
        let side = |ids: &[i64]| Side::new(ids.to_vec(), 3);
        let mute = Mute { scopes: Scopes::POSTS, until: None };
        let circle = Circle {
            following: side(&[2, 5]),
            followers: side(&[5]),
            blocking: side(&[]),
            blocked_by: side(&[7]),
            muting: Side::new(vec![(7, mute)], 3),
            requested: side(&[8]),
            requested_by: side(&[]),
        };
        assert!(circle.is_whole());
        let both = Relation { following: true, followed_by: true, ..Relation::default() };
        assert_eq!(circle.relation(AccountId(5)), both);
        let seven = Relation { blocked_by: true, muting: Some(mute), ..Relation::default() };
        assert_eq!(circle.relation(AccountId(7)), seven);
        assert_eq!(circle.relation(AccountId(9)), Relation::default());
        assert_eq!(circle.weight(), 256 + 5 * 8 + 32);

        let large = Circle { followers: side(&[1, 2, 3, 4]), ..circle };
        assert!(!large.is_whole());
    }
}
