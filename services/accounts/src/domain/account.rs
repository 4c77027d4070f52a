//! An account.

use plaza_core::{AccountId, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Email, Handle, Preferences};

/// A living account, without its credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Account {
    pub(crate) id: AccountId,
    /// In the letter case its owner chose.
    pub(crate) handle: String,
    /// For its owner's eyes only.
    pub(crate) email: String,
    /// Whether somebody was seen to read mail there.
    #[serde(default)]
    pub(crate) email_verified: bool,
    pub(crate) display_name: String,
    pub(crate) bio: String,
    /// An id of uploaded media or an address; empty if there is none.
    #[serde(default)]
    pub(crate) avatar: String,
    /// As the avatar.
    #[serde(default)]
    pub(crate) header: String,
    #[serde(default)]
    pub(crate) preferences: Preferences,
    /// Counts the changes of the account, from 1.
    pub(crate) version: i64,
    /// Milliseconds since the Unix epoch, as are all times here.
    pub(crate) created_at: i64,
    pub(crate) updated_at: i64,
    /// Since when its owner wants it out of sight.
    #[serde(default)]
    pub(crate) deactivated_at: Option<i64>,
    /// When it is to be erased.
    #[serde(default)]
    pub(crate) delete_at: Option<i64>,
}

impl Account {
    /// Whether it is there for its owner alone.
    pub(crate) fn is_hidden(&self) -> bool {
        self.deactivated_at.is_some() || self.delete_at.is_some()
    }

    /// Whether it is there for `viewer`.
    pub(crate) fn is_visible_to(&self, viewer: Option<AccountId>) -> bool {
        !self.is_hidden() || viewer == Some(self.id)
    }

    /// The tag that stands for this state of the account.
    pub(crate) fn etag(&self) -> String {
        format!("v{}", self.version)
    }
}

/// What an account starts with, its credential aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NewAccount {
    pub(crate) id: AccountId,
    pub(crate) handle: Handle,
    pub(crate) email: Email,
    pub(crate) display_name: String,
    pub(crate) at: Timestamp,
}

impl NewAccount {
    /// The account as it is once stored.
    pub(crate) fn into_account(self) -> Account {
        Account {
            id: self.id,
            handle: self.handle.as_str().to_owned(),
            email: self.email.as_str().to_owned(),
            email_verified: false,
            display_name: self.display_name,
            bio: String::new(),
            avatar: String::new(),
            header: String::new(),
            preferences: Preferences::default(),
            version: 1,
            created_at: self.at.0,
            updated_at: self.at.0,
            deactivated_at: None,
            delete_at: None,
        }
    }
}

/// The end of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Deletion {
    pub(crate) id: AccountId,
    /// Until when its handle is kept from others.
    pub(crate) handle_free_at: Timestamp,
    /// Only if it was to be deleted, and the time for it has come.
    pub(crate) only_if_due: bool,
}

impl Deletion {
    /// Whether it is time to delete `account`.
    pub(crate) fn applies_to(&self, account: &Account, now: Timestamp) -> bool {
        !self.only_if_due || account.delete_at.is_some_and(|due| due <= now.0)
    }
}
