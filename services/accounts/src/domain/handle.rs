//! Handles: unique names in ASCII, the same in any letter case.

use plaza_core::{Error, Result, reason};

/// Names that could pass for the platform itself, or that the web's paths and mail standards use (RFC 2142).
const RESERVED: &[&str] = &[
    "abuse",
    "about",
    "account",
    "accounts",
    "admin",
    "administrator",
    "api",
    "app",
    "auth",
    "billing",
    "blog",
    "bot",
    "contact",
    "deleted",
    "everyone",
    "explore",
    "feed",
    "feeds",
    "graph",
    "help",
    "here",
    "home",
    "hostmaster",
    "info",
    "legal",
    "login",
    "logout",
    "mail",
    "me",
    "moderation",
    "moderator",
    "news",
    "nobody",
    "noreply",
    "notifications",
    "null",
    "official",
    "plaza",
    "post",
    "postmaster",
    "posts",
    "privacy",
    "root",
    "search",
    "security",
    "service",
    "sessions",
    "settings",
    "signin",
    "signup",
    "staff",
    "status",
    "support",
    "sysadmin",
    "system",
    "team",
    "terms",
    "trust",
    "undefined",
    "webmaster",
    "www",
];

/// A handle: 2 to 30 ASCII letters, digits and underscores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Handle {
    shown: String,
    key: String,
}

impl Handle {
    /// Reads a handle; `None` if it is not one.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let fits = (2..=30).contains(&text.len());
        let ascii = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        (fits && ascii).then(|| Self { shown: text.to_owned(), key: text.to_ascii_lowercase() })
    }

    /// Reads a handle that somebody wants to have.
    ///
    /// # Errors
    /// `INVALID_FIELDS` on `handle`, `HANDLE_RESERVED`.
    pub(crate) fn wanted(text: &str) -> Result<Self> {
        let rule = "must be 2 to 30 ASCII letters, digits and underscores";
        let handle = Self::parse(text).ok_or_else(|| Error::invalid_field("handle", rule))?;
        if handle.is_reserved() {
            return Err(Error::new(reason::HANDLE_RESERVED).on_field("handle"));
        }
        Ok(handle)
    }

    /// As its owner wrote it.
    pub(crate) fn as_str(&self) -> &str {
        &self.shown
    }

    /// The form that is unique.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// Whether nobody may take it. Underscores count for nothing: `_ad_min_` is `admin`.
    pub(crate) fn is_reserved(&self) -> bool {
        let bare = self.key.replace('_', "");
        bare.is_empty() || RESERVED.contains(&bare.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ascii_letters_digits_and_underscores_make_a_handle() {
        for good in ["ab", "Ada_Lovelace", "x9", &"a".repeat(30)] {
            assert_eq!(Handle::parse(good).unwrap().key(), good.to_ascii_lowercase());
        }
        for bad in ["", "a", "ä1", "a b", "a-b", "@ada", "ad\u{0430}", "a\u{202e}b", &"a".repeat(31)] {
            assert_eq!(Handle::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn reserved_handles_are_recognised_in_any_writing() {
        for reserved in ["admin", "ROOT", "Support", "plaza", "api", "_admin_", "sup_port", "__"] {
            assert!(Handle::parse(reserved).unwrap().is_reserved(), "{reserved}");
        }
        for free in ["ada", "admin2", "rooty", "plaza_fan"] {
            assert!(!Handle::parse(free).unwrap().is_reserved(), "{free}");
        }
    }
}
