//! Which posts may be handed on, and by whom. What may be seen is decided before, by [`super::visibility`].

use plaza_core::AccountId;

use super::{Post, QuotePolicy, Relation};

/// Whether an account that sees the post may repost it to its followers: only what everybody may see.
#[must_use]
pub fn may_repost(post: &Post, author_is_protected: bool) -> bool {
    post.visibility.is_shareable() && !author_is_protected
}

/// Whether `account`, which sees the post and stands to its author like this, may quote it. Authors quote whatever they
/// wrote; others what everybody may see, if its author allows it.
#[must_use]
pub fn may_quote(account: AccountId, post: &Post, relation: Relation, author_is_protected: bool) -> bool {
    let allowed = match post.quote_policy {
        QuotePolicy::Everyone => true,
        QuotePolicy::Followers => relation.follows,
        QuotePolicy::Nobody => false,
    };
    account == post.author || (allowed && may_repost(post, author_is_protected))
}
