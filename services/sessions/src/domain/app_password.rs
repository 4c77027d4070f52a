//! Passwords for programs: made from the account and an id, recognised by a MAC, stored nowhere.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use plaza_core::{AccountId, Scopes, Secret};
use serde::{Deserialize, Serialize};

/// How many an account may have.
pub(crate) const MAX_APP_PASSWORDS: usize = 50;

/// What tells one from a password that a person made up.
const PREFIX: &str = "plaza-";
const NUMBER: usize = 8;
const MAC: usize = 32;
/// Length in characters behind the prefix: 48 bytes are 64 of them.
const LENGTH: usize = (2 * NUMBER + MAC) * 4 / 3;

/// What a session of an app password is opened by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct App {
    pub(crate) id: i64,
    pub(crate) scopes: Scopes,
}

/// An app password as it is stored, and remembered with the request that made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AppPassword {
    pub(crate) id: i64,
    pub(crate) name: String,
    pub(crate) scopes: Scopes,
    pub(crate) created_at: i64,
    /// 0 if it never signed in.
    pub(crate) last_used_at: i64,
}

/// Makes and recognises app passwords.
#[derive(Clone, Debug)]
pub(crate) struct AppPasswords(Secret);

impl AppPasswords {
    pub(crate) fn new(secret: &Secret) -> Self {
        Self(secret.derive("app-passwords"))
    }

    /// The password; always the same.
    pub(crate) fn seal(&self, account: AccountId, id: i64) -> String {
        let mut sealed = Vec::with_capacity(2 * NUMBER + MAC);
        sealed.extend_from_slice(&account.get().to_be_bytes());
        sealed.extend_from_slice(&id.to_be_bytes());
        let mac = self.0.mac(&[&sealed]);
        sealed.extend_from_slice(&mac);
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(sealed))
    }

    /// The account and the id of a password; `None` unless it was made here.
    pub(crate) fn open(&self, password: &str) -> Option<(AccountId, i64)> {
        let sealed = password.strip_prefix(PREFIX).filter(|sealed| sealed.len() == LENGTH)?;
        let raw = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (body, mac) = raw.split_at_checked(2 * NUMBER)?;
        if mac.len() != MAC || !self.0.verify(&[body], mac) {
            return None;
        }
        let (account, id) = body.split_at(NUMBER);
        Some((AccountId(i64::from_be_bytes(account.try_into().ok()?)), i64::from_be_bytes(id.try_into().ok()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_names_its_account_and_cannot_be_made_up() {
        let apps = AppPasswords::new(&Secret::new([1; 32]));
        let password = apps.seal(AccountId(7), 42);
        assert_eq!((apps.open(&password), password.len()), (Some((AccountId(7), 42)), 70));
        assert_eq!(AppPasswords::new(&Secret::new([2; 32])).open(&password), None);
        for at in 0..password.len() {
            let mut changed = password.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(apps.open(std::str::from_utf8(&changed).unwrap()), None);
            assert_eq!(apps.open(&password[..at]), None);
        }
        for bad in ["", "plaza-", "correct horse", &format!("{password}A"), &password[6..]] {
            assert_eq!(apps.open(bad), None, "{bad}");
        }
    }
}
