//! The part of an account that its owner writes: display name, bio, pictures.

use plaza_core::text::{self, Lines};
use plaza_core::{Error, Result, Violations, reason};

use super::Account;

/// Which fields to change, and to what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ProfileEdit {
    pub(crate) display_name: Option<String>,
    pub(crate) bio: Option<String>,
    pub(crate) avatar: Option<String>,
    pub(crate) header: Option<String>,
}

/// The new values of a profile, of which a mask picks some.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ProfileValues<'a> {
    pub(crate) display_name: &'a str,
    pub(crate) bio: &'a str,
    pub(crate) avatar: &'a str,
    pub(crate) header: &'a str,
}

impl ProfileEdit {
    /// Picks the fields that `mask` names out of the new values.
    ///
    /// An empty mask is a violation of `update_mask`; a path that cannot be set is refused with reason `MASK_INVALID`.
    pub(crate) fn pick(mask: &[String], new: ProfileValues<'_>) -> Result<Self> {
        if mask.is_empty() {
            return Err(Error::invalid_field("update_mask", "must name at least one field of the profile"));
        }
        let mut edit = Self::default();
        for path in mask {
            match path.as_str() {
                "display_name" => edit.display_name = Some(new.display_name.trim().to_owned()),
                "bio" => edit.bio = Some(new.bio.to_owned()),
                "avatar" => edit.avatar = Some(new.avatar.to_owned()),
                "header" => edit.header = Some(new.header.to_owned()),
                _ => {
                    return Err(Error::new(reason::MASK_INVALID)
                        .message("the update mask may name `display_name`, `bio`, `avatar` and `header` only")
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

    /// The account with the new profile.
    pub(crate) fn apply(&self, account: Account) -> Account {
        let edit = self.clone();
        let display_name = match edit.display_name {
            Some(name) => display_name_or(&account.handle, &name),
            None => account.display_name,
        };
        Account {
            display_name,
            bio: edit.bio.unwrap_or(account.bio),
            avatar: edit.avatar.unwrap_or(account.avatar),
            header: edit.header.unwrap_or(account.header),
            ..account
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

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(paths: &[&str]) -> Vec<String> {
        paths.iter().map(|p| (*p).to_owned()).collect()
    }

    fn values<'a>(display_name: &'a str, bio: &'a str) -> ProfileValues<'a> {
        ProfileValues { display_name, bio, avatar: "media1", header: "" }
    }

    #[test]
    fn a_mask_names_what_its_owner_may_set_and_nothing_else() {
        let edit = ProfileEdit::pick(&mask(&["display_name", "avatar"]), values(" Ada ", "ignored")).unwrap();
        let (name, avatar) = (Some("Ada".to_owned()), Some("media1".to_owned()));
        assert_eq!(edit, ProfileEdit { display_name: name, avatar, ..ProfileEdit::default() });
        let empty = ProfileEdit::pick(&[], values("a", "b")).unwrap_err();
        assert!(empty.is(reason::INVALID_FIELDS));
        for bad in ["email", "account_id", "*", "password", "", "display_name.x", "Bio"] {
            let error = ProfileEdit::pick(&mask(&["bio", bad]), values("a", "b")).unwrap_err();
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
            let edit = ProfileEdit::pick(&mask(&["display_name", "bio"]), values(name, bio)).unwrap();
            let mut out = Violations::default();
            edit.check("account.", &mut out);
            let field = out.into_result().err().map(|e| e.violations()[0].field.clone());
            assert_eq!(field.as_deref(), bad);
        }
    }
}
