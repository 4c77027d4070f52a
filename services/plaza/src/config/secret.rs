//! The secret as a setting.

use serde::{Deserialize, Serialize};

use plaza_core::Secret;

/// A secret as 64 hexadecimal digits. Its `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SecretText([u8; 32]);

impl SecretText {
    /// A secret from its bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The key itself.
    #[must_use]
    pub fn key(&self) -> Secret {
        Secret::new(self.0)
    }
}

impl std::fmt::Debug for SecretText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretText(…)")
    }
}

impl TryFrom<String> for SecretText {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl std::str::FromStr for SecretText {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "a secret is 64 hexadecimal digits; make one with `openssl rand -hex 32`";
        let text = text.trim();
        if text.len() != 64 || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(WRONG);
        }
        let mut bytes = [0; 32];
        for (at, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&text[at * 2..at * 2 + 2], 16).map_err(|_| WRONG)?;
        }
        Ok(Self(bytes))
    }
}

impl From<SecretText> for String {
    fn from(secret: SecretText) -> Self {
        secret.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_survives_its_text_form_and_hides_in_debug() {
        let text = "00ff".repeat(16);
        let secret: SecretText = text.parse().unwrap();
        assert_eq!(String::from(secret.clone()), text);
        assert_eq!(format!("{secret:?}"), "SecretText(…)");
    }

    #[test]
    fn what_is_no_secret_is_refused() {
        for bad in ["", "00", &"zz".repeat(32), &"ä".repeat(32), &"+1".repeat(32)] {
            assert!(bad.parse::<SecretText>().is_err(), "{bad}");
        }
    }
}
