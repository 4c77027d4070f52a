//! What is sent by mail, and what comes back.

use std::path::Path;

use plaza_accounts::Config;
use plaza_core::{Cx, reason};
use plaza_proto::accounts::v1::*;
use tempfile::TempDir;

use crate::world::{PASSWORD, World, draft, guest, request_id, said, service, user};

const NEW: &str = "another password";
const HOUR_MS: i64 = 3_600_000;

/// A service whose mails go into a folder.
struct Post {
    w: World,
    folder: TempDir,
}

impl Post {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mailer = Some(format!("folder:{}", folder.path().display()).parse().unwrap());
        Self { w: World::with(Config { mailer, ..Config::ephemeral() }).await, folder }
    }

    /// Has the projection apply all events so far, as after a restart that lost its place.
    async fn deliver(&self) {
        let events = self.w.app.outbox().read_after(&service(), 0, 1_000).await.unwrap();
        for (projection, _) in self.w.app.projections() {
            projection.apply(&Cx::background("accounts", std::time::Duration::from_secs(10)), &events).await.unwrap();
        }
    }

    /// Each mail that has come: whom to, and its token.
    fn mails(&self) -> Vec<(String, String)> {
        let mut files: Vec<_> =
            std::fs::read_dir(self.folder.path()).unwrap().map(|file| file.unwrap().path()).collect();
        files.sort();
        files.iter().map(|file| read(file)).collect()
    }

    /// The token of the only mail, which is taken away.
    fn token(&self) -> (String, String) {
        let mail = self.mails().pop().unwrap();
        assert_eq!(self.mails().len(), 1);
        for file in std::fs::read_dir(self.folder.path()).unwrap() {
            std::fs::remove_file(file.unwrap().path()).unwrap();
        }
        mail
    }

    async fn ask_reset(&self, n: u128, email: &str) -> Cx {
        let cx = guest();
        let request = RequestPasswordResetRequest { request_id: request_id(n), email: email.to_owned() };
        assert_eq!(self.w.client.request_password_reset(&cx, request).await.unwrap(), RequestPasswordResetResponse {});
        cx
    }

    async fn verify_email(&self, n: u128, token: &str) -> plaza_core::Result<()> {
        let request = VerifyEmailRequest { request_id: request_id(n), token: token.to_owned() };
        self.w.client.verify_email(&guest(), request).await.map(drop)
    }

    async fn reset_password(&self, n: u128, token: &str) -> plaza_core::Result<()> {
        let (token, new_password) = (token.to_owned(), NEW.to_owned());
        let request = ResetPasswordRequest { request_id: request_id(n), token, new_password };
        self.w.client.reset_password(&guest(), request).await.map(drop)
    }
}

fn read(file: &Path) -> (String, String) {
    assert_eq!(file.extension().unwrap(), "eml", "no part of a mail is left");
    let mail = std::fs::read_to_string(file).unwrap();
    let to = mail.lines().find_map(|line| line.strip_prefix("To: ")).unwrap();
    let token = mail.lines().find(|line| line.len() > 40 && !line.contains(' ')).unwrap();
    (to.to_owned(), token.to_owned())
}

fn change_email(n: u128, account_id: i64, email: &str, password: &str) -> ChangeEmailRequest {
    let (email, password) = (email.to_owned(), password.to_owned());
    ChangeEmailRequest { request_id: request_id(n), account_id, email, password }
}

