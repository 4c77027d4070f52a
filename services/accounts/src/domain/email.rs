//! E-mail addresses: kept as written, unique in any letter case.

use plaza_core::Violations;

/// An e-mail address without spaces round it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Email {
    shown: String,
    key: String,
}

impl Email {
    /// Takes an address of the right form, which the request's own rules have checked.
    pub(crate) fn new(text: &str) -> Self {
        let shown = text.trim().to_owned();
        let key = shown.to_lowercase();
        Self { shown, key }
    }

    /// As its owner wrote it.
    pub(crate) fn as_str(&self) -> &str {
        &self.shown
    }

    /// The form that is unique. RFC 5321 lets the part before the `@` differ in letter case; no provider in use does, and
    /// two accounts that differ in case alone would be a trap.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// Reports what the request's own rules let pass.
    pub(crate) fn check(&self, field: &str, out: &mut Violations) {
        plaza_core::text::check(field, &self.shown, plaza_core::text::Lines::Single, out);
        if self.shown.chars().any(char::is_whitespace) {
            out.push(field, "must not hold spaces");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_trimmed_and_compared_in_lower_case() {
        let email = Email::new(" Ada@Example.org ");
        assert_eq!((email.as_str(), email.key()), ("Ada@Example.org", "ada@example.org"));
    }

    #[test]
    fn control_characters_and_spaces_are_refused() {
        for bad in ["a\u{0}@example.org", "a\u{202e}@example.org", "a b@example.org"] {
            let mut out = Violations::default();
            Email::new(bad).check("email", &mut out);
            assert_eq!(out.into_result().unwrap_err().violations()[0].field, "email", "{bad:?}");
        }
    }
}
