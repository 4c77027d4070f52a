//! Argon2id (RFC 9106) with memory that is used again, to and from PHC strings.

use argon2::password_hash::phc::{Output, PasswordHash as Phc, Salt};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, Version};
use plaza_core::{Error, Result};

use crate::config::PasswordHash;
use crate::store::Credential;

/// Length of a hash: 256 bits.
const OUTPUT: usize = 32;

/// The memory of one thread; grows to what the largest hash needs.
#[derive(Default)]
pub(super) struct Scratch(Vec<Block>);

impl Scratch {
    fn blocks(&mut self, count: usize) -> &mut [Block] {
        if self.0.len() < count {
            self.0.resize(count, Block::new());
        }
        &mut self.0[..count]
    }
}

/// Hashes with the given work; the result carries the work and the salt with it.
pub(super) fn hash(work: PasswordHash, password: &[u8], salt: &[u8], scratch: &mut Scratch) -> Result<Credential> {
    let params = Params::new(work.m, work.t, work.p, Some(OUTPUT)).map_err(broken)?;
    let mut out = [0; OUTPUT];
    fill(&params, password, salt, &mut out, scratch)?;
    let phc = Phc {
        algorithm: ARGON2ID_IDENT,
        version: Some(Version::V0x13.into()),
        params: (&params).try_into().map_err(broken)?,
        salt: Some(Salt::new(salt).map_err(broken)?),
        hash: Some(Output::new(&out).map_err(broken)?),
    };
    Ok(Credential::new(phc.to_string()))
}

/// Whether `password` is behind `credential`, with the work that the credential names.
pub(super) fn verify(credential: &Credential, password: &[u8], scratch: &mut Scratch) -> Result<bool> {
    let phc = Phc::new(credential.phc()).map_err(broken)?;
    let (Some(salt), Some(expected)) = (&phc.salt, &phc.hash) else { return Err(broken("incomplete")) };
    if phc.algorithm != ARGON2ID_IDENT || phc.version != Some(Version::V0x13.into()) {
        return Err(broken("not made by argon2id version 19"));
    }
    let params = Params::try_from(&phc).map_err(broken)?;
    let mut out = [0; Output::MAX_LENGTH];
    let out = &mut out[..expected.len()];
    fill(&params, password, salt, out, scratch)?;
    // Compares in constant time.
    Ok(Output::new(out).map_err(broken)? == *expected)
}

fn fill(params: &Params, password: &[u8], salt: &[u8], out: &mut [u8], scratch: &mut Scratch) -> Result<()> {
    let blocks = scratch.blocks(params.block_count());
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params.clone())
        .hash_password_into_with_memory(password, salt, out, blocks)
        .map_err(broken)
}

/// Hashes of ours can always be read; what is wrong with one tells nothing of the password.
fn broken(what: impl std::fmt::Display) -> Error {
    Error::internal(format!("password hash: {what}"))
}

#[cfg(test)]
mod tests {
    use argon2::PasswordVerifier as _;

    use super::*;

    #[test]
    fn the_string_is_standard_and_the_memory_can_be_used_again() {
        let mut scratch = Scratch::default();
        let large = PasswordHash { m: 64, t: 3, p: 2 };
        for work in [large, PasswordHash::FASTEST, large] {
            let credential = hash(work, b"secret", &[7; 16], &mut scratch).unwrap();
            let text = credential.phc();
            assert!(text.starts_with(&format!("$argon2id$v=19$m={},t={},p={}$", work.m, work.t, work.p)), "{text}");
            Argon2::default().verify_password(b"secret", text).expect("the crate's own check agrees");
            assert!(verify(&credential, b"secret", &mut scratch).unwrap());
            assert!(!verify(&credential, b"Secret", &mut scratch).unwrap());
        }
        assert_eq!(scratch.0.len(), 64);
    }

    #[test]
    fn the_default_work_is_owasps_minimum() {
        let credential = hash(PasswordHash::default(), b"secret", &[7; 16], &mut Scratch::default()).unwrap();
        assert!(credential.phc().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
    }

    #[test]
    fn what_is_no_hash_of_ours_is_an_error() {
        for bad in [
            "",
            "plain",
            "$argon2i$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
            "$argon2id$v=19$m=8",
        ] {
            assert!(verify(&Credential::new(bad.to_owned()), b"x", &mut Scratch::default()).is_err(), "{bad}");
        }
    }
}
