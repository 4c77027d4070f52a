//! What the writes tell the others.

use plaza_core::{AccountId, Env, TraceContext};
use plaza_events::NewEvent;
use plaza_proto::accounts::v1::{PreferencesUpdated, ProfileUpdated};
use prost::{Message, Name};

use crate::domain::{Change, Edit};

/// The event `message` of account `id`.
pub(super) fn event<M: Message + Name>(env: &Env, trace: Option<TraceContext>, id: AccountId, message: &M) -> NewEvent {
    NewEvent::new(env, trace, AGGREGATE, id.get(), message)
}

/// What every event here is about.
pub(crate) const AGGREGATE: &str = "account";

/// The event of a change.
pub(super) fn changed(env: &Env, trace: Option<TraceContext>, change: &Change) -> NewEvent {
    let (id, account_id) = (change.id, change.id.get());
    match &change.edit {
        Edit::Profile(_) => event(env, trace, id, &ProfileUpdated { account_id }),
        Edit::Preferences(_) => event(env, trace, id, &PreferencesUpdated { account_id }),
    }
}
