//! Tokens: what stands in a mail for a ticket, so that nobody can make one up.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use plaza_core::{AccountId, Error, Result, Secret, reason};

use crate::domain::ticket::Purpose;

const TAG: usize = 16;
const LEN: usize = 16 + TAG;

/// Seals and opens tokens.
#[derive(Clone, Debug)]
pub(crate) struct Tokens(Secret);

impl Tokens {
    /// Tokens that only the holders of `secret` can make.
    pub(crate) fn new(secret: &Secret) -> Self {
        Self(secret.derive("mail-tokens"))
    }

    /// The token of a ticket.
    pub(crate) fn seal(&self, purpose: Purpose, account: AccountId, ticket: i64) -> String {
        let mut body = [account.get().to_be_bytes(), ticket.to_be_bytes()].concat();
        let tag = self.0.mac(&[&purpose.number().to_be_bytes(), &body]);
        body.extend_from_slice(&tag[..TAG]);
        URL_SAFE_NO_PAD.encode(body)
    }

    /// The ticket of a token, which may be used or expired by now.
    ///
    /// # Errors
    /// `TOKEN_INVALID` on `token`, unless it was made for this purpose.
    pub(crate) fn open(&self, purpose: Purpose, token: &str) -> Result<(AccountId, i64)> {
        let invalid = || Error::new(reason::TOKEN_INVALID).on_field("token");
        let raw = URL_SAFE_NO_PAD.decode(token.trim()).map_err(|_| invalid())?;
        let raw: [u8; LEN] = raw.try_into().map_err(|_| invalid())?;
        let (body, tag) = raw.split_at(16);
        if !self.0.verify(&[&purpose.number().to_be_bytes(), body], tag) {
            return Err(invalid());
        }
        let number = |at: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&body[at..at + 8]);
            i64::from_be_bytes(bytes)
        };
        Ok((AccountId(number(0)), number(8)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_what_it_was_made_for_alone() {
        let tokens = Tokens::new(&Secret::new([1; 32]));
        let token = tokens.seal(Purpose::VerifyEmail, AccountId(7), 9);
        assert_eq!(tokens.open(Purpose::VerifyEmail, &format!(" {token}\n")).unwrap(), (AccountId(7), 9));
        assert!(tokens.open(Purpose::ResetPassword, &token).unwrap_err().is(reason::TOKEN_INVALID));
        let others = Tokens::new(&Secret::new([2; 32]));
        assert!(others.open(Purpose::VerifyEmail, &token).is_err());
        for at in 0..token.len() {
            let mut forged = token.clone().into_bytes();
            forged[at] = if forged[at] == b'A' { b'B' } else { b'A' };
            let forged = String::from_utf8(forged).unwrap();
            let opened = tokens.open(Purpose::VerifyEmail, &forged);
            assert!(opened.is_err() || opened.unwrap() == (AccountId(7), 9), "{forged}");
        }
        for bad in ["", "A", "%%%", &token[1..], &format!("{token}AAAA")] {
            assert!(tokens.open(Purpose::VerifyEmail, bad).is_err(), "{bad}");
        }
    }
}
