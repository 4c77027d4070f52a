//! Which entries a feed shows, of posts that its reader may see.

use std::collections::HashMap;

use plaza_core::{AccountId, PostId};
use plaza_proto::graph::v1::Relationship;
use plaza_proto::posts::v1::Post;

use super::Entry;

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

/// How a reader stands to the accounts that matter.
pub(crate) struct Standings {
    reader: AccountId,
    to: HashMap<AccountId, Standing>,
}

impl Standings {
    pub(crate) fn new(reader: AccountId, to: impl Iterator<Item = (AccountId, Standing)>) -> Self {
        Self { reader, to: to.collect() }
    }

    fn to(&self, account: AccountId) -> Standing {
        if account == self.reader {
            return Standing::known(true);
        }
        self.to.get(&account).copied().unwrap_or_default()
    }
}

/// The rules of a feed.
pub(crate) enum Rules {
    /// Of a home feed.
    Home {
        standings: Standings,
        /// Who wrote what posts reply to, where the reader may see that.
        parents: HashMap<PostId, AccountId>,
        /// Whether it is of those only who follow the reader back.
        mutuals: bool,
    },
    /// Of an account's own feed.
    User {
        /// Whether the reader may see what it reposted.
        reposts: bool,
    },
}

impl Rules {
    /// Whether the feed shows the entry, whose post the reader may see.
    pub(crate) fn admit(&self, entry: &Entry, post: &Post) -> bool {
        match self {
            Self::Home { standings, parents, mutuals } => {
                let parent = parents.get(&PostId(post.reply_to_id)).copied();
                let is_mutual = entry.by == standings.reader || standings.to(entry.by).followed_by;
                (!mutuals || is_mutual) && home(standings, entry, post, parent)
            }
            Self::User { reposts } => *reposts || !entry.is_repost(),
        }
    }
}

fn home(standings: &Standings, entry: &Entry, post: &Post, parent: Option<AccountId>) -> bool {
    if entry.by == standings.reader {
        return true;
    }
    let by = standings.to(entry.by);
    if !by.follows || by.apart {
        return false;
    }
    if entry.is_repost() {
        let author = standings.to(AccountId(post.author_id));
        return !by.reposts_muted && !author.posts_muted && !author.apart;
    }
    let replies_to_known = |parent| parent == entry.by || standings.to(parent).follows;
    !by.posts_muted && (post.reply_to_id == 0 || parent.is_some_and(replies_to_known))
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
        home(&Standings::new(READER, [(OTHER, other), (THIRD, third)].into_iter()), &entry, post, parent)
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
        let repost = Entry::repost(PostId(20), OTHER, PostId(10));
        let of = |reposts| Rules::User { reposts };
        assert!(of(true).admit(&repost, &post(THIRD, 0)) && !of(false).admit(&repost, &post(THIRD, 0)));
        assert!(of(false).admit(&Entry::post(PostId(10), OTHER), &post(OTHER, 0)));
    }
}
