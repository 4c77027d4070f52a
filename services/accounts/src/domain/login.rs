//! What people sign in with: a handle or an e-mail address.

use super::Email;

/// A login in the form that is looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Login {
    /// A handle's key.
    Handle(String),
    /// An e-mail address's key.
    Email(String),
}

impl Login {
    /// Handles hold no `@`, and addresses always do.
    pub(crate) fn parse(text: &str) -> Self {
        if text.contains('@') {
            Self::Email(Email::new(text).key().to_owned())
        } else {
            Self::Handle(text.trim().to_lowercase())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_an_address_if_it_has_an_at_sign() {
        assert_eq!(Login::parse(" Ada "), Login::Handle("ada".to_owned()));
        assert_eq!(Login::parse("ADA@example.ORG "), Login::Email("ada@example.org".to_owned()));
    }
}
