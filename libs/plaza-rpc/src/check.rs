//! What generated field checks call. Nothing here allocates for a value that keeps the rules.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::OnceLock;

use plaza_core::Violations;
use regex::Regex;
use uuid::Uuid;

/// The path of field `name` of the message at `at`.
#[must_use]
pub fn field(at: &str, name: &str) -> String {
    if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") }
}

/// The path of one item of the list `name` of the message at `at`.
#[must_use]
pub fn item(at: &str, name: &str, index: usize) -> String {
    format!("{}[{index}]", field(at, name))
}

/// Checks a message inside a message: `check` reports paths within it, which get its own path in front.
pub fn nested(at: &str, name: &str, index: Option<usize>, out: &mut Violations, check: impl FnOnce(&mut Violations)) {
    let mut found = Violations::default();
    check(&mut found);
    let Err(error) = found.into_result() else { return };
    let path = index.map_or_else(|| field(at, name), |index| item(at, name, index));
    for violation in error.violations() {
        out.push(field(&path, &violation.field), &violation.description);
    }
}

/// Whether no two items are equal.
#[must_use]
pub fn is_unique<T: Eq + Hash>(items: &[T]) -> bool {
    let mut seen = HashSet::with_capacity(items.len());
    items.iter().all(|item| seen.insert(item))
}

/// Whether `text` is a UUID in the form with hyphens.
#[must_use]
pub fn is_uuid(text: &str) -> bool {
    // Of the forms that the parser takes only this one is 36 bytes long.
    text.len() == 36 && Uuid::try_parse(text).is_ok()
}

/// Whether `text` is an e-mail address as the HTML standard defines it (section 4.10.5.1.5).
#[must_use]
pub fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let atom = |b: u8| b.is_ascii_alphanumeric() || b".!#$%&'*+/=?^_`{|}~-".contains(&b);
    let label = |label: &str| {
        let inner = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        inner && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    };
    !local.is_empty() && local.bytes().all(atom) && domain.split('.').all(label)
}

/// A regular expression, compiled at its first use. The generator has compiled it before.
pub struct Pattern {
    source: &'static str,
    regex: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// A pattern from its source.
    #[must_use]
    pub const fn new(source: &'static str) -> Self {
        Self { source, regex: OnceLock::new() }
    }

    /// Whether it matches somewhere in `text`.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.regex.get_or_init(|| Regex::new(self.source).ok()).as_ref().is_some_and(|regex| regex.is_match(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emails_are_those_of_the_html_standard() {
        for good in ["a@b", "ada.lovelace+x@example.com", "o'neil@sub.ex-ample.org"] {
            assert!(is_email(good), "{good}");
        }
        for bad in ["", "@", "a@", "@b", "a b@c", "a@b@c", "a@-b", "a@b-", "a@b..c", "a@b\u{e9}", "a@b."] {
            assert!(!is_email(bad), "{bad}");
        }
        assert!(!is_email(&format!("a@{}", "x".repeat(64))));
    }

    #[test]
    fn only_the_form_with_hyphens_is_a_uuid() {
        assert!(is_uuid("6fa459ea-ee8a-4ca4-894e-db77e160355e"));
        assert!(is_uuid("6FA459EA-EE8A-4CA4-894E-DB77E160355E"));
        for bad in ["", "6fa459eaee8a4ca4894edb77e160355e", "{6fa459ea-ee8a-4ca4-894e-db77e160355e}", "x"] {
            assert!(!is_uuid(bad), "{bad}");
        }
        assert!(!is_uuid("6fa459ea-ee8a-4ca4-894e-db77e160355g"));
    }

    #[test]
    fn paths_name_the_way_to_the_field() {
        let mut out = Violations::default();
        nested("", "account", None, &mut out, |out| out.push(field("", "display_name"), "x"));
        nested("page", "rows", Some(3), &mut out, |out| out.push(field("", "id"), "x"));
        let error = out.into_result().unwrap_err();
        let fields: Vec<&str> = error.violations().iter().map(|v| v.field.as_str()).collect();
        assert_eq!(fields, ["account.display_name", "page.rows[3].id"]);
    }
}
