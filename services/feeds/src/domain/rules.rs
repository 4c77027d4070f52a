//! Which entries a feed shows, of posts that its reader may see.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use plaza_core::{AccountId, PostId};
use plaza_proto::graph::v1::Relationship;
use plaza_proto::posts::v1::Post;

use super::{Entry, Taste};

/// How a reader stands to an account, as far as feeds care.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Standing {
    /// The reader follows it.
    pub(crate) follows: bool,
    /// It follows the reader.
    pub(crate) followed_by: bool,
    /// Either blocks the other.
    pub(crate) apart: bool,
    /// The reader does not want to see what it posts.
    pub(crate) posts_muted: bool,
    /// The reader does not want to see what it reposts.
    pub(crate) reposts_muted: bool,
}

impl Standing {
    /// As graph tells it; a mute that has run out it does not tell.
    pub(crate) fn of(relationship: &Relationship) -> Self {
        let scopes = relationship.muting.and_then(|muting| muting.scopes).unwrap_or_default();
        Self {
            follows: relationship.following,
            followed_by: relationship.followed_by,
            apart: relationship.blocking || relationship.blocked_by,
            posts_muted: scopes.posts,
            reposts_muted: scopes.reposts,
        }
    }

    /// When it is only known whether the reader follows the account.
    pub(crate) fn known(follows: bool) -> Self {
        Self { follows, ..Self::default() }
    }
}

/// How a reader, if it is known who that is, stands to the accounts that matter.
pub(crate) struct Standings {
    reader: Option<AccountId>,
    to: HashMap<AccountId, Standing>,
}

impl Standings {
    pub(crate) fn new(reader: Option<AccountId>, to: impl Iterator<Item = (AccountId, Standing)>) -> Self {
        Self { reader, to: to.collect() }
    }

    /// Of somebody who stands to nobody, such as nobody that is known.
    pub(crate) fn of_nobody() -> Self {
        Self::new(None, std::iter::empty())
    }

    /// The reader follows themself.
    fn to(&self, account: AccountId) -> Standing {
        if self.is_own(account) {
            return Standing::known(true);
        }
        self.to.get(&account).copied().unwrap_or_default()
    }

    /// Whether the reader follows the account.
    pub(crate) fn follows(&self, account: AccountId) -> bool {
        self.to(account).follows
    }

    /// Whether the account follows the reader.
    pub(crate) fn follows_back(&self, account: AccountId) -> bool {
        self.to(account).followed_by
    }

    fn is_own(&self, account: AccountId) -> bool {
        self.reader == Some(account)
    }

    /// Whether no block and no mute keeps what the entry brings from the reader.
    fn welcome(&self, entry: &Entry, post: &Post) -> bool {
        let by = self.to(entry.by);
        if by.apart || !entry.is_repost() {
            return !by.apart && !by.posts_muted;
        }
        let author = self.to(AccountId(post.author_id));
        !by.reposts_muted && !author.posts_muted && !author.apart
    }
}

/// The rules of a feed.
pub(crate) struct Rules {
    pub(crate) standings: Standings,
    /// Who wrote what posts reply to, where the reader may see that.
    pub(crate) parents: HashMap<PostId, AccountId>,
    pub(crate) taste: Taste,
    pub(crate) of: Of,
}

/// What is special to the rules of each kind of feed.
pub(crate) enum Of {
    Home {
        /// Whether it is of those only who follow the reader back.
        mutuals: bool,
    },
    /// Of what is listed under hashtags.
    Hashtags,
    List {
        /// By rising id.
        members: Arc<[AccountId]>,
        /// Who lets everybody see what they repost, of those whom the reader does not follow.
        open: HashSet<AccountId>,
    },
    User {
        /// Whether the reader may see what the account reposted.
        reposts: bool,
    },
}

impl Rules {
    /// Whether the feed shows the entry, whose post the reader may see.
    pub(crate) fn admit(&self, entry: &Entry, post: &Post) -> bool {
        let (standings, by) = (&self.standings, entry.by);
        match &self.of {
            Of::User { reposts } => *reposts || !entry.is_repost(),
            _ if standings.is_own(by) => true,
            _ if !standings.welcome(entry, post) => false,
            _ if !standings.is_own(AccountId(post.author_id)) && self.taste.spares(post) => false,
            Of::Hashtags => true,
            Of::Home { mutuals } => {
                let standing = standings.to(by);
                let counts = standing.follows && (!mutuals || standing.followed_by);
                let known = |parent| standings.follows(parent);
                counts && !self.taste.keeps_from_home(by) && self.answers_known(entry, post, known)
            }
            Of::List { members, open } => {
                let told = !entry.is_repost() || standings.follows(by) || open.contains(&by);
                let known = |parent| standings.is_own(parent) || members.binary_search(&parent).is_ok();
                told && self.answers_known(entry, post, known)
            }
        }
    }

    /// Whether the post, if it replies to another in its own place, replies to somebody who is known, or to its author.
    fn answers_known(&self, entry: &Entry, post: &Post, known: impl Fn(AccountId) -> bool) -> bool {
        let parent = self.parents.get(&PostId(post.reply_to_id));
        entry.is_repost() || post.reply_to_id == 0 || parent.is_some_and(|parent| *parent == entry.by || known(*parent))
    }
}

#[cfg(test)]
mod tests {
    use plaza_proto::graph::v1::{MuteScopes, Muting};

    use super::*;

    const READER: AccountId = AccountId(1);
    const OTHER: AccountId = AccountId(2);
    const THIRD: AccountId = AccountId(3);

    fn post(author: AccountId, reply_to_id: i64) -> Post {
        Post { post_id: 10, author_id: author.0, reply_to_id, ..Post::default() }
    }

