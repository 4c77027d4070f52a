//! The platform's one secret and the keys derived from it.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// A 256-bit key. Its `Debug` shows nothing of it.
#[derive(Clone)]
pub struct Secret([u8; 32]);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    /// A key from its bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A key of its own for one purpose; different purposes' keys tell nothing of each other.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> Self {
        Self(self.mac(&[purpose.as_bytes()]))
    }

    /// HMAC-SHA256 over `parts`, each with its length in front, so that no two lists of parts collide.
    #[must_use]
    pub fn mac(&self, parts: &[&[u8]]) -> [u8; 32] {
        #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes a key of any length");
        for part in parts {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }

    /// Whether `tag` starts the MAC over `parts`, compared in constant time. A tag under 16 bytes never does.
    #[must_use]
    pub fn verify(&self, parts: &[&[u8]], tag: &[u8]) -> bool {
        let mac = self.mac(parts);
        tag.len() >= 16 && tag.len() <= mac.len() && tag.iter().zip(&mac).fold(0, |diff, (a, b)| diff | (a ^ b)) == 0
    }
}
