//! Refresh tokens: made from the session's id and a generation, recognised by a MAC, stored nowhere.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use plaza_core::{Secret, SessionId};

const NUMBER: usize = 8;
const BODY: usize = 2 * NUMBER;
const MAC: usize = 32;
/// Length in characters: 48 bytes are 64 of them.
const LENGTH: usize = (BODY + MAC) * 4 / 3;

/// Makes and recognises refresh tokens.
#[derive(Clone, Debug)]
pub(crate) struct RefreshTokens(Secret);

/// What a genuine refresh token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Presented {
    pub(crate) session: SessionId,
    pub(crate) generation: i64,
}

impl RefreshTokens {
    pub(crate) fn new(secret: &Secret) -> Self {
        Self(secret.derive("refresh-tokens"))
    }

    /// The session's token of a generation; always the same.
    pub(crate) fn seal(&self, session: SessionId, generation: i64) -> String {
        let mut token = Vec::with_capacity(BODY + MAC);
        token.extend_from_slice(&session.get().to_be_bytes());
        token.extend_from_slice(&generation.to_be_bytes());
        let mac = self.0.mac(&[&token]);
        token.extend_from_slice(&mac);
        URL_SAFE_NO_PAD.encode(token)
    }

    /// What a token says; `None` unless it was made here.
    pub(crate) fn open(&self, token: &str) -> Option<Presented> {
        if token.len() != LENGTH {
            return None;
        }
        let raw = URL_SAFE_NO_PAD.decode(token).ok()?;
        let (body, mac) = raw.split_at_checked(BODY)?;
        if mac.len() != MAC || !self.0.verify(&[body], mac) {
            return None;
        }
        let (session, generation) = body.split_at(NUMBER);
        Some(Presented {
            session: SessionId(i64::from_be_bytes(session.try_into().ok()?)),
            generation: i64::from_be_bytes(generation.try_into().ok()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_says_what_went_in_and_is_the_same_each_time() {
        let tokens = RefreshTokens::new(&Secret::new([1; 32]));
        let token = tokens.seal(SessionId(42), 7);
        assert_eq!((token.len(), &token), (LENGTH, &tokens.seal(SessionId(42), 7)));
        assert_eq!(tokens.open(&token), Some(Presented { session: SessionId(42), generation: 7 }));
        assert_ne!(token, tokens.seal(SessionId(42), 8));
    }

    #[test]
    fn no_forged_changed_or_cut_token_opens() {
        let tokens = RefreshTokens::new(&Secret::new([1; 32]));
        let token = tokens.seal(SessionId(42), 7);
        assert_eq!(RefreshTokens::new(&Secret::new([2; 32])).open(&token), None);
        for i in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[i] = if changed[i] == b'A' { b'B' } else { b'A' };
            assert_eq!(tokens.open(std::str::from_utf8(&changed).unwrap()), None);
            assert_eq!(tokens.open(&token[..i]), None);
        }
        for bad in ["", "é".repeat(32).as_str(), &"A".repeat(LENGTH), &"=".repeat(LENGTH)] {
            assert_eq!(tokens.open(bad), None);
        }
    }
}
