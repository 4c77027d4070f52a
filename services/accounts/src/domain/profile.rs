//! The part of an account that its owner writes: display name and bio.

use plaza_core::text::{self, Lines};
use plaza_core::{AccountId, Error, Result, Timestamp, Violations, reason};

use super::Account;

/// Which fields to change, and to what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ProfileEdit {
    pub(crate) display_name: Option<String>,
    pub(crate) bio: Option<String>,
}

impl ProfileEdit {
    /// Picks the fields that `mask` names out of the new values.
    ///
    /// An empty mask is a violation of `update_mask`; a path that cannot be set is refused with reason `MASK_INVALID`.
    pub(crate) fn pick(mask: &[String], display_name: &str, bio: &str) -> Result<Self> {
        if mask.is_empty() {
            return Err(Error::invalid_field("update_mask", "must name at least one of `display_name`, `bio`"));
        }
        let mut edit = Self::default();
        for path in mask {
            match path.as_str() {
                "display_name" => edit.display_name = Some(display_name.trim().to_owned()),
                "bio" => edit.bio = Some(bio.to_owned()),
                _ => {
                    return Err(Error::new(reason::MASK_INVALID)
                        .message("the update mask may name `display_name` and `bio` only")
                        .on_field("update_mask"));
                }
            }
        }
        Ok(edit)
    }

    /// Checks the new values; `at` is the path of the message that holds them.
    pub(crate) fn check(&self, at: &str, out: &mut Violations) {
        if let Some(name) = &self.display_name {
            check_display_name(&format!("{at}display_name"), name, out);
        }
        if let Some(bio) = &self.bio {
            text::check(&format!("{at}bio"), bio, Lines::Many, out);
        }
    }
}

/// Checks a display name.
pub(crate) fn check_display_name(field: &str, name: &str, out: &mut Violations) {
    text::check(field, name, Lines::Single, out);
}

/// The display name to store: the handle if none is given.
pub(crate) fn display_name_or(handle: &str, name: &str) -> String {
    let name = name.trim();
    if name.is_empty() { handle.to_owned() } else { name.to_owned() }
}

/// An edit of one account's profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ProfileChange {
    pub(crate) id: AccountId,
    pub(crate) edit: ProfileEdit,
    /// If set, the change is refused unless the profile still has this etag.
    pub(crate) etag: Option<String>,
    pub(crate) at: Timestamp,
}

impl ProfileChange {
    /// The account after the change.
    ///
    /// # Errors
    /// `ETAG_MISMATCH` if the profile is not the one that the caller read.
    pub(crate) fn apply(self, account: Account) -> Result<Account> {
        if self.etag.is_some_and(|etag| etag != account.etag()) {
            return Err(Error::new(reason::ETAG_MISMATCH).with("etag", account.etag()));
        }
        let display_name = match self.edit.display_name {
            Some(name) => display_name_or(&account.handle, &name),
            None => account.display_name,
        };
        let bio = self.edit.bio.unwrap_or(account.bio);
        // A clock that was set back must not make the profile look older than it is.
        let updated_at = self.at.0.max(account.updated_at);
        Ok(Account { display_name, bio, version: account.version + 1, updated_at, ..account })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(paths: &[&str]) -> Vec<String> {
        paths.iter().map(|p| (*p).to_owned()).collect()
    }

    #[test]
    fn a_mask_names_what_its_owner_may_set_and_nothing_else() {
        let edit = ProfileEdit::pick(&mask(&["display_name"]), " Ada ", "ignored").unwrap();
        assert_eq!(edit, ProfileEdit { display_name: Some("Ada".to_owned()), bio: None });
        let empty = ProfileEdit::pick(&[], "a", "b").unwrap_err();
        assert!(empty.is(reason::INVALID_FIELDS));
        for bad in ["email", "account_id", "*", "password", "", "display_name.x", "Bio"] {
            let error = ProfileEdit::pick(&mask(&["bio", bad]), "a", "b").unwrap_err();
            assert!(error.is(reason::MASK_INVALID), "{bad}");
            assert_eq!(error.violations()[0].field, "update_mask");
        }
    }

    #[test]
    fn names_are_one_line_and_bios_may_have_several() {
        for (name, bio, bad) in [
            ("Ada", "two\nlines", None),
            ("A\nda", "", Some("account.display_name")),
            ("Ada", "\u{202e}oib", Some("account.bio")),
            ("A\u{0}", "", Some("account.display_name")),
        ] {
            let edit = ProfileEdit::pick(&mask(&["display_name", "bio"]), name, bio).unwrap();
            let mut out = Violations::default();
            edit.check("account.", &mut out);
            let field = out.into_result().err().map(|e| e.violations()[0].field.clone());
            assert_eq!(field.as_deref(), bad);
        }
    }

    #[test]
    fn a_change_applies_to_the_etag_it_was_made_for() {
        let account = Account {
            id: AccountId(1),
            handle: "ada".to_owned(),
            email: "ada@example.org".to_owned(),
            display_name: "Ada".to_owned(),
            bio: "old".to_owned(),
            version: 3,
            created_at: 5,
            updated_at: 9,
        };
        let edit = ProfileEdit { display_name: Some(String::new()), bio: None };
        let change = |etag: &str| ProfileChange {
            id: AccountId(1),
            edit: edit.clone(),
            etag: (!etag.is_empty()).then(|| etag.to_owned()),
            at: Timestamp(8),
        };
        let changed = change("v3").apply(account.clone()).unwrap();
        assert_eq!((changed.display_name.as_str(), changed.bio.as_str()), ("ada", "old"));
        assert_eq!((changed.version, changed.updated_at), (4, 9));
        assert!(change("").apply(account.clone()).is_ok());
        assert!(change("v2").apply(account).unwrap_err().is(reason::ETAG_MISMATCH));
    }
}
