//! Accounts as callers see them.

use plaza_core::{AccountId, Timestamp};
use plaza_proto::accounts::v1 as proto;

use crate::domain::{Account, Preferences};

/// The account as `viewer` sees it: its e-mail address, and that it is out of sight, are for its owner alone.
pub(crate) fn account(account: &Account, viewer: Option<AccountId>) -> proto::Account {
    let own = viewer == Some(account.id);
    proto::Account {
        account_id: account.id.get(),
        handle: account.handle.clone(),
        display_name: account.display_name.clone(),
        bio: account.bio.clone(),
        email: if own { account.email.clone() } else { String::new() },
        create_time: Some(time(account.created_at)),
        update_time: Some(time(account.updated_at)),
        etag: account.etag(),
        protected: account.preferences.protected,
        discoverable: account.preferences.discoverable,
        avatar: account.avatar.clone(),
        header: account.header.clone(),
        deactivate_time: account.deactivated_at.filter(|_| own).map(time),
        delete_time: account.delete_at.filter(|_| own).map(time),
        email_verified: own && account.email_verified,
    }
}

/// The preferences as their owner sees them.
pub(crate) fn preferences(preferences: &Preferences) -> proto::Preferences {
    proto::Preferences {
        protected: preferences.protected,
        discoverable: preferences.discoverable,
        language: preferences.language.clone(),
        default_visibility: preferences.default_visibility,
        reading_languages: preferences.reading_languages.clone(),
    }
}

/// Milliseconds since the Unix epoch, as messages hold them.
pub(crate) fn time(ms: i64) -> prost_types::Timestamp {
    let (seconds, nanos) = Timestamp(ms).seconds_nanos();
    prost_types::Timestamp { seconds, nanos }
}
