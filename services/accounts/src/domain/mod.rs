//! Rules and types; nothing of transport or storage.

pub(crate) mod account;
pub(crate) mod change;
pub(crate) mod credential;
pub(crate) mod email;
pub(crate) mod erasure;
pub(crate) mod handle;
pub(crate) mod kept;
pub(crate) mod login;
pub(crate) mod preferences;
pub(crate) mod profile;
pub(crate) mod ticket;

pub(crate) use account::{Account, Deletion, NewAccount};
pub(crate) use change::{Change, Edit, HandleEdit, PasswordEdit};
pub(crate) use credential::Credential;
pub(crate) use email::Email;
pub(crate) use handle::Handle;
pub(crate) use login::Login;
pub(crate) use preferences::{Preferences, PreferencesEdit};
pub(crate) use profile::ProfileEdit;
