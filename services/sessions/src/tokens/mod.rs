//! Access tokens: JWTs signed with EdDSA over Ed25519 (RFC 7519, RFC 8037), and their keys.

mod claims;
mod keys;

pub(crate) use claims::{Claims, check, mint};
pub(crate) use keys::{KeyRing, StoredKey, decoding_key};
