//! Challenges: that a password was right, for whoever has the second factor as well.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use plaza_core::{AccountId, Secret, Timestamp};
use serde::{Deserialize, Serialize};

/// How long there is to give the code: 5 minutes, in milliseconds.
const LIFETIME_MS: i64 = 5 * 60 * 1_000;
const NUMBER: usize = 8;
const MAC: usize = 32;
/// No challenge is longer: two numbers, a device's name of 64 characters, and a MAC.
const LONGEST: usize = (2 * NUMBER + 64 * 4 + MAC) * 4 / 3 + 4;

/// Whose password was right, and when. Remembered with the request in place of the challenge that is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Challenge {
    pub(crate) account: AccountId,
    /// When checking the password began.
    pub(crate) proved_at: i64,
}

impl Challenge {
    /// When it ends.
    pub(crate) fn expires(&self) -> Timestamp {
        Timestamp(self.proved_at + LIFETIME_MS)
    }
}

/// Makes and recognises challenges.
#[derive(Clone, Debug)]
pub(crate) struct Challenges(Secret);

impl Challenges {
    pub(crate) fn new(secret: &Secret) -> Self {
        Self(secret.derive("sign-in-challenges"))
    }

    /// The challenge as it is sent, with the name of the device that signs in; always the same.
    pub(crate) fn seal(&self, challenge: &Challenge, device_name: &str) -> String {
        let mut sealed = Vec::with_capacity(2 * NUMBER + device_name.len() + MAC);
        sealed.extend_from_slice(&challenge.account.get().to_be_bytes());
        sealed.extend_from_slice(&challenge.proved_at.to_be_bytes());
        sealed.extend_from_slice(device_name.as_bytes());
        let mac = self.0.mac(&[&sealed]);
        sealed.extend_from_slice(&mac);
        URL_SAFE_NO_PAD.encode(sealed)
    }

    /// What a challenge says, with the device's name; `None` unless it was made here.
    pub(crate) fn open(&self, sealed: &str) -> Option<(Challenge, String)> {
        if sealed.len() > LONGEST {
            return None;
        }
        let raw = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (body, mac) = raw.split_at_checked(raw.len().checked_sub(MAC)?)?;
        if !self.0.verify(&[body], mac) {
            return None;
        }
        let (account, rest) = body.split_at_checked(NUMBER)?;
        let (proved_at, name) = rest.split_at_checked(NUMBER)?;
        let number = |bytes: &[u8]| Some(i64::from_be_bytes(bytes.try_into().ok()?));
        let challenge = Challenge { account: AccountId(number(account)?), proved_at: number(proved_at)? };
        let name = String::from_utf8(name.to_vec()).ok()?;
        Some((challenge, name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_says_what_went_in_and_cannot_be_made_up() {
        let challenges = Challenges::new(&Secret::new([1; 32]));
        let challenge = Challenge { account: AccountId(7), proved_at: 1_000 };
        let name = "é".repeat(64);
        let sealed = challenges.seal(&challenge, &name);
        assert_eq!(challenges.open(&sealed), Some((challenge, name)));
        assert_eq!(challenge.expires(), Timestamp(301_000));
        assert_eq!(Challenges::new(&Secret::new([2; 32])).open(&sealed), None);
        for at in 0..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            assert_eq!(challenges.open(std::str::from_utf8(&changed).unwrap()), None);
            assert_eq!(challenges.open(&sealed[..at]), None);
        }
        assert_eq!(challenges.open(&"A".repeat(10_000)), None);
    }
}