#[tokio::test]
async fn request_email_verification_and_verify_email_prove_that_an_address_is_read() {
    let p = Post::new().await;
    let ada = p.w.join("ada").await;
    assert!(!ada.email_verified);
    let id = ada.account_id;
    let request = || RequestEmailVerificationRequest { request_id: request_id(1), account_id: id };
    p.w.client.request_email_verification(&user(id), request()).await.unwrap();
    p.w.client.request_email_verification(&user(id), request()).await.unwrap();
    p.deliver().await;
    let (to, token) = p.token();
    assert_eq!(to, "ada@example.org");
    p.deliver().await;
    assert!(p.mails().is_empty(), "what was sent is not sent again");
    p.verify_email(2, &token).await.unwrap();
    p.verify_email(2, &token).await.expect("the same request, the same answer");
    assert!(p.w.get(&user(id), id).await.unwrap().email_verified);
    assert!(!p.w.get(&guest(), id).await.unwrap().email_verified, "for its owner only");
    let used = p.verify_email(3, &token).await.unwrap_err();
    assert_eq!(said(&used), ("TOKEN_INVALID", "token"));
}

#[tokio::test]
async fn change_email_takes_effect_when_the_new_address_is_verified() {
    let p = Post::new().await;
    let (id, _) = (p.w.join("ada").await.account_id, p.w.join("bob").await);
    let wrong = p.w.client.change_email(&user(id), change_email(1, id, "ada@new.example", "a guess")).await;
    assert!(wrong.unwrap_err().is(reason::PASSWORD_WRONG));
    p.w.client.change_email(&user(id), change_email(2, id, "Ada@new.example", PASSWORD)).await.unwrap();
    p.deliver().await;
    let (to, token) = p.token();
    assert_eq!(
        (to.as_str(), p.w.get(&user(id), id).await.unwrap().email),
        ("Ada@new.example", "ada@example.org".into())
    );
    p.verify_email(3, &token).await.unwrap();
    let ada = p.w.get(&user(id), id).await.unwrap();
    assert_eq!((ada.email.as_str(), ada.email_verified), ("Ada@new.example", true));
    assert_eq!(p.w.verify("ada@NEW.example", PASSWORD).await.unwrap(), id);

    // That another has it is told to whoever reads mail there.
    p.w.client.change_email(&user(id), change_email(4, id, "BOB@example.org", PASSWORD)).await.unwrap();
    p.deliver().await;
    assert!(p.verify_email(5, &p.token().1).await.unwrap_err().is(reason::EMAIL_TAKEN));
    for (n, (email, field)) in (6..).zip([("", "email"), ("ada", "email"), ("a\u{202e}@example.org", "email")]) {
        let error = p.w.client.change_email(&user(id), change_email(n, id, email, PASSWORD)).await.unwrap_err();
        assert_eq!(said(&error), ("INVALID_FIELDS", field), "{email}");
    }
}

#[tokio::test]
async fn request_password_reset_and_reset_password_give_the_account_back_once() {
    let p = Post::new().await;
    let id = p.w.join("ada").await.account_id;
    p.ask_reset(1, "ADA@example.org").await;
    p.deliver().await;
    let (to, token) = p.token();
    assert_eq!(to, "ADA@example.org");
    p.reset_password(2, &token).await.unwrap();
    p.reset_password(2, &token).await.expect("the same request, the same answer");
    assert_eq!(p.w.verify("ada", NEW).await.unwrap(), id);
    assert!(p.w.verify("ada", PASSWORD).await.unwrap_err().is(reason::SIGN_IN_FAILED));
    assert!(p.reset_password(3, &token).await.unwrap_err().is(reason::TOKEN_INVALID));
    let events = p.w.app.outbox().read_after(&guest(), 0, 10).await.unwrap();
    let told = events.last().unwrap().decode::<PasswordChanged>().unwrap().unwrap();
    assert_eq!((told.account_id, told.end_sessions), (id, true));

    p.w.clock.advance(HOUR_MS);
    p.ask_reset(4, "ada@example.org").await;
    p.deliver().await;
    p.w.clock.advance(HOUR_MS);
    assert!(p.reset_password(5, &p.token().1).await.unwrap_err().is(reason::TOKEN_INVALID), "good for an hour");
}

