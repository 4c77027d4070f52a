//! The keys that sign access tokens, and their public side.

use std::cmp::Ordering;
use std::sync::Arc;

use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, ThumbprintHash};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use parking_lot::RwLock;
use plaza_core::{Cx, Env, Error, Result, Timestamp};
use plaza_proto::sessions::v1::{JsonWebKey, Tokens};

use super::{Claims, mint};
use crate::domain::{Grant, RefreshTokens};
use crate::store::SessionStore;

/// How long a new key is known before it signs: far longer than it takes until every verifier has asked for it.
const LEAD_MS: i64 = 2 * 60 * 1_000;
/// How long a key is kept after its successor began to sign: far longer than its last token is good.
const KEPT_MS: i64 = 60 * 60 * 1_000;

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
        let (_, JsonWebKey { kid, .. }) = pair(&seed)?;
        Ok(Self { kid, seed, created_at: env.now().0 })
    }

    /// The order of keys: the first signs. It is the same everywhere, so that replicas agree.
    pub(crate) fn newest_first(a: &Self, b: &Self) -> Ordering {
        (b.created_at, &a.kid).cmp(&(a.created_at, &b.kid))
    }
}

/// A key ready for use.
struct Key {
    stored: StoredKey,
    signing: EncodingKey,
    public: JsonWebKey,
}

impl Key {
    fn new(stored: &StoredKey) -> Result<Self> {
        let (signing, public) = pair(&stored.seed)?;
        Ok(Self { stored: stored.clone(), signing, public })
    }
}

/// Both sides of a key; the public one is named by its thumbprint.
fn pair(seed: &[u8; 32]) -> Result<(EncodingKey, JsonWebKey)> {
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
    Ok((signing, public))
}

/// Makes the tokens of the platform.
pub(crate) struct KeyRing {
    issuer: String,
    refresh: RefreshTokens,
    /// The newest first.
    keys: RwLock<Arc<[Key]>>,
}

impl KeyRing {
    /// A ring of the stored keys, the newest first.
    pub(crate) fn new(issuer: &str, refresh: RefreshTokens, stored: &[StoredKey]) -> Result<Self> {
        let keys = RwLock::new(stored.iter().map(Key::new).collect::<Result<_>>()?);
        Ok(Self { issuer: issuer.to_owned(), refresh, keys })
    }

    /// Takes over the keys of other replicas, and gives the store those that it has lost.
    pub(crate) async fn sync(&self, cx: &Cx, store: &dyn SessionStore) -> Result<()> {
        let stored = store.signing_keys(cx, self.newest()?).await?;
        self.adopt(&stored)
    }

    /// As [`KeyRing::sync`]; then makes a successor for a key that has signed for `period_ms`, and forgets keys whose
    /// tokens have all ended.
    pub(crate) async fn turn(
        &self,
        cx: &Cx,
        store: &dyn SessionStore,
        env: &Env,
        period_ms: Option<i64>,
    ) -> Result<()> {
        self.sync(cx, store).await?;
        let newest = self.newest()?;
        if period_ms.is_some_and(|period| newest.created_at + period <= env.now().0) {
            store.add_key(cx, StoredKey::generate(env)?, newest.created_at).await?;
            self.sync(cx, store).await?;
            tracing::info!(kid = self.newest()?.kid, "a new key signs access tokens soon");
        }
        let ended = self.ended(env.now());
        if !ended.is_empty() {
            store.drop_keys(cx, &ended).await?;
            let known = self.keys();
            let kept = known.iter().map(|key| &key.stored).filter(|key| !ended.contains(&key.kid));
            *self.keys.write() = kept.map(Key::new).collect::<Result<_>>()?;
        }
        Ok(())
    }

    /// The keys whose successor has signed for so long that their own tokens have ended.
    fn ended(&self, now: Timestamp) -> Vec<String> {
        let keys = self.keys();
        let since = now.0 - LEAD_MS - KEPT_MS;
        let pairs = keys.windows(2).filter(|pair| pair[0].stored.created_at <= since);
        pairs.map(|pair| pair[1].stored.kid.clone()).collect()
    }

    fn adopt(&self, stored: &[StoredKey]) -> Result<()> {
        let known = self.keys();
        let mut keys = stored.to_vec();
        keys.retain(|key| known.iter().all(|known| known.stored.kid != key.kid));
        if keys.is_empty() {
            return Ok(());
        }
        keys.extend(known.iter().map(|key| key.stored.clone()));
        keys.sort_by(StoredKey::newest_first);
        *self.keys.write() = keys.iter().map(Key::new).collect::<Result<_>>()?;
        Ok(())
    }

