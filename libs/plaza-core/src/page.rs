//! Page sizes and page tokens: opaque, signed, bound to the method, the filter and the caller.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::{AccountId, Error, Result, Secret, reason};

/// The page size when none is asked for.
pub const DEFAULT_SIZE: usize = 20;
/// The largest page; more is coerced to it.
pub const MAX_SIZE: usize = 100;
const TAG: usize = 16;
/// No token has more parts.
const MAX_KEYS: usize = 64;

/// The page size to use for the size a request names.
///
/// # Errors
/// `INVALID_ARGUMENT` on field `page_size` if it is negative.
pub fn size(requested: i32) -> Result<usize> {
    size_up_to(requested, MAX_SIZE)
}

/// As [`size`], for a list with its own largest page.
///
/// # Errors
/// `INVALID_ARGUMENT` on field `page_size` if it is negative.
pub fn size_up_to(requested: i32, max: usize) -> Result<usize> {
    match usize::try_from(requested) {
        Ok(0) => Ok(DEFAULT_SIZE.min(max)),
        Ok(n) => Ok(n.min(max)),
        Err(_) => Err(Error::invalid_field("page_size", "must not be negative; 0 means the default")),
    }
}

/// Seals and opens page tokens.
#[derive(Clone, Debug)]
pub struct Pager(Secret);

/// What a page token is good for: one method, one filter, one caller.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// The method's name, such as `ListFollowers`.
    pub method: &'a str,
    /// What the list is filtered by, as numbers (an account's id, …).
    pub filter: &'a [i64],
    /// Who asks; `None` for nobody.
    pub caller: Option<AccountId>,
}

impl Pager {
    /// A pager whose tokens only the holders of `secret` can make.
    #[must_use]
    pub fn new(secret: &Secret) -> Self {
        Self(secret.derive("page-tokens"))
    }

    /// The token that goes on after `keys`, the keyset position of the last row served.
    #[must_use]
    pub fn seal(&self, scope: Scope<'_>, keys: &[i64]) -> String {
        let mut body = bytes(keys);
        let mac = self.mac(scope, &body);
        body.extend_from_slice(&mac[..TAG]);
        URL_SAFE_NO_PAD.encode(body)
    }

    /// The position that a token holds; `None` for the empty token, which asks for the first page.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT`, reason `PAGE_TOKEN_INVALID`, field `page_token`, unless this pager made it for this scope
    /// with `N` keys.
    pub fn open<const N: usize>(&self, scope: Scope<'_>, token: &str) -> Result<Option<[i64; N]>> {
        if token.is_empty() {
            return Ok(None);
        }
        let invalid = || Error::new(reason::PAGE_TOKEN_INVALID).on_field("page_token");
        if N > MAX_KEYS || token.len() > (MAX_KEYS * 8 + TAG) * 4 / 3 + 4 {
            return Err(invalid());
        }
        let raw = URL_SAFE_NO_PAD.decode(token).map_err(|_| invalid())?;
        if raw.len() != N * 8 + TAG {
            return Err(invalid());
        }
        let (body, tag) = raw.split_at(N * 8);
        let filter = bytes(scope.filter);
        let caller = caller_bytes(scope.caller);
        if !self.0.verify(&[scope.method.as_bytes(), &filter, &caller, body], tag) {
            return Err(invalid());
        }
        let mut keys = [0; N];
        for (key, chunk) in keys.iter_mut().zip(body.chunks_exact(8)) {
            *key = i64::from_le_bytes(chunk.try_into().map_err(|_| invalid())?);
        }
        Ok(Some(keys))
    }

    fn mac(&self, scope: Scope<'_>, body: &[u8]) -> [u8; 32] {
        let (filter, caller) = (bytes(scope.filter), caller_bytes(scope.caller));
        self.0.mac(&[scope.method.as_bytes(), &filter, &caller, body])
    }
}

fn bytes(keys: &[i64]) -> Vec<u8> {
    keys.iter().flat_map(|k| k.to_le_bytes()).collect()
}

fn caller_bytes(caller: Option<AccountId>) -> [u8; 8] {
    caller.map_or(0, AccountId::get).to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCOPE: Scope<'static> = Scope { method: "ListFollowers", filter: &[7], caller: Some(AccountId(1)) };

    #[test]
    fn a_token_opens_only_for_what_it_was_made_for() {
        let pager = Pager::new(&Secret::new([1; 32]));
        let token = pager.seal(SCOPE, &[42, -3]);
        assert_eq!(pager.open::<2>(SCOPE, &token).unwrap(), Some([42, -3]));
        let borrowed = [
            Scope { method: "ListFollowing", ..SCOPE },
            Scope { filter: &[8], ..SCOPE },
            Scope { caller: Some(AccountId(2)), ..SCOPE },
            Scope { caller: None, ..SCOPE },
        ];
        for scope in borrowed {
            let error = pager.open::<2>(scope, &token).unwrap_err();
            assert!(error.is(reason::PAGE_TOKEN_INVALID), "{scope:?}");
            assert_eq!(error.violations()[0].field, "page_token");
        }
        assert!(pager.open::<1>(SCOPE, &token).is_err());
        assert!(Pager::new(&Secret::new([2; 32])).open::<2>(SCOPE, &token).is_err());
    }

    #[test]
    fn no_changed_or_cut_token_opens() {
        let pager = Pager::new(&Secret::new([1; 32]));
        let token = pager.seal(SCOPE, &[42]);
        for i in 0..token.len() {
            let mut bad = token.clone().into_bytes();
            bad[i] = if bad[i] == b'A' { b'B' } else { b'A' };
            assert!(pager.open::<1>(SCOPE, std::str::from_utf8(&bad).unwrap()).is_err());
            assert!(i == 0 || pager.open::<1>(SCOPE, &token[..i]).is_err());
        }
        assert_eq!(pager.open::<1>(SCOPE, "").unwrap(), None);
    }

    #[test]
    fn sizes_are_coerced_and_negative_ones_refused() {
        assert_eq!((size(0).unwrap(), size(7).unwrap(), size(5_000).unwrap()), (20, 7, 100));
        assert_eq!(size(-1).unwrap_err().violations()[0].field, "page_size");
    }
}
