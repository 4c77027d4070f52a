//! All edges of one account, in the form that answers questions about it fastest.

use plaza_core::AccountId;

use super::Relation;

/// The accounts at the other ends of one kind of an account's edges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Side {
    /// All of them, by rising id.
    Whole(Box<[i64]>),
    /// Too many to hold.
    Large,
}

impl Side {
    /// A side of these ids, in rising order; large if there are more than `limit`.
    #[must_use]
    pub fn new(ids: Vec<i64>, limit: usize) -> Self {
        if ids.len() > limit { Self::Large } else { Self::Whole(ids.into_boxed_slice()) }
    }

    /// Whether `id` is among them; a large side knows none.
    fn holds(&self, id: i64) -> bool {
        match self {
            Self::Whole(ids) => ids.binary_search(&id).is_ok(),
            Self::Large => false,
        }
    }

    fn len(&self) -> usize {
        match self {
            Self::Whole(ids) => ids.len(),
            Self::Large => 0,
        }
    }
}

/// The four sides of an account.
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
}

/// What an entry costs besides its ids: key, counters of the cache, headers of allocations.
const OVERHEAD: usize = 256;

impl Circle {
    fn sides(&self) -> [&Side; 4] {
        [&self.following, &self.followers, &self.blocking, &self.blocked_by]
    }

    /// Whether all sides are whole, so that [`Circle::relation`] is right about everybody.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.sides().iter().all(|side| !matches!(side, Side::Large))
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
        }
    }

    /// About how many bytes it takes.
    #[must_use]
    pub fn weight(&self) -> u32 {
        let ids: usize = self.sides().iter().map(|side| side.len()).sum();
        u32::try_from(OVERHEAD + ids * size_of::<i64>()).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_circle_knows_its_relations_unless_a_side_is_large() {
        let side = |ids: &[i64]| Side::new(ids.to_vec(), 3);
        let circle =
            Circle { following: side(&[2, 5]), followers: side(&[5]), blocking: side(&[]), blocked_by: side(&[7]) };
        assert!(circle.is_whole());
        let both = Relation { following: true, followed_by: true, ..Relation::default() };
        assert_eq!(circle.relation(AccountId(5)), both);
        assert!(circle.relation(AccountId(7)).blocked_by);
        assert_eq!(circle.relation(AccountId(9)), Relation::default());
        assert_eq!(circle.weight(), 256 + 4 * 8);

        let large = Circle { followers: side(&[1, 2, 3, 4]), ..circle };
        assert!(!large.is_whole());
    }
}
