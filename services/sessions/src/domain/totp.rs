//! Codes as a second factor: time-based ones (RFC 6238) and recovery codes.
//!
//! No secret is stored: it is derived from the account and a random nonce, which is.

use data_encoding::BASE32_NOPAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use plaza_core::{AccountId, Error, Result, Secret, Timestamp};
use sha1::Sha1;

/// How many recovery codes there are.
pub(crate) const RECOVERY_CODES: u32 = 10;
/// All recovery codes, one bit each.
pub(crate) const ALL_RECOVERY: i64 = (1 << RECOVERY_CODES) - 1;
/// How long a setup may take: an hour, in milliseconds.
pub(crate) const SETUP_MS: i64 = 60 * 60 * 1_000;

/// How long one code is the current one.
const STEP_MS: i64 = 30_000;
/// How many steps a device's clock may be off, either way.
const SKEW: i64 = 1;
const DIGITS: usize = 6;
/// Bytes of a secret: what RFC 4226 recommends.
const SECRET: usize = 20;
/// Characters of a recovery code: 50 bits.
const RECOVERY: usize = 10;

/// What a second factor is derived from.
pub(crate) type Nonce = [u8; 16];

/// A second factor as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Factor {
    pub(crate) nonce: Nonce,
    /// Whether it is asked for; not yet while it is being set up.
    pub(crate) confirmed: bool,
    /// The step of the last code that was accepted.
    pub(crate) last_step: i64,
    /// The recovery codes that were not used, one bit each.
    pub(crate) recovery: i64,
}

/// A right code, to be spent once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Proof {
    /// The factor it is a code of.
    pub(crate) nonce: Nonce,
    pub(crate) code: Code,
}

/// Which code it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// The code of a time step.
    Step(i64),
    /// A recovery code, by its number.
    Recovery(u32),
}

impl Factor {
    /// The factor after a code was spent; `None` if it was spent before, or is of another factor.
    pub(crate) fn spent(self, proof: &Proof) -> Option<Self> {
        if !self.confirmed || proof.nonce != self.nonce {
            return None;
        }
        match proof.code {
            Code::Step(step) => (step > self.last_step).then_some(Self { last_step: step, ..self }),
            Code::Recovery(number) => {
                let bit = 1 << number;
                (self.recovery & bit != 0).then_some(Self { recovery: self.recovery & !bit, ..self })
            }
        }
    }
}

/// Makes and checks codes.
pub(crate) struct Totp {
    secret: Secret,
    issuer: String,
}

impl Totp {
    pub(crate) fn new(secret: &Secret, issuer: &str) -> Self {
        Self { secret: secret.derive("second-factors"), issuer: issuer.to_owned() }
    }

    /// The secret as people copy it.
    pub(crate) fn shown(&self, account: AccountId, nonce: &Nonce) -> String {
        BASE32_NOPAD.encode(&self.secret_of(account, nonce))
    }

    /// The secret as an app reads it from a picture.
    pub(crate) fn uri(&self, account: AccountId, nonce: &Nonce, name: &str) -> String {
        let (issuer, name, secret) = (escaped(&self.issuer), escaped(name), self.shown(account, nonce));
        format!("otpauth://totp/{issuer}:{name}?secret={secret}&issuer={issuer}&algorithm=SHA1&digits=6&period=30")
    }

    /// The recovery codes, such as `a2b3c-d4e5f`.
    pub(crate) fn recovery_codes(&self, account: AccountId, nonce: &Nonce) -> Vec<String> {
        let codes = (0..RECOVERY_CODES).map(|number| self.recovery_code(account, nonce, number));
        codes.map(|code| format!("{}-{}", &code[..RECOVERY / 2], &code[RECOVERY / 2..])).collect()
    }

    /// What a code proves of a factor, if it is right and was not used before.
    pub(crate) fn check(
        &self,
        account: AccountId,
        factor: &Factor,
        code: &str,
        now: Timestamp,
    ) -> Result<Option<Proof>> {
        let code: String = code.chars().filter(|c| !c.is_whitespace() && *c != '-').collect::<String>().to_lowercase();
        let found = match code.len() {
            DIGITS => self.step_of(account, factor, &code, now)?.map(Code::Step),
            RECOVERY => self.number_of(account, factor, &code).map(Code::Recovery),
            _ => None,
        };
        Ok(found.map(|code| Proof { nonce: factor.nonce, code }))
    }

    fn step_of(&self, account: AccountId, factor: &Factor, code: &str, now: Timestamp) -> Result<Option<i64>> {
        let (secret, current) = (self.secret_of(account, &factor.nonce), now.0.div_euclid(STEP_MS));
        for step in current - SKEW..=current + SKEW {
            if step > factor.last_step && same(&hotp(&secret, step)?, code) {
                return Ok(Some(step));
            }
        }
        Ok(None)
    }

    fn number_of(&self, account: AccountId, factor: &Factor, code: &str) -> Option<u32> {
        let unused = (0..RECOVERY_CODES).filter(|number| factor.recovery & (1 << number) != 0);
        unused.into_iter().find(|number| same(&self.recovery_code(account, &factor.nonce, *number), code))
    }

