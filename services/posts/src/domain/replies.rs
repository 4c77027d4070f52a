//! Who may reply to a post. What may be seen is decided before, by [`super::visibility`].

use plaza_core::AccountId;

use super::{Post, Relation, ReplyPolicy};

/// Whether `account`, which sees the post and stands to its author like this, may reply to it. Authors always may.
#[must_use]
pub fn may_reply(account: AccountId, post: &Post, relation: Relation) -> bool {
    let allowed = match post.reply_policy {
        ReplyPolicy::Everyone => true,
        ReplyPolicy::Followed => relation.followed_by || post.mentions(account),
        ReplyPolicy::Mentioned => post.mentions(account),
        ReplyPolicy::Nobody => false,
    };
    account == post.author || allowed
}
