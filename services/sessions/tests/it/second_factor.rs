//! Second factors, as their owners meet them.

use data_encoding::BASE32_NOPAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use plaza_core::{Error, reason};
use plaza_proto::sessions::v1::*;
use plaza_sessions::Config;
use plaza_testkit::RedisKeys;
use sha1::Sha1;

use crate::people::PASSWORD;
use crate::world::{ADA, World, credentials, guest, request_id, said, user};

/// What an app shows for a secret.
fn shown(secret: &str, at_ms: i64) -> String {
    let key = BASE32_NOPAD.decode(secret.as_bytes()).unwrap();
    let hash = Hmac::<Sha1>::new_from_slice(&key).unwrap().chain_update((at_ms / 30_000).to_be_bytes()).finalize();
    let hash = hash.into_bytes();
    let at = usize::from(hash[19] & 15);
    let number = u32::from_be_bytes(hash[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", number % 1_000_000)
}

struct Owner {
    secret: String,
    recovery_codes: Vec<String>,
}

impl Owner {
    /// What their app shows now.
    fn code(&self, w: &World) -> String {
        shown(&self.secret, w.env.now().0)
    }

    fn wrong(&self, w: &World) -> String {
        let near = [-30_000, 0, 30_000].map(|ms| shown(&self.secret, w.env.now().0 + ms));
        (0..).map(|n| format!("{n:06}")).find(|code| !near.contains(code)).unwrap()
    }
}

impl World {
    async fn begin(&self) -> BeginTotpSetupResponse {
        let request = BeginTotpSetupRequest { request_id: request_id(), password: PASSWORD.to_owned() };
        self.client.begin_totp_setup(&user(ADA), request).await.unwrap()
    }

    async fn confirm(&self, code: &str) -> Result<ConfirmTotpResponse, Error> {
        let request = ConfirmTotpRequest { request_id: request_id(), code: code.to_owned() };
        self.client.confirm_totp(&user(ADA), request).await
    }

    /// Sets up Ada's second factor; the code for it is spent, so time goes on.
    async fn with_factor(&self) -> Owner {
        let secret = self.begin().await.secret;
        let recovery_codes = self.confirm(&shown(&secret, self.env.now().0)).await.unwrap().recovery_codes;
        self.clock.advance(60_000);
        Owner { secret, recovery_codes }
    }

    async fn challenge(&self) -> String {
        let answer = self.sign_in("ada").await;
        assert_eq!((answer.session, answer.tokens), (None, None));
        answer.challenge
    }

    async fn complete(&self, challenge: &str, code: &str) -> Result<CompleteSignInResponse, Error> {
        let (request_id, challenge, code) = (request_id(), challenge.to_owned(), code.to_owned());
        self.client.complete_sign_in(&guest(), CompleteSignInRequest { request_id, challenge, code }).await
    }

    async fn disable(&self, code: &str) -> Result<DisableTotpResponse, Error> {
        let request = DisableTotpRequest { request_id: request_id(), code: code.to_owned() };
        self.client.disable_totp(&user(ADA), request).await
    }
}

#[tokio::test]
async fn begin_totp_setup_gives_a_secret_that_apps_read_and_changes_nothing() {
    let w = World::new().await;
    let request = BeginTotpSetupRequest { request_id: request_id(), password: PASSWORD.to_owned() };
    let first = w.client.begin_totp_setup(&user(ADA), request.clone()).await.unwrap();
    assert_eq!(w.client.begin_totp_setup(&user(ADA), request).await.unwrap(), first);
    let BeginTotpSetupResponse { secret, otpauth_uri } = &first;
    let rest = "issuer=plaza&algorithm=SHA1&digits=6&period=30";
    assert_eq!(*otpauth_uri, format!("otpauth://totp/plaza:ada?secret={secret}&{rest}"));
    assert_ne!(w.begin().await.secret, *secret, "another request makes a new one");
    assert!(w.sign_in("ada").await.tokens.is_some());
    let wrong = BeginTotpSetupRequest { request_id: request_id(), password: "guessed".to_owned() };
    let error = w.client.begin_totp_setup(&user(ADA), wrong).await.unwrap_err();
    assert_eq!(said(&error), ("PASSWORD_WRONG", "password"));
    let request = BeginTotpSetupRequest { request_id: request_id(), password: PASSWORD.to_owned() };
    let error = w.client.begin_totp_setup(&guest(), request).await.unwrap_err();
    assert!(error.is(reason::CREDENTIALS_MISSING));
}

#[tokio::test]
async fn confirm_totp_takes_a_code_and_answers_recovery_codes() {
    let w = World::new().await;
    assert!(w.confirm("123456").await.unwrap_err().is(reason::SECOND_FACTOR_NOT_FOUND));
    let begun = Owner { secret: w.begin().await.secret, recovery_codes: Vec::new() };
    assert_eq!(said(&w.confirm(&begun.wrong(&w)).await.unwrap_err()), ("CODE_INVALID", "code"));
    assert_eq!(said(&w.confirm("").await.unwrap_err()), ("INVALID_FIELDS", "code"));
    let request = ConfirmTotpRequest { request_id: request_id(), code: begun.code(&w) };
    let first = w.client.confirm_totp(&user(ADA), request.clone()).await.unwrap();
    assert_eq!(first.recovery_codes.len(), 10);
    w.clock.advance(120_000);
    assert_eq!(w.client.confirm_totp(&user(ADA), request).await.unwrap(), first);
    assert!(w.confirm(&begun.code(&w)).await.unwrap_err().is(reason::SECOND_FACTOR_ACTIVE));
    let request = BeginTotpSetupRequest { request_id: request_id(), password: PASSWORD.to_owned() };
    let error = w.client.begin_totp_setup(&user(ADA), request).await.unwrap_err();
    assert!(error.is(reason::SECOND_FACTOR_ACTIVE));
}

#[tokio::test]
async fn complete_sign_in_opens_the_session_for_a_code_once() {
    let w = World::new().await;
    let owner = w.with_factor().await;
    let request = credentials("ada");
    let asked = w.client.sign_in(&guest(), request.clone()).await.unwrap();
    assert_eq!(w.client.sign_in(&guest(), request).await.unwrap(), asked);
    assert_eq!(asked.challenge_expire_time.unwrap().seconds, w.env.now().0 / 1_000 + 300);
    assert!(w.list(&user(ADA)).await.is_empty());

    let code = owner.code(&w);
    let request = CompleteSignInRequest { request_id: request_id(), challenge: asked.challenge.clone(), code };
    let opened = w.client.complete_sign_in(&guest(), request.clone()).await.unwrap();
    let tokens = opened.tokens.clone().unwrap();
    w.verify(&tokens.access_token).await.unwrap();
    assert_eq!(w.list(&user(ADA)).await[0].device_name, "phone");
    // The code is spent, for this challenge and for others; the same request is answered again, however late.
    for challenge in [asked.challenge, w.challenge().await] {
        let error = w.complete(&challenge, &owner.code(&w)).await.unwrap_err();
        assert_eq!(said(&error), ("CODE_INVALID", "code"));
    }
    w.clock.advance(600_000);
    assert_eq!(w.client.complete_sign_in(&guest(), request).await.unwrap(), opened);
    w.refresh(&tokens.refresh_token).await.expect("a refresh needs no code");
}

#[tokio::test]
async fn complete_sign_in_takes_each_recovery_code_once() {
    let w = World::new().await;
    let owner = w.with_factor().await;
    for code in &owner.recovery_codes {
        w.complete(&w.challenge().await, &code.to_uppercase()).await.unwrap();
        let again = w.complete(&w.challenge().await, code).await.unwrap_err();
        assert!(again.is(reason::CODE_INVALID));
    }
    w.complete(&w.challenge().await, &owner.code(&w)).await.unwrap();
}

#[tokio::test]
async fn complete_sign_in_limits_guesses_at_codes() {
    let w = World::new().await;
    let owner = w.with_factor().await;
    for _ in 0..5 {
        let error = w.complete(&w.challenge().await, &owner.wrong(&w)).await.unwrap_err();
        assert!(error.is(reason::CODE_INVALID));
    }
    let limited = w.complete(&w.challenge().await, &owner.code(&w)).await.unwrap_err();
    assert!(
        limited.is(reason::TOO_MANY_GUESSES) && limited.retry_delay().is_some(),
        "a right password changes nothing"
    );
    assert!(w.disable(&owner.code(&w)).await.unwrap_err().is(reason::TOO_MANY_GUESSES));
    w.clock.advance(1_000);
    w.complete(&w.challenge().await, &owner.code(&w)).await.unwrap();
}

#[tokio::test]
async fn complete_sign_in_refuses_challenges_that_are_no_good() {
    let w = World::new().await;
    let owner = w.with_factor().await;
    let challenge = w.challenge().await;
    for forged in ["forged".to_owned(), format!("{challenge}A"), challenge[4..].to_owned()] {
        assert!(w.complete(&forged, &owner.code(&w)).await.unwrap_err().is(reason::CHALLENGE_INVALID));
    }
    // The account ended its sessions meanwhile.
    w.clock.advance(1);
    let everywhere = SignOutEverywhereRequest { request_id: request_id(), keep_current: false };
    w.client.sign_out_everywhere(&user(ADA), everywhere).await.unwrap();
    assert!(w.complete(&challenge, &owner.code(&w)).await.unwrap_err().is(reason::SIGN_IN_FAILED));
    let challenge = w.challenge().await;
    w.clock.advance(300_000);
    assert!(w.complete(&challenge, &owner.code(&w)).await.unwrap_err().is(reason::CHALLENGE_INVALID));
    let challenge = w.challenge().await;
    w.disable(&owner.code(&w)).await.unwrap();
    let error = w.complete(&challenge, &owner.code(&w)).await.unwrap_err();
    assert!(error.is(reason::CHALLENGE_INVALID), "there is no second factor any more: {error}");
}

#[tokio::test]
async fn disable_totp_takes_a_code_or_a_recovery_code() {
    let w = World::new().await;
    assert!(w.disable("123456").await.unwrap_err().is(reason::SECOND_FACTOR_NOT_FOUND));
    let owner = w.with_factor().await;
    assert_eq!(said(&w.disable(&owner.wrong(&w)).await.unwrap_err()), ("CODE_INVALID", "code"));
    let request = DisableTotpRequest { request_id: request_id(), code: owner.recovery_codes[3].clone() };
    for _ in 0..2 {
        w.client.disable_totp(&user(ADA), request.clone()).await.unwrap();
    }
    assert!(w.sign_in("ada").await.tokens.is_some());
    let owner = w.with_factor().await;
    w.disable(&owner.code(&w)).await.unwrap();
    let request = DisableTotpRequest { request_id: request_id(), code: owner.code(&w) };
    assert!(w.client.disable_totp(&guest(), request).await.unwrap_err().is(reason::CREDENTIALS_MISSING));
}

async fn survives_a_restart(config: Config) {
    let before = World::with(config.clone()).await;
    let owner = before.with_factor().await;
    before.app.close().await;
    let after = World::with(config).await;
    after.clock.advance(120_000);
    after.complete(&after.challenge().await, &owner.code(&after)).await.unwrap();
    after.app.close().await;
}

#[tokio::test]
async fn complete_sign_in_knows_the_factor_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = format!("sqlite:{}", folder.path().join("sessions.db").display());
    survives_a_restart(Config { store: store.parse().unwrap(), ..Config::default() }).await;
    let Some(keys) = RedisKeys::new() else { return };
    survives_a_restart(Config { store: keys.address().parse().unwrap(), ..Config::default() }).await;
}
