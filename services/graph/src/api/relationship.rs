//! How a relation is told to whoever asks.

use plaza_core::{AccountId, Cx};
use plaza_proto::graph::v1::Relationship;

use crate::NAME;
use crate::domain::{Relation, Written};

/// The relation as the caller may know it: a service is told who blocks its user, to keep the two apart; the user is not.
pub(super) fn told(cx: &Cx, other: AccountId, relation: Relation) -> Relationship {
    let known = if cx.caller().service.is_some() { relation } else { relation.as_told_to_viewer() };
    let Relation { following, followed_by, blocking, blocked_by } = known;
    Relationship { account_id: other.get(), following, followed_by, blocking, blocked_by }
}

/// The answer to a write, also to a repeated one.
pub(super) fn after(cx: &Cx, other: AccountId, written: Written) -> Relationship {
    cx.wrote(NAME, written.position);
    told(cx, other, written.relation)
}
