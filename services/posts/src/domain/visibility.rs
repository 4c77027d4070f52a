//! Who may see a post. [`sight`] and [`Sight::shows`] decide it, and nothing else on the platform does.

use plaza_core::AccountId;

use super::Visibility;

/// How a viewer stands to an author, as far as it matters here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Relation {
    /// The viewer follows the author.
    pub follows: bool,
    /// The author follows the viewer.
    pub followed_by: bool,
    /// One of the two blocks the other.
    pub blocked: bool,
}

/// What a viewer may see of an author's posts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sight {
    /// None of them.
    Nothing,
    /// Those that mention the viewer.
    Mentions,
    /// Those, and the public and unlisted ones.
    Public,
    /// Those, and the followers' ones.
    Followers,
    /// All of them.
    Everything,
}

/// How an author's account stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// Everybody may read it.
    #[default]
    Open,
    /// Its posts are for its followers.
    Protected,
    /// Deleted, deactivated or about to be deleted: nobody else reads anything of it.
    Gone,
}

/// What `viewer` may see of `author`'s posts; `None` is nobody in particular. Authors see all of their own, of one who is
/// gone nobody else sees anything, a block in either direction hides everything, followers see what is for them, and
/// everybody else sees what is public, unless the author is protected.
#[must_use]
pub fn sight(viewer: Option<AccountId>, author: AccountId, relation: Relation, standing: Standing) -> Sight {
    match viewer {
        Some(viewer) if viewer == author => Sight::Everything,
        _ if standing == Standing::Gone => Sight::Nothing,
        Some(_) if relation.blocked => Sight::Nothing,
        Some(_) if relation.follows => Sight::Followers,
        _ if standing == Standing::Protected => Sight::Mentions,
        _ => Sight::Public,
    }
}

impl Visibility {
    /// Whether a post may be handed on to others than those its author wrote it for.
    #[must_use]
    pub const fn is_shareable(self) -> bool {
        matches!(self, Self::Public | Self::Unlisted)
    }
}

impl Sight {
    /// Whether a post of this visibility, which mentions the viewer or not, is among what may be seen.
    #[must_use]
    pub fn shows(self, visibility: Visibility, mentioned: bool) -> bool {
        let needed = match visibility {
            Visibility::Public | Visibility::Unlisted => Self::Public,
            Visibility::Followers => Self::Followers,
            Visibility::Mentioned => Self::Everything,
        };
        self >= needed || (mentioned && self >= Self::Mentions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AUTHOR: AccountId = AccountId(1);
    const OTHER: Option<AccountId> = Some(AccountId(2));

    /// What is seen of posts that mention nobody, and of those that mention the viewer: public, unlisted, followers,
    /// mentioned.
    fn seen(sight: Sight) -> [[bool; 4]; 2] {
        let all = [Visibility::Public, Visibility::Unlisted, Visibility::Followers, Visibility::Mentioned];
        [false, true].map(|mentioned| all.map(|visibility| sight.shows(visibility, mentioned)))
    }

    #[test]
    fn the_matrix_of_viewer_relation_and_visibility() {
        let none = Relation::default();
        let follows = Relation { follows: true, ..none };
        let followed = Relation { followed_by: true, ..none };
        let blocked = Relation { blocked: true, ..none };
        let both = Relation { follows: true, blocked: true, ..none };
        let (all, nothing, directed) = ([[true; 4]; 2], [[false; 4]; 2], [[false; 4], [true; 4]]);
        let public = [[true, true, false, false], [true; 4]];
        let for_followers = [[true, true, true, false], [true; 4]];
        // viewer, relation, what is seen of an author who is not protected, and of one who is
        for (viewer, relation, open, protected) in [
            (Some(AUTHOR), none, all, all),
            (Some(AUTHOR), both, all, all),
            (OTHER, none, public, directed),
            (OTHER, follows, for_followers, for_followers),
            (OTHER, followed, public, directed),
            (OTHER, blocked, nothing, nothing),
            (OTHER, both, nothing, nothing),
            (None, none, public, directed),
            (None, follows, public, directed),
        ] {
            let gone = if viewer == Some(AUTHOR) { all } else { nothing };
            for (standing, expected) in
                [(Standing::Open, open), (Standing::Protected, protected), (Standing::Gone, gone)]
            {
                let seen = seen(sight(viewer, AUTHOR, relation, standing));
                assert_eq!(seen, expected, "{viewer:?} {relation:?} {standing:?}");
            }
        }
    }
}
