//! Sessions as their owners see them.

use plaza_core::{Cx, Scope, Scopes, Timestamp};
use plaza_proto::sessions::v1 as proto;

use crate::domain::{Grant, Session};

/// A stored session.
pub(crate) fn session(session: Session, current: bool) -> proto::Session {
    proto::Session {
        session_id: session.id.get(),
        account_id: session.account.get(),
        device_name: session.device_name,
        create_time: time(session.created_at),
        last_use_time: time(session.last_used_at),
        expire_time: time(session.expires_at),
        current,
        address: session.address,
        scopes: scopes(session.app.map(|app| app.scopes)),
    }
}

/// The session that a grant belongs to, as it was then.
pub(crate) fn granted(grant: &Grant, device_name: String) -> proto::Session {
    proto::Session {
        session_id: grant.session.get(),
        account_id: grant.account.get(),
        device_name,
        create_time: time(grant.created_at),
        last_use_time: time(grant.at),
        expire_time: time(grant.expires_at),
        current: false,
        address: String::new(),
        scopes: scopes(grant.scopes),
    }
}

/// What a session may do; nothing if that is everything.
pub(crate) fn scopes(scopes: Option<Scopes>) -> Vec<i32> {
    let shown = |scope| match scope {
        Scope::Read => proto::Scope::Read,
        Scope::Write => proto::Scope::Write,
        Scope::Follow => proto::Scope::Follow,
    };
    scopes.into_iter().flat_map(Scopes::iter).map(|scope| shown(scope).into()).collect()
}

/// Where the call comes from, for the list of sessions.
pub(crate) fn address(cx: &Cx) -> String {
    cx.remote().map(|address| address.to_canonical().to_string()).unwrap_or_default()
}

#[expect(clippy::unnecessary_wraps, reason = "the fields are optional in the message")]
pub(crate) fn time(ms: i64) -> Option<prost_types::Timestamp> {
    let (seconds, nanos) = Timestamp(ms).seconds_nanos();
    Some(prost_types::Timestamp { seconds, nanos })
}
