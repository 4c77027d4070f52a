//! Who may see a post. [`sight`] decides it, and nothing else on the platform does.

use plaza_core::AccountId;

use super::Visibility;

/// How a viewer stands to an author, as far as it matters here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Relation {
    /// The viewer follows the author.
    pub follows: bool,
    /// One of the two blocks the other.
    pub blocked: bool,
}

/// What a viewer may see of an author's posts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sight {
    /// None of them.
    Nothing,
    /// The public ones.
    Public,
    /// All of them.
    Everything,
}

/// What `viewer` may see of `author`'s posts; `None` is nobody in particular. Authors see all of their own, a block in
/// either direction hides everything, followers see all, and everybody else sees what is public.
#[must_use]
pub fn sight(viewer: Option<AccountId>, author: AccountId, relation: Relation) -> Sight {
    match viewer {
        Some(viewer) if viewer == author => Sight::Everything,
        Some(_) if relation.blocked => Sight::Nothing,
        Some(_) if relation.follows => Sight::Everything,
        _ => Sight::Public,
    }
}

impl Visibility {
    /// Whether a post may be handed on to others than those its author wrote it for.
    #[must_use]
    pub fn is_shareable(self) -> bool {
        self == Self::Public
    }
}

impl Sight {
    /// Whether a post of this visibility is among what may be seen.
    #[must_use]
    pub fn shows(self, visibility: Visibility) -> bool {
        match self {
            Self::Nothing => false,
            Self::Public => visibility == Visibility::Public,
            Self::Everything => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AUTHOR: AccountId = AccountId(1);

    #[test]
    fn the_matrix_of_viewer_relation_and_visibility() {
        let none = Relation::default();
        let follows = Relation { follows: true, ..none };
        let blocked = Relation { blocked: true, ..none };
        let both = Relation { follows: true, blocked: true };
        // viewer, relation, sees public, sees followers
        for (viewer, relation, public, followers) in [
            (Some(AUTHOR), none, true, true),
            (Some(AUTHOR), both, true, true),
            (Some(AccountId(2)), none, true, false),
            (Some(AccountId(2)), follows, true, true),
            (Some(AccountId(2)), blocked, false, false),
            (Some(AccountId(2)), both, false, false),
            (None, none, true, false),
            (None, follows, true, false),
        ] {
            let sight = sight(viewer, AUTHOR, relation);
            let seen = (sight.shows(Visibility::Public), sight.shows(Visibility::Followers));
            assert_eq!(seen, (public, followers), "{viewer:?} {relation:?}");
        }
    }
}
