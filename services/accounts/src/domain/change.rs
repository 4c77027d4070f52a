//! A change of one account.

use plaza_core::{AccountId, Error, Result, SessionId, Timestamp, reason};

use super::ticket::NewTicket;
use super::{Account, Credential, Handle, PreferencesEdit, ProfileEdit};

/// What is to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Edit {
    Profile(ProfileEdit),
    Preferences(PreferencesEdit),
    Handle(HandleEdit),
    Password(PasswordEdit),
    /// Has a ticket sent by mail.
    Mail(NewTicket),
    /// Takes it out of sight.
    Deactivate,
    /// Brings it back, also from what was to be its deletion.
    Reactivate,
    /// Takes it out of sight, to be deleted then.
    DeleteAt(Timestamp),
}

/// Another handle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HandleEdit {
    pub(crate) handle: Handle,
    /// Until when the old one is kept from others.
    pub(crate) keep_until: Timestamp,
    /// How many handles may be kept for one account.
    pub(crate) max_kept: usize,
}

/// Another password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PasswordEdit {
    /// What the old password was checked against; if it is another by now, the change is refused.
    pub(crate) old: Credential,
    pub(crate) new: Credential,
    /// Whether the sessions that are open end, but for one.
    pub(crate) end_sessions: bool,
    pub(crate) keep_session: Option<SessionId>,
}

/// A change of one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) id: AccountId,
    pub(crate) edit: Edit,
    /// If set, the change is refused unless the account still has this etag.
    pub(crate) etag: Option<String>,
    pub(crate) at: Timestamp,
}

impl Change {
    /// A change whatever has happened to the account before.
    pub(crate) fn new(id: AccountId, edit: Edit, at: Timestamp) -> Self {
        Self { id, edit, etag: None, at }
    }

    /// The account after the change.
    ///
    /// # Errors
    /// `ETAG_MISMATCH` if the account is not as the caller read it.
    pub(crate) fn apply(&self, account: Account) -> Result<Account> {
        if self.etag.as_ref().is_some_and(|etag| *etag != account.etag()) {
            return Err(Error::new(reason::ETAG_MISMATCH).with("etag", account.etag()));
        }
        let version = account.version + 1;
        // A clock that was set back must not make the account look older than it is.
        let updated_at = self.at.0.max(account.updated_at);
        let changed = match &self.edit {
            Edit::Profile(edit) => edit.apply(account),
            Edit::Preferences(edit) => Account { preferences: edit.apply(account.preferences.clone()), ..account },
            Edit::Handle(edit) => Account { handle: edit.handle.as_str().to_owned(), ..account },
            Edit::Deactivate => Account { deactivated_at: account.deactivated_at.or(Some(self.at.0)), ..account },
            Edit::Reactivate => Account { deactivated_at: None, delete_at: None, ..account },
            Edit::DeleteAt(time) => Account { delete_at: account.delete_at.or(Some(time.0)), ..account },
            // Nobody sees it on the account.
            Edit::Password(_) | Edit::Mail(_) => return Ok(account),
        };
        Ok(Account { version, updated_at, ..changed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Email, Handle, NewAccount};

    #[test]
    fn a_change_applies_to_the_etag_it_was_made_for() {
        let (handle, email) = (Handle::parse("ada").unwrap(), Email::new("ada@example.org"));
        let new = NewAccount { id: AccountId(1), handle, email, display_name: "Ada".to_owned(), at: Timestamp(9) };
        let account = Account { bio: "old".to_owned(), version: 3, ..new.into_account() };
        let edit = Edit::Profile(ProfileEdit { display_name: Some(String::new()), ..ProfileEdit::default() });
        let change = |etag: &str| {
            let etag = (!etag.is_empty()).then(|| etag.to_owned());
            Change { etag, ..Change::new(AccountId(1), edit.clone(), Timestamp(8)) }
        };
        let changed = change("v3").apply(account.clone()).unwrap();
        assert_eq!((changed.display_name.as_str(), changed.bio.as_str()), ("ada", "old"));
        assert_eq!((changed.version, changed.updated_at), (4, 9));
        assert!(change("").apply(account.clone()).is_ok());
        assert!(change("v2").apply(account).unwrap_err().is(reason::ETAG_MISMATCH));
    }
}
