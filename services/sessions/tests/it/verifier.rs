use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use parking_lot::Mutex;
use plaza_core::{Cx, Env, Error, Result, SessionId, reason};
use plaza_proto::sessions::v1::*;
use plaza_rpc::TokenVerifier as _;
use plaza_sessions::SessionVerifier;
use serde_json::{Value, json};

use crate::world::{ADA, START, World, guest, request_id, user};

/// PKCS #8 of an Ed25519 key with this seed.
fn key(seed: u8) -> EncodingKey {
    let head = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
    EncodingKey::from_ed_der(&[&head[..], &[seed; 32]].concat())
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

async fn jwks(w: &World) -> Vec<JsonWebKey> {
    w.client.get_jwks(&guest(), GetJwksRequest {}).await.unwrap().keys
}

#[tokio::test]
async fn get_jwks_is_an_rfc_8037_key_that_the_tokens_name() {
    let w = World::new().await;
    let keys = jwks(&w).await;
    let [key] = &keys[..] else { panic!("one key") };
    assert_eq!(
        (key.kty.as_str(), key.crv.as_str(), key.alg.as_str(), key.r#use.as_str()),
        ("OKP", "Ed25519", "EdDSA", "sig")
    );
    assert_eq!(URL_SAFE_NO_PAD.decode(&key.x).unwrap().len(), 32);
    let token = w.sign_in("ada").await.tokens.unwrap().access_token;
    let header = jsonwebtoken::decode_header(&token).unwrap();
    assert_eq!((header.alg, header.kid.as_deref()), (Algorithm::EdDSA, Some(key.kid.as_str())));
}

#[tokio::test]
async fn forged_tokens_are_invalid() {
    let w = World::new().await;
    let good = w.sign_in("ada").await.tokens.unwrap().access_token;
    let kid = jwks(&w).await[0].kid.clone();
    let public = URL_SAFE_NO_PAD.decode(&jwks(&w).await[0].x).unwrap();
    let claims =
        json!({"iss": "plaza", "sub": ADA.to_string(), "sid": "5", "iat": START / 1_000, "exp": START / 1_000 + 600});
    let ed = |kid: Option<&str>| Header { kid: kid.map(str::to_owned), ..Header::new(Algorithm::EdDSA) };
    let hs = Header { kid: Some(kid.clone()), ..Header::new(Algorithm::HS256) };
    let none = |alg: &str| format!("{}.{}.", part(&json!({"alg": alg, "kid": kid})), part(&claims));
    let parts: Vec<&str> = good.split('.').collect();
    let swapped = format!("{}.{}.{}", parts[0], part(&claims), parts[2]);
    for (what, token) in [
        ("empty", String::new()),
        ("garbage", "a.b.c".to_owned()),
        ("two parts", parts[..2].join(".")),
        ("a fourth part", format!("{good}.x")),
        ("cut", good[..good.len() - 4].to_owned()),
        ("too long", format!("{good}{}", "A".repeat(2_000))),
        ("alg none", none("none")),
        ("alg None", none("None")),
        ("no signature", format!("{}.{}.", parts[0], parts[1])),
        ("other claims under a good signature", swapped),
        ("the public key as a shared secret", encode(&hs, &claims, &EncodingKey::from_secret(&public)).unwrap()),
        ("another key under a good kid", encode(&ed(Some(&kid)), &claims, &key(9)).unwrap()),
        ("another kid", encode(&ed(Some("other")), &claims, &key(9)).unwrap()),
        ("no kid", encode(&ed(None), &claims, &key(9)).unwrap()),
    ] {
        let error = w.verify(&token).await.unwrap_err();
        assert!(error.is(reason::CREDENTIALS_INVALID), "{what}: {error}");
    }
    w.verify(&good).await.unwrap();
}

/// A sessions service that holds the key of seed 3 and answers as the test says.
#[derive(Default)]
struct Keys {
    asked: AtomicUsize,
    down: AtomicBool,
    hangs: AtomicBool,
    revoked: Mutex<Vec<i64>>,
}

impl Keys {
    async fn enter(&self) -> Result<()> {
        if self.hangs.load(Ordering::SeqCst) {
            std::future::pending::<()>().await;
        }
        if self.down.load(Ordering::SeqCst) { Err(Error::new(reason::PEER_UNAVAILABLE)) } else { Ok(()) }
    }
}

fn none<T>() -> Result<T> {
    Err(Error::new(reason::METHOD_UNKNOWN))
}

#[async_trait]
impl SessionsService for Keys {
    async fn get_jwks(&self, _: &Cx, _: GetJwksRequest) -> Result<GetJwksResponse> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.enter().await?;
        let jwk = jsonwebtoken::jwk::Jwk::from_encoding_key(&key(3), Algorithm::EdDSA).unwrap();
        let x = serde_json::to_value(jwk).unwrap()["x"].as_str().unwrap().to_owned();
        let own = |kid: &str, alg: &str, x: &str| JsonWebKey {
            kid: kid.to_owned(),
            kty: "OKP".to_owned(),
            crv: "Ed25519".to_owned(),
            alg: alg.to_owned(),
            r#use: "sig".to_owned(),
            x: x.to_owned(),
        };
        Ok(GetJwksResponse { keys: vec![own("k3", "EdDSA", &x), own("odd", "RS256", &x), own("bad", "EdDSA", "!")] })
    }

    async fn list_revoked_sessions(
        &self,
        _: &Cx,
        req: ListRevokedSessionsRequest,
    ) -> Result<ListRevokedSessionsResponse> {
        self.enter().await?;
        let revoked = self.revoked.lock();
        let after = usize::try_from(req.after).unwrap().min(revoked.len());
        let end = revoked.len().min(after + 2);
        Ok(ListRevokedSessionsResponse {
            session_ids: revoked[after..end].to_vec(),
            cursor: i64::try_from(end).unwrap(),
        })
    }

    async fn sign_in(&self, _: &Cx, _: SignInRequest) -> Result<SignInResponse> {
        none()
    }

    async fn refresh_session(&self, _: &Cx, _: RefreshSessionRequest) -> Result<RefreshSessionResponse> {
        none()
    }

    async fn sign_out(&self, _: &Cx, _: SignOutRequest) -> Result<SignOutResponse> {
        none()
    }

    async fn sign_out_everywhere(&self, _: &Cx, _: SignOutEverywhereRequest) -> Result<SignOutEverywhereResponse> {
        none()
    }

    async fn list_sessions(&self, _: &Cx, _: ListSessionsRequest) -> Result<ListSessionsResponse> {
        none()
    }

    async fn revoke_session(&self, _: &Cx, _: RevokeSessionRequest) -> Result<RevokeSessionResponse> {
        none()
    }
}

struct Bench {
    keys: Arc<Keys>,
    clock: Arc<plaza_core::ManualClock>,
    verifier: Arc<SessionVerifier>,
}

impl Bench {
    fn new() -> Self {
        let clock = plaza_core::ManualClock::new(plaza_core::Timestamp(START));
        let keys = Arc::new(Keys::default());
        let client = SessionsServiceClient::local(keys.clone());
        let verifier = SessionVerifier::new(client, Env::manual(clock.clone(), 1), "plaza");
        Self { keys, clock, verifier }
    }

    fn asked(&self) -> usize {
        self.keys.asked.load(Ordering::SeqCst)
    }

    fn age_ms(&self) -> f64 {
        self.verifier.gauges().iter().find(|g| g.name == "session_revocations_age_ms").unwrap().value
    }
}

fn token(kid: &str, change: impl FnOnce(&mut Value)) -> String {
    let now = START / 1_000;
    let mut claims = json!({"iss": "plaza", "sub": "7", "sid": "5", "iat": now, "exp": now + 600});
    change(&mut claims);
    encode(&Header { kid: Some(kid.to_owned()), ..Header::new(Algorithm::EdDSA) }, &claims, &key(3)).unwrap()
}

#[tokio::test]
async fn well_signed_tokens_need_our_claims_and_time() {
    let b = Bench::new();
    let fine = token("k3", |_| {});
    let verified = b.verifier.verify(&fine).await.unwrap();
    assert_eq!((verified.account.get(), verified.session.get()), (7, 5));
    for (what, change) in [
        ("another issuer", (|c| c["iss"] = json!("other")) as fn(&mut Value)),
        ("no issuer", |c| c["iss"] = Value::Null),
        ("no subject", |c| c["sub"] = Value::Null),
        ("subject 0", |c| c["sub"] = json!("0")),
        ("subject below 0", |c| c["sub"] = json!("-7")),
        ("a subject that is no number", |c| c["sub"] = json!("ada")),
        ("a subject too large", |c| c["sub"] = json!("99999999999999999999")),
        ("no session", |c| c["sid"] = Value::Null),
        ("no expiry", |c| c["exp"] = Value::Null),
        ("expiry as text", |c| c["exp"] = json!("never")),
        ("an audience", |c| c["aud"] = json!("others")),
    ] {
        let error = b.verifier.verify(&token("k3", change)).await.unwrap_err();
        assert!(error.is(reason::CREDENTIALS_INVALID), "{what}: {error}");
    }
    for kid in ["odd", "bad"] {
        let error = b.verifier.verify(&token(kid, |_| {})).await.unwrap_err();
        assert!(error.is(reason::CREDENTIALS_INVALID), "{kid} is no key for our tokens");
    }
    b.clock.advance(599_999);
    b.verifier.verify(&fine).await.unwrap();
    b.clock.advance(1);
    assert!(b.verifier.verify(&fine).await.unwrap_err().is(reason::CREDENTIALS_EXPIRED));
}

#[tokio::test]
async fn keys_are_asked_for_at_most_once_a_second_whatever_comes() {
    let b = Bench::new();
    for n in 0..50 {
        let unknown = token(&format!("unknown{n}"), |_| {});
        assert!(b.verifier.verify(&unknown).await.unwrap_err().is(reason::CREDENTIALS_INVALID));
    }
    b.verifier.verify(&token("k3", |_| {})).await.unwrap();
    assert_eq!(b.asked(), 1);
    b.clock.advance(1_000);
    assert!(b.verifier.verify(&token("unknown", |_| {})).await.is_err());
    assert_eq!(b.asked(), 2);
}

#[tokio::test]
async fn keys_that_are_known_are_asked_for_again_every_half_minute() {
    let b = Bench::new();
    b.verifier.poll().await.unwrap();
    assert_eq!(b.asked(), 0, "no token came yet");
    b.verifier.verify(&token("k3", |_| {})).await.unwrap();
    for (ms, asked) in [(29_999, 1), (1, 2), (29_999, 2), (1, 3)] {
        b.clock.advance(ms);
        b.verifier.poll().await.unwrap();
        assert_eq!(b.asked(), asked);
    }
    b.keys.down.store(true, Ordering::SeqCst);
    b.clock.advance(30_000);
    b.verifier.poll().await.unwrap_err();
    b.verifier.verify(&token("k3", |_| {})).await.expect("those known count");
}

#[tokio::test]
async fn nothing_passes_before_the_first_list_and_the_last_list_counts_after_it() {
    let b = Bench::new();
    b.keys.revoked.lock().push(5);
    b.keys.down.store(true, Ordering::SeqCst);
    let fine = token("k3", |_| {});
    let error = b.verifier.verify(&fine).await.unwrap_err();
    assert!(error.is(reason::PEER_UNAVAILABLE) && error.retry_delay().is_some());
    assert!(!b.verifier.is_current() && b.age_ms() < 0.0);

    b.keys.down.store(false, Ordering::SeqCst);
    b.verifier.verify(&fine).await.unwrap();
    assert!(b.verifier.is_revoked(SessionId(5)) && b.verifier.is_current());

    b.keys.down.store(true, Ordering::SeqCst);
    b.clock.advance(6_000);
    assert!(b.verifier.poll().await.is_err());
    b.verifier.verify(&fine).await.unwrap();
    assert!(b.verifier.is_revoked(SessionId(5)));
    assert!(!b.verifier.is_current() && b.age_ms() > 5_999.0);
    // A key that may be new cannot be told from one that never was.
    assert!(b.verifier.verify(&token("new", |_| {})).await.unwrap_err().is(reason::PEER_UNAVAILABLE));
}

#[tokio::test]
async fn revocations_are_followed_page_by_page_and_forgotten_when_they_no_longer_matter() {
    let b = Bench::new();
    b.keys.revoked.lock().extend([1, 2, 3, 4, 5]);
    b.verifier.poll().await.unwrap();
    assert!((1..=5).all(|id| b.verifier.is_revoked(SessionId(id))) && !b.verifier.is_revoked(SessionId(6)));
    b.clock.advance(60_000);
    b.keys.revoked.lock().push(6);
    b.verifier.poll().await.unwrap();
    b.clock.advance(600_000);
    b.verifier.poll().await.unwrap();
    assert!(!b.verifier.is_revoked(SessionId(5)) && b.verifier.is_revoked(SessionId(6)));
}

#[tokio::test(start_paused = true)]
async fn an_ended_session_is_refused_within_five_seconds_even_if_one_question_hangs() {
    let b = Bench::new();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let verifier = b.verifier.clone();
    let running = tokio::spawn(async move {
        verifier.run(async { drop(stopped.await) }).await;
    });
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert!(b.verifier.is_current());
    b.keys.revoked.lock().push(5);
    b.keys.hangs.store(true, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    b.keys.hangs.store(false, Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(3_490)).await;
    assert!(b.verifier.is_revoked(SessionId(5)));
    stop.send(()).unwrap();
    running.await.unwrap();
}

#[tokio::test]
async fn the_services_own_endings_are_refused_after_one_poll() {
    let w = World::new().await;
    let signed_in = w.sign_in("ada").await;
    let token = signed_in.tokens.unwrap().access_token;
    let session = w.verify(&token).await.unwrap().session;
    w.verifier.poll().await.unwrap();
    assert!(!w.verifier.is_revoked(session));
    let request = RevokeSessionRequest { request_id: request_id(), session_id: session.get() };
    w.client.revoke_session(&user(ADA), request).await.unwrap();
    w.verifier.poll().await.unwrap();
    assert!(w.verifier.is_revoked(session));
}
