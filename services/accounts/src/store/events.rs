//! What the writes tell the others.

use plaza_core::{AccountId, Env, SessionId, TraceContext};
use plaza_events::NewEvent;
use plaza_proto::accounts::v1::{
    AccountDeactivated, AccountReactivated, EmailChanged, HandleChanged, MailRequested, PasswordChanged,
    PreferencesUpdated, ProfileUpdated,
};
use prost::{Message, Name};

use crate::domain::ticket::{Effect, Redemption};
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
        Edit::Handle(_) => event(env, trace, id, &HandleChanged { account_id }),
        Edit::Deactivate | Edit::DeleteAt(_) => event(env, trace, id, &AccountDeactivated { account_id }),
        Edit::Mail(_) => event(env, trace, id, &MailRequested { account_id }),
        Edit::Reactivate => event(env, trace, id, &AccountReactivated { account_id }),
        Edit::Password(edit) => {
            let keep_session_id = edit.keep_session.map_or(0, SessionId::get);
            let message = PasswordChanged { account_id, end_sessions: edit.end_sessions, keep_session_id };
            event(env, trace, id, &message)
        }
    }
}

/// The event of a ticket that came back.
pub(super) fn redeemed(env: &Env, trace: Option<TraceContext>, redemption: &Redemption) -> NewEvent {
    let (id, account_id) = (redemption.account, redemption.account.get());
    match &redemption.effect {
        Effect::VerifyEmail => event(env, trace, id, &EmailChanged { account_id }),
        // Whoever had a session may be the one that the password is changed for.
        Effect::SetPassword(_) => {
            event(env, trace, id, &PasswordChanged { account_id, end_sessions: true, keep_session_id: 0 })
        }
    }
}
