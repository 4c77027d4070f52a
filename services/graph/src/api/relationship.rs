//! How a relation is told to whoever asks.

use plaza_core::{AccountId, Cx, Timestamp};
use plaza_proto::graph::v1::{MuteScopes, Muting, Relationship};

use super::edges;
use crate::NAME;
use crate::domain::{Mute, Relation, Scopes, Write, Written};

/// The relation at `now`, as the caller may know it: a service is told who blocks its user, to keep the two apart; the
/// user is not.
pub(super) fn told(cx: &Cx, other: AccountId, relation: Relation, now: Timestamp) -> Relationship {
    let relation = relation.at(now);
    let known = if cx.caller().service.is_some() { relation } else { relation.as_told_to_viewer() };
    let Relation { following, followed_by, blocking, blocked_by, muting: mute, requested, requested_by } = known;
    Relationship {
        account_id: other.get(),
        following,
        followed_by,
        blocking,
        blocked_by,
        muting: mute.map(muting),
        requested,
        requested_by,
    }
}

/// A mute that stands.
pub(super) fn muting(mute: Mute) -> Muting {
    let scopes = MuteScopes {
        posts: mute.scopes.hold(Scopes::POSTS),
        reposts: mute.scopes.hold(Scopes::REPOSTS),
        notifications: mute.scopes.hold(Scopes::NOTIFICATIONS),
    };
    Muting { scopes: Some(scopes), expire_time: mute.until.map(edges::time) }
}

/// The answer to a write, also to a repeated one.
pub(super) fn after(cx: &Cx, write: Write, written: Written) -> Relationship {
    cx.wrote(NAME, written.position);
    told(cx, write.target, written.relation, write.at)
}