    fn secret_of(&self, account: AccountId, nonce: &Nonce) -> [u8; SECRET] {
        let mut secret = [0; SECRET];
        secret.copy_from_slice(&self.secret.mac(&[b"totp", &account.get().to_be_bytes(), nonce])[..SECRET]);
        secret
    }

    fn recovery_code(&self, account: AccountId, nonce: &Nonce, number: u32) -> String {
        let mac = self.secret.mac(&[b"recovery", &account.get().to_be_bytes(), nonce, &number.to_be_bytes()]);
        let mut code = BASE32_NOPAD.encode(&mac).to_lowercase();
        code.truncate(RECOVERY);
        code
    }
}

/// The code of a step: RFC 4226, section 5.3.
fn hotp(secret: &[u8], step: i64) -> Result<String> {
    let mac =
        Hmac::<Sha1>::new_from_slice(secret).map_err(|e| Error::internal(format!("a code cannot be made: {e}")))?;
    let hash = mac.chain_update(step.to_be_bytes()).finalize().into_bytes();
    let at = usize::from(hash[hash.len() - 1] & 0x0f);
    let number = u32::from_be_bytes([hash[at] & 0x7f, hash[at + 1], hash[at + 2], hash[at + 3]]);
    Ok(format!("{:06}", number % 1_000_000))
}

/// Compares in constant time.
fn same(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.bytes().zip(other.bytes()).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

/// Text as it may stand in a URI (RFC 3986).
fn escaped(text: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    let escape = |byte: u8| if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: AccountId = AccountId(7);
    const NOW: Timestamp = Timestamp(1_800_000_000_000);

    fn totp() -> Totp {
        Totp::new(&Secret::new([1; 32]), "My Plaza")
    }

    fn factor() -> Factor {
        Factor { nonce: [5; 16], confirmed: true, last_step: 0, recovery: ALL_RECOVERY }
    }

    fn code(step: i64) -> String {
        hotp(&totp().secret_of(ADA, &[5; 16]), step).unwrap()
    }

    #[test]
    fn codes_are_those_of_rfc_6238() {
        for (seconds, expected) in [(59, "287082"), (1_111_111_109, "081804"), (20_000_000_000, "353130")] {
            assert_eq!(hotp(b"12345678901234567890", seconds / 30).unwrap(), expected);
        }
    }

    #[test]
    fn a_code_is_right_in_its_step_and_the_ones_beside_it_and_only_once() {
        let step = NOW.0 / STEP_MS;
        let check = |code: &str, factor: &Factor| totp().check(ADA, factor, code, NOW).unwrap();
        for (of, right) in [(step - 2, false), (step - 1, true), (step, true), (step + 1, true), (step + 2, false)] {
            let found = check(&code(of), &factor());
            assert_eq!(found.map(|proof| proof.code), right.then_some(Code::Step(of)));
        }
        let proof = check(&format!(" {} ", code(step)), &factor()).unwrap();
        let after = factor().spent(&proof).unwrap();
        assert_eq!(
            (after.spent(&proof), check(&code(step), &after), check(&code(step - 1), &after)),
            (None, None, None)
        );
        assert!(check(&code(step + 1), &after).is_some());
        for wrong in ["", "12345", "abcdef", "1234567", "é23456", &"9".repeat(10)] {
            assert_eq!(check(wrong, &factor()), None, "{wrong}");
        }
        let of_another = Factor { nonce: [6; 16], ..factor() };
        assert_eq!((check(&code(step), &of_another), of_another.spent(&proof)), (None, None));
        assert_eq!(Factor { confirmed: false, ..factor() }.spent(&proof), None);
    }

    #[test]
    fn each_recovery_code_is_right_once() {
        let (totp, mut left) = (totp(), factor());
        let codes = totp.recovery_codes(ADA, &left.nonce);
        assert_eq!(codes.iter().collect::<std::collections::HashSet<_>>().len(), 10);
        assert_ne!(codes, totp.recovery_codes(AccountId(8), &left.nonce));
        for (number, code) in (0..).zip(&codes) {
            let typed = code.to_uppercase().replace('-', " ");
            let proof = totp.check(ADA, &left, &typed, NOW).unwrap().unwrap();
            assert_eq!(proof.code, Code::Recovery(number));
            left = left.spent(&proof).unwrap();
            assert_eq!((left.spent(&proof), totp.check(ADA, &left, code, NOW).unwrap()), (None, None));
        }
        assert_eq!(left.recovery, 0);
    }

    #[test]
    fn the_uri_is_one_that_apps_read() {
        let uri = totp().uri(ADA, &[5; 16], "ada");
        let secret = totp().shown(ADA, &[5; 16]);
        assert_eq!(secret.len(), 32);
        let expected =
            "otpauth://totp/My%20Plaza:ada?secret=SECRET&issuer=My%20Plaza&algorithm=SHA1&digits=6&period=30";
        assert_eq!(uri, expected.replace("SECRET", &secret));
    }
}