    fn shows(other: Standing, third: Standing, entry: Entry, post: &Post, parent: Option<AccountId>) -> bool {
        rules(other, third, post, parent, Of::Home { mutuals: false }).admit(&entry, post)
    }

    fn rules(other: Standing, third: Standing, post: &Post, parent: Option<AccountId>, of: Of) -> Rules {
        let standings = Standings::new(Some(READER), [(OTHER, other), (THIRD, third)].into_iter());
        let parents = parent.map(|parent| (PostId(post.reply_to_id), parent)).into_iter().collect();
        Rules { standings, parents, taste: Taste::of_nobody(), of }
    }

    #[test]
    fn a_followed_account_shows_unless_it_is_muted_or_either_blocks() {
        let followed = Relationship { following: true, ..Relationship::default() };
        let muted = |posts, reposts| {
            let scopes = Some(MuteScopes { posts, reposts, notifications: true });
            Relationship { muting: Some(Muting { scopes, expire_time: None }), ..followed }
        };
        let cases = [
            (followed, [true, true]),
            (Relationship::default(), [false, false]),
            (Relationship { blocking: true, ..followed }, [false, false]),
            (Relationship { blocked_by: true, ..followed }, [false, false]),
            (muted(true, false), [false, true]),
            (muted(false, true), [true, false]),
            (muted(false, false), [true, true]),
        ];
        for (relationship, expected) in cases {
            let standing = Standing::of(&relationship);
            let own = shows(standing, Standing::default(), Entry::post(PostId(10), OTHER), &post(OTHER, 0), None);
            let repost = Entry::repost(PostId(20), OTHER, PostId(10));
            let reposts = shows(standing, Standing::default(), repost, &post(THIRD, 0), None);
            assert_eq!([own, reposts], expected, "{relationship:?}");
        }
    }

    #[test]
    fn nobody_brings_the_posts_of_a_muted_account_back() {
        let repost = Entry::repost(PostId(20), OTHER, PostId(10));
        let muted = Standing { posts_muted: true, ..Standing::known(true) };
        assert!(!shows(Standing::known(true), muted, repost, &post(THIRD, 0), None));
        let reposts_muted = Standing { reposts_muted: true, ..Standing::known(true) };
        assert!(shows(Standing::known(true), reposts_muted, repost, &post(THIRD, 0), None));
        assert!(!shows(Standing::known(true), Standing { apart: true, ..muted }, repost, &post(THIRD, 0), None));
        // The reader's own doing is theirs.
        let own = Entry::repost(PostId(20), READER, PostId(10));
        assert!(shows(Standing::default(), muted, own, &post(THIRD, 0), None));
    }

    #[test]
    fn a_reply_shows_if_the_reader_follows_both_ends_of_it() {
        let reply = Entry::post(PostId(10), OTHER);
        let to = |parent, third| shows(Standing::known(true), third, reply, &post(OTHER, 5), parent);
        assert!(!to(Some(THIRD), Standing::default()));
        assert!(to(Some(THIRD), Standing::known(true)));
        assert!(to(Some(OTHER), Standing::default()));
        assert!(to(Some(READER), Standing::default()));
        assert!(!to(None, Standing::known(true)));
        let repost = Entry::repost(PostId(20), OTHER, PostId(10));
        assert!(shows(Standing::known(true), Standing::default(), repost, &post(THIRD, 5), None));
        assert!(shows(
            Standing::default(),
            Standing::default(),
            Entry::post(PostId(10), READER),
            &post(READER, 5),
            None
        ));
    }

    #[test]
    fn reposts_of_an_account_are_for_those_who_may_see_them() {
        let shows = |reposts, entry: Entry, author| {
            let (post, nothing) = (post(author, 0), Standing::default());
            rules(nothing, nothing, &post, None, Of::User { reposts }).admit(&entry, &post)
        };
        let repost = Entry::repost(PostId(20), OTHER, PostId(10));
        assert!(shows(true, repost, THIRD) && !shows(false, repost, THIRD));
        assert!(shows(false, Entry::post(PostId(10), OTHER), OTHER));
    }

    #[test]
    fn a_list_shows_its_members_and_what_they_say_to_each_other_and_to_the_reader() {
        let shows = |other, open: &[AccountId], entry, post: &Post, parent| {
            let of = Of::List { members: [OTHER].into(), open: open.iter().copied().collect() };
            rules(other, Standing::default(), post, parent, of).admit(&entry, post)
        };
        let (nothing, followed) = (Standing::default(), Standing::known(true));
        let (own, repost) = (Entry::post(PostId(10), OTHER), Entry::repost(PostId(20), OTHER, PostId(10)));
        assert!(shows(nothing, &[], own, &post(OTHER, 0), None));
        // What a protected account reposts is for its followers.
        assert!(!shows(nothing, &[], repost, &post(THIRD, 0), None));
        assert!(shows(nothing, &[OTHER], repost, &post(THIRD, 0), None));
        assert!(shows(followed, &[], repost, &post(THIRD, 5), None));
        for (parent, expected) in [(Some(OTHER), true), (Some(READER), true), (Some(THIRD), false), (None, false)] {
            assert_eq!(shows(followed, &[], own, &post(OTHER, 5), parent), expected, "{parent:?}");
        }
        let kept = [Standing { apart: true, ..followed }, Standing { posts_muted: true, ..followed }];
        assert!(kept.iter().all(|standing| !shows(*standing, &[], own, &post(OTHER, 0), None)));
        let nobody = Standings::of_nobody();
        assert!(!nobody.is_own(OTHER) && nobody.to(OTHER) == nothing);
    }
}
