//! An author's choices for a post, as they travel and as the service knows them.

use plaza_proto::posts::v1 as pb;

use crate::domain::{QuotePolicy, ReplyPolicy, Visibility};

pub(super) fn visibility(visibility: Visibility) -> pb::Visibility {
    match visibility {
        Visibility::Public => pb::Visibility::Public,
        Visibility::Unlisted => pb::Visibility::Unlisted,
        Visibility::Followers => pb::Visibility::Followers,
        Visibility::Mentioned => pb::Visibility::Mentioned,
    }
}

pub(super) fn visibility_of(said: pb::Visibility) -> Visibility {
    match said {
        pb::Visibility::Unspecified | pb::Visibility::Public => Visibility::Public,
        pb::Visibility::Unlisted => Visibility::Unlisted,
        pb::Visibility::Followers => Visibility::Followers,
        pb::Visibility::Mentioned => Visibility::Mentioned,
    }
}

pub(super) fn quote_policy(policy: QuotePolicy) -> pb::QuotePolicy {
    match policy {
        QuotePolicy::Everyone => pb::QuotePolicy::Everyone,
        QuotePolicy::Followers => pb::QuotePolicy::Followers,
        QuotePolicy::Nobody => pb::QuotePolicy::Nobody,
    }
}

pub(super) fn quote_policy_of(said: pb::QuotePolicy) -> QuotePolicy {
    match said {
        pb::QuotePolicy::Unspecified | pb::QuotePolicy::Everyone => QuotePolicy::Everyone,
        pb::QuotePolicy::Followers => QuotePolicy::Followers,
        pb::QuotePolicy::Nobody => QuotePolicy::Nobody,
    }
}

pub(super) fn reply_policy(policy: ReplyPolicy) -> pb::ReplyPolicy {
    match policy {
        ReplyPolicy::Everyone => pb::ReplyPolicy::Everyone,
        ReplyPolicy::Followed => pb::ReplyPolicy::Followed,
        ReplyPolicy::Mentioned => pb::ReplyPolicy::Mentioned,
        ReplyPolicy::Nobody => pb::ReplyPolicy::Nobody,
    }
}

pub(super) fn reply_policy_of(said: pb::ReplyPolicy) -> ReplyPolicy {
    match said {
        pb::ReplyPolicy::Unspecified | pb::ReplyPolicy::Everyone => ReplyPolicy::Everyone,
        pb::ReplyPolicy::Followed => ReplyPolicy::Followed,
        pb::ReplyPolicy::Mentioned => ReplyPolicy::Mentioned,
        pb::ReplyPolicy::Nobody => ReplyPolicy::Nobody,
    }
}