    fn keys(&self) -> Arc<[Key]> {
        self.keys.read().clone()
    }

    fn newest(&self) -> Result<StoredKey> {
        self.keys().first().map(|key| key.stored.clone()).ok_or_else(none)
    }

    /// The key that signs new tokens: the newest that every verifier knows by now, or else the oldest.
    pub(crate) fn kid(&self, now: Timestamp) -> Result<String> {
        signing(&self.keys(), now).map(|key| key.public.kid.clone()).ok_or_else(none)
    }

    /// The refresh tokens' side.
    pub(crate) fn refresh(&self) -> &RefreshTokens {
        &self.refresh
    }

    /// The public keys, the one that signs first.
    pub(crate) fn public(&self) -> Vec<JsonWebKey> {
        self.keys().iter().map(|key| key.public.clone()).collect()
    }

    /// The pair of tokens of a grant; the same each time, as long as the grant's key is there.
    pub(crate) fn tokens(&self, grant: &Grant) -> Result<Tokens> {
        let keys = self.keys();
        let named = keys.iter().find(|key| key.public.kid == grant.kid);
        let key = named.or_else(|| signing(&keys, Timestamp(grant.at))).ok_or_else(none)?;
        let claims = Claims::of(grant, &self.issuer);
        let (seconds, nanos) = claims.expires().seconds_nanos();
        Ok(Tokens {
            access_token: mint(&claims, &key.public.kid, &key.signing)?,
            access_expire_time: Some(prost_types::Timestamp { seconds, nanos }),
            refresh_token: self.refresh.seal(grant.session, grant.generation),
        })
    }
}

/// Of keys, the newest first, the one that signs.
fn signing(keys: &[Key], now: Timestamp) -> Option<&Key> {
    keys.iter().find(|key| key.stored.created_at + LEAD_MS <= now.0).or(keys.last())
}

fn none() -> Error {
    Error::internal("there is no signing key")
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
        let (_, key) = pair(&SEED).unwrap();
        assert_eq!(key.x, "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
        assert_eq!(key.kid, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        assert!(decoding_key(&key).is_some());
        assert!(decoding_key(&JsonWebKey { crv: "X25519".to_owned(), ..key }).is_none());
    }

    #[test]
    fn a_grant_gives_the_same_tokens_each_time_with_the_key_it_names() {
        let stored = |n: u8| {
            let seed = [n; 32];
            StoredKey { kid: pair(&seed).unwrap().1.kid, seed, created_at: n.into() }
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
        let now = Timestamp(grant.at);
        assert_eq!((ring.kid(now).unwrap(), signed_by(&tokens)), (new.kid.clone(), Some(old.kid.clone())));
        let without = KeyRing::new("plaza", refresh(), std::slice::from_ref(&old)).unwrap();
        let other = Grant { kid: new.kid.clone(), ..grant };
        assert_eq!(signed_by(&without.tokens(&other).unwrap()), Some(old.kid.clone()));
        assert_eq!(without.public().len(), 1);
        // It meets the key of another replica, and signs with it since it is newer.
        without.adopt(&[new.clone(), old]).unwrap();
        assert_eq!(
            (signed_by(&without.tokens(&other).unwrap()), without.kid(now).unwrap()),
            (Some(new.kid.clone()), new.kid)
        );
        assert_eq!(without.public(), ring.public());
    }

    #[test]
    fn a_new_key_signs_when_it_is_known_and_the_old_one_goes_when_its_tokens_have_ended() {
        let stored = |n: u8, created_at| {
            let seed = [n; 32];
            StoredKey { kid: pair(&seed).unwrap().1.kid, seed, created_at }
        };
        let (old, new) = (stored(1, 0), stored(2, 1_000_000));
        let ring = |keys: &[StoredKey]| KeyRing::new("plaza", RefreshTokens::new(&Secret::new([1; 32])), keys).unwrap();
        let both = ring(&[new.clone(), old.clone()]);
        let signs = |at| both.kid(Timestamp(at)).unwrap();
        assert_eq!(signs(1_000_000 + LEAD_MS - 1), old.kid);
        assert_eq!(signs(1_000_000 + LEAD_MS), new.kid);
        assert_eq!(signs(0), old.kid, "the oldest, if none is known for long");
        let last = 1_000_000 + LEAD_MS + KEPT_MS;
        assert!(both.ended(Timestamp(last - 1)).is_empty());
        assert_eq!(both.ended(Timestamp(last)), std::slice::from_ref(&old.kid));
        assert!(ring(&[old]).ended(Timestamp(i64::MAX)).is_empty(), "one without a successor stays");
    }
}
