//! The keys that sign access tokens, and their public side.

use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use plaza_core::{Env, Error, Result};
use plaza_proto::sessions::v1::{JsonWebKey, Tokens};

use super::{Claims, mint};
use crate::domain::{Grant, RefreshTokens};

/// What stands before the seed in a PKCS #8 document of an Ed25519 key (RFC 8410, section 7).
const PKCS8_ED25519: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

const KEY_TYPE: &str = "OKP";
const CURVE: &str = "Ed25519";
const ALGORITHM: &str = "EdDSA";

/// A signing key as it is stored. No `Debug`: the seed is the private key.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct StoredKey {
    pub(crate) kid: String,
    pub(crate) seed: [u8; 32],
    pub(crate) created_at: i64,
}

impl StoredKey {
    /// A new key.
    pub(crate) fn generate(env: &Env) -> Result<Self> {
        let mut seed = [0; 32];
        env.fill(&mut seed);
        let kid = Key::new(&seed)?.public.kid;
        Ok(Self { kid, seed, created_at: env.now().0 })
    }
}

/// A key ready for use.
struct Key {
    signing: EncodingKey,
    public: JsonWebKey,
}

impl Key {
    fn new(seed: &[u8; 32]) -> Result<Self> {
        let signing = EncodingKey::from_ed_der(&[&PKCS8_ED25519[..], seed].concat());
        let broken = |e| Error::internal(format!("a signing key cannot be used: {e}"));
        let jwk = Jwk::from_encoding_key(&signing, Algorithm::EdDSA).map_err(broken)?;
        let kid = jwk.thumbprint(ThumbprintHash::SHA256).map_err(broken)?;
        let AlgorithmParameters::OctetKeyPair(pair) = jwk.algorithm else {
            return Err(Error::internal("a signing key is not of Ed25519"));
        };
        let public = JsonWebKey {
            kid,
            kty: KEY_TYPE.to_owned(),
            crv: CURVE.to_owned(),
            alg: ALGORITHM.to_owned(),
            r#use: "sig".to_owned(),
            x: pair.x,
        };
        Ok(Self { signing, public })
    }
}

/// Makes the tokens of the platform.
pub(crate) struct KeyRing {
    issuer: String,
    refresh: RefreshTokens,
    /// The one that signs first.
    keys: Vec<Key>,
}

impl KeyRing {
    /// A ring of the stored keys, the one that signs first.
    pub(crate) fn new(issuer: &str, refresh: RefreshTokens, stored: &[StoredKey]) -> Result<Self> {
        let keys = stored.iter().map(|key| Key::new(&key.seed)).collect::<Result<_>>()?;
        Ok(Self { issuer: issuer.to_owned(), refresh, keys })
    }

    /// The key that signs new tokens.
    pub(crate) fn kid(&self) -> Result<&str> {
        self.keys.first().map(|key| key.public.kid.as_str()).ok_or_else(|| Error::internal("there is no signing key"))
    }

    /// The refresh tokens' side.
    pub(crate) fn refresh(&self) -> &RefreshTokens {
        &self.refresh
    }

    /// The public keys, the one that signs first.
    pub(crate) fn public(&self) -> Vec<JsonWebKey> {
        self.keys.iter().map(|key| key.public.clone()).collect()
    }

    /// The pair of tokens of a grant; the same each time, as long as the grant's key is there.
    pub(crate) fn tokens(&self, grant: &Grant) -> Result<Tokens> {
        let named = self.keys.iter().find(|key| key.public.kid == grant.kid);
        let key = named.or(self.keys.first()).ok_or_else(|| Error::internal("there is no signing key"))?;
        let claims = Claims::of(grant, &self.issuer);
        let (seconds, nanos) = claims.expires().seconds_nanos();
        Ok(Tokens {
            access_token: mint(&claims, &key.public.kid, &key.signing)?,
            access_expire_time: Some(prost_types::Timestamp { seconds, nanos }),
            refresh_token: self.refresh.seal(grant.session, grant.generation),
        })
    }
}

/// The key to verify with, if it is one for our tokens.
pub(crate) fn decoding_key(key: &JsonWebKey) -> Option<DecodingKey> {
    let ours = key.kty == KEY_TYPE && key.crv == CURVE && key.alg == ALGORITHM;
    ours.then(|| DecodingKey::from_ed_components(&key.x).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use plaza_core::{AccountId, Secret, SessionId};

    use super::*;

    /// The key of RFC 8037, appendix A.
    const SEED: [u8; 32] = [
        0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4, 0x92, 0xec, 0x2c, 0xc4, 0x44, 0x49,
        0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19, 0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60,
    ];

    #[test]
    fn public_key_and_thumbprint_are_those_of_rfc_8037() {
        let key = Key::new(&SEED).unwrap().public;
        assert_eq!(key.x, "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        assert_eq!(key.kid, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        assert!(decoding_key(&key).is_some());
        assert!(decoding_key(&JsonWebKey { crv: "X25519".to_owned(), ..key }).is_none());
    }

    #[test]
    fn a_grant_gives_the_same_tokens_each_time_with_the_key_it_names() {
        let stored = |n: u8| {
            let seed = [n; 32];
            StoredKey { kid: Key::new(&seed).unwrap().public.kid, seed, created_at: 0 }
        };
        let (new, old) = (stored(2), stored(1));
        let refresh = || RefreshTokens::new(&Secret::new([1; 32]));
        let ring = KeyRing::new("plaza", refresh(), &[new.clone(), old.clone()]).unwrap();
        let grant = Grant {
            session: SessionId(5),
            account: AccountId(7),
            created_at: 0,
            at: 1_800_000_000_000,
            expires_at: 0,
            generation: 1,
            kid: old.kid.clone(),
        };
        let tokens = ring.tokens(&grant).unwrap();
        assert_eq!(tokens, ring.tokens(&grant).unwrap());
        let signed_by = |tokens: &Tokens| jsonwebtoken::decode_header(&tokens.access_token).unwrap().kid;
        assert_eq!((ring.kid().unwrap(), signed_by(&tokens)), (new.kid.as_str(), Some(old.kid)));
        let without = KeyRing::new("plaza", refresh(), std::slice::from_ref(&new)).unwrap();
        assert_eq!(signed_by(&without.tokens(&grant).unwrap()), Some(new.kid));
        assert_eq!(without.public().len(), 1);
    }
}