#[tokio::test]
async fn request_password_reset_tells_nothing_of_who_exists() {
    let p = Post::new().await;
    p.w.join("ada").await;
    let (known, unknown) = (p.ask_reset(1, "ada@example.org").await, p.ask_reset(2, "nobody@example.org").await);
    assert_eq!(known.take_outcome(), unknown.take_outcome(), "nor does its consistency token");
    p.ask_reset(3, "ada@example.org").await;
    p.deliver().await;
    assert_eq!(p.mails().len(), 1, "nobody is sent one after the other");
    for (n, request) in [(1, "nobody@example.org"), (2, "ada@example.org")] {
        let request = RequestPasswordResetRequest { request_id: request_id(n), email: request.to_owned() };
        let error = p.w.client.request_password_reset(&guest(), request).await.unwrap_err();
        assert!(error.is(reason::REQUEST_ID_REUSED));
    }
}

#[tokio::test]
async fn verify_email_and_reset_password_refuse_what_was_not_sent() {
    let p = Post::new().await;
    let id = p.w.join("ada").await.account_id;
    p.ask_reset(1, "ada@example.org").await;
    p.deliver().await;
    let (_, token) = p.token();
    assert!(p.verify_email(2, &token).await.unwrap_err().is(reason::TOKEN_INVALID), "it is for a password");
    for (n, bad) in (3..).zip(["A", "%%%", &token[1..], &token.to_lowercase()]) {
        assert_eq!(said(&p.reset_password(n, bad).await.unwrap_err()), ("TOKEN_INVALID", "token"), "{bad}");
        assert_eq!(said(&p.verify_email(n, bad).await.unwrap_err()), ("TOKEN_INVALID", "token"), "{bad}");
    }
    for bad in ["", &"A".repeat(101)] {
        assert_eq!(said(&p.reset_password(9, bad).await.unwrap_err()), ("INVALID_FIELDS", "token"));
    }
    assert_eq!(p.w.verify("ada", PASSWORD).await.unwrap(), id);
    let delete = DeleteAccountRequest { request_id: request_id(20), account_id: id };
    p.w.client.delete_account(&user(id), delete).await.unwrap();
    assert!(p.reset_password(21, &token).await.unwrap_err().is(reason::ACCOUNT_NOT_FOUND));
}

#[tokio::test]
async fn change_email_and_request_email_verification_are_for_their_owner() {
    let p = Post::new().await;
    let (ada, bob) = (p.w.join("ada").await.account_id, p.w.join("bob").await.account_id);
    for (cx, reason) in [(user(bob), reason::PERMISSION_DENIED), (guest(), reason::CREDENTIALS_MISSING)] {
        let request = change_email(1, ada, "mine@example.org", PASSWORD);
        assert!(p.w.client.change_email(&cx, request).await.unwrap_err().is(reason));
        let request = RequestEmailVerificationRequest { request_id: request_id(2), account_id: ada };
        assert!(p.w.client.request_email_verification(&cx, request).await.unwrap_err().is(reason));
    }
    p.deliver().await;
    assert!(p.mails().is_empty());
}

#[tokio::test]
async fn a_platform_without_a_mailer_says_so_to_everybody_alike() {
    let w = World::new().await;
    let id = w.client.create_account(&guest(), draft("ada")).await.unwrap().account.unwrap().account_id;
    for email in ["ada@example.org", "nobody@example.org"] {
        let request = RequestPasswordResetRequest { request_id: request_id(1), email: email.to_owned() };
        assert!(w.client.request_password_reset(&guest(), request).await.unwrap_err().is(reason::MAIL_OFF));
    }
    let request = RequestEmailVerificationRequest { request_id: request_id(2), account_id: id };
    assert!(w.client.request_email_verification(&user(id), request).await.unwrap_err().is(reason::MAIL_OFF));
    let request = change_email(3, id, "ada@new.example", PASSWORD);
    assert!(w.client.change_email(&user(id), request).await.unwrap_err().is(reason::MAIL_OFF));
    assert!(w.app.projections().is_empty());
}
