//! How an account's owner wants the platform to be.

use plaza_core::{Error, Result, reason};
use serde::{Deserialize, Serialize};

/// Preferences, all of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Preferences {
    /// Whether following takes the owner's consent.
    pub(crate) protected: bool,
    /// Whether the account may be suggested and listed.
    pub(crate) discoverable: bool,
    /// A BCP 47 tag; empty if not said.
    pub(crate) language: String,
    /// The number of the visibility that a client offers for a new post.
    pub(crate) default_visibility: i32,
    /// The BCP 47 tags of the languages to read posts in; all if there is none.
    #[serde(default)]
    pub(crate) reading_languages: Vec<String>,
}

impl Preferences {
    /// The languages to read in one text, as stores keep them: no tag holds a blank.
    pub(crate) fn reading_text(&self) -> String {
        self.reading_languages.join(" ")
    }

    /// The languages of such a text.
    pub(crate) fn reading_of(text: &str) -> Vec<String> {
        text.split_whitespace().map(str::to_owned).collect()
    }
}

impl Default for Preferences {
    fn default() -> Self {
        Self {
            protected: false,
            discoverable: true,
            language: String::new(),
            default_visibility: 0,
            reading_languages: Vec::new(),
        }
    }
}

/// Which preferences to change, and to what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PreferencesEdit {
    pub(crate) protected: Option<bool>,
    pub(crate) discoverable: Option<bool>,
    pub(crate) language: Option<String>,
    pub(crate) default_visibility: Option<i32>,
    pub(crate) reading_languages: Option<Vec<String>>,
}

impl PreferencesEdit {
    /// Picks those that `mask` names out of the new values.
    ///
    /// An empty mask is a violation of `update_mask`; a path that is no preference is refused with reason `MASK_INVALID`.
    pub(crate) fn pick(mask: &[String], new: &Preferences) -> Result<Self> {
        if mask.is_empty() {
            return Err(Error::invalid_field("update_mask", "must name at least one preference"));
        }
        let mut edit = Self::default();
        for path in mask {
            match path.as_str() {
                "protected" => edit.protected = Some(new.protected),
                "discoverable" => edit.discoverable = Some(new.discoverable),
                "language" => edit.language = Some(new.language.clone()),
                "default_visibility" => edit.default_visibility = Some(new.default_visibility),
                "reading_languages" => edit.reading_languages = Some(new.reading_languages.clone()),
                _ => {
                    return Err(Error::new(reason::MASK_INVALID)
                        .message(
                            "the update mask may name `protected`, `discoverable`, `language`, `default_visibility` and \
                             `reading_languages` only",
                        )
                        .on_field("update_mask"));
                }
            }
        }
        Ok(edit)
    }

    /// The preferences after the change.
    pub(crate) fn apply(&self, now: Preferences) -> Preferences {
        Preferences {
            protected: self.protected.unwrap_or(now.protected),
            discoverable: self.discoverable.unwrap_or(now.discoverable),
            language: self.language.clone().unwrap_or(now.language),
            default_visibility: self.default_visibility.unwrap_or(now.default_visibility),
            reading_languages: self.reading_languages.clone().unwrap_or(now.reading_languages),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_picks_preferences_and_nothing_else() {
        let reading_languages = vec!["de".to_owned(), "pt-BR".to_owned()];
        let new = || Preferences {
            protected: true,
            discoverable: false,
            language: "de".to_owned(),
            default_visibility: 2,
            reading_languages: reading_languages.clone(),
        };
        let mask = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect::<Vec<_>>();
        let edit = PreferencesEdit::pick(&mask(&["protected", "language"]), &new()).unwrap();
        let changed = edit.apply(Preferences::default());
        assert_eq!(
            changed,
            Preferences { reading_languages: vec![], discoverable: true, default_visibility: 0, ..new() }
        );
        let all = ["protected", "discoverable", "language", "default_visibility", "reading_languages"];
        let all = PreferencesEdit::pick(&mask(&all), &new());
        assert_eq!(all.unwrap().apply(Preferences::default()), new());
        assert_eq!(Preferences::reading_of(&new().reading_text()), reading_languages);
        assert!(PreferencesEdit::pick(&[], &new()).unwrap_err().is(reason::INVALID_FIELDS));
        for bad in ["bio", "*", "", "Protected", "preferences.protected"] {
            let error = PreferencesEdit::pick(&mask(&["language", bad]), &new()).unwrap_err();
            assert!(error.is(reason::MASK_INVALID), "{bad}");
        }
    }
}
