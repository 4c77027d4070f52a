//! Tokens: what stands in a mail for a ticket, and what opens a receipt, so that nobody can make one up.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use plaza_core::{AccountId, Error, Result, Secret, reason};

use crate::domain::ticket::Purpose;

const TAG: usize = 16;
const LEN: usize = 16 + TAG;
/// What receipts are sealed for; tickets have other numbers.
const RECEIPT: i32 = 0;

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
        self.seal_for(purpose.number(), account, ticket)
    }

    /// The ticket of a token, which may be used or expired by now.
    ///
    /// # Errors
    /// `TOKEN_INVALID` on `token`, unless it was made for this purpose.
    pub(crate) fn open(&self, purpose: Purpose, token: &str) -> Result<(AccountId, i64)> {
        self.open_for(purpose.number(), token).ok_or_else(|| Error::new(reason::TOKEN_INVALID).on_field("token"))
    }

    /// The token that opens the receipt of an account's deletion.
    pub(crate) fn seal_receipt(&self, account: AccountId) -> String {
        self.seal_for(RECEIPT, account, 0)
    }

    /// The account whose receipt a token opens.
    ///
    /// # Errors
    /// `TOKEN_INVALID` on `receipt_token`.
    pub(crate) fn open_receipt(&self, token: &str) -> Result<AccountId> {
        let opened = self.open_for(RECEIPT, token).map(|(account, _)| account);
        opened.ok_or_else(|| Error::new(reason::TOKEN_INVALID).on_field("receipt_token"))
    }

    fn seal_for(&self, purpose: i32, account: AccountId, ticket: i64) -> String {
        let mut body = [account.get().to_be_bytes(), ticket.to_be_bytes()].concat();
        let tag = self.0.mac(&[&purpose.to_be_bytes(), &body]);
        body.extend_from_slice(&tag[..TAG]);
        URL_SAFE_NO_PAD.encode(body)
    }

    fn open_for(&self, purpose: i32, token: &str) -> Option<(AccountId, i64)> {
        let raw: [u8; LEN] = URL_SAFE_NO_PAD.decode(token.trim()).ok()?.try_into().ok()?;
        let (body, tag) = raw.split_at(16);
        if !self.0.verify(&[&purpose.to_be_bytes(), body], tag) {
            return None;
        }
        let number = |at: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&body[at..at + 8]);
            i64::from_be_bytes(bytes)
        };
        Some((AccountId(number(0)), number(8)))
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
        assert!(tokens.open_receipt(&token).unwrap_err().is(reason::TOKEN_INVALID));
        let receipt = tokens.seal_receipt(AccountId(7));
        assert_eq!(tokens.open_receipt(&receipt).unwrap(), AccountId(7));
        assert!(tokens.open(Purpose::VerifyEmail, &receipt).is_err());
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
