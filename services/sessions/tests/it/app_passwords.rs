//! App passwords, as programs and their owners meet them.

use std::sync::atomic::Ordering;

use plaza_core::{Error, Scopes, reason};
use plaza_proto::sessions::v1::*;

use crate::people::PASSWORD;
use crate::world::{ADA, BOB, World, credentials, guest, request_id, said, user};

fn create(name: &str, scopes: &[Scope]) -> CreateAppPasswordRequest {
    let scopes = scopes.iter().map(|scope| (*scope).into()).collect();
    CreateAppPasswordRequest { request_id: request_id(), name: name.to_owned(), scopes, password: PASSWORD.to_owned() }
}

fn list() -> ListAppPasswordsRequest {
    ListAppPasswordsRequest { page_size: 2, page_token: String::new() }
}

fn revoke(app_password_id: i64) -> RevokeAppPasswordRequest {
    RevokeAppPasswordRequest { request_id: request_id(), app_password_id }
}

impl World {
    async fn app(&self, scopes: &[Scope]) -> CreateAppPasswordResponse {
        self.client.create_app_password(&user(ADA), create("bot", scopes)).await.unwrap()
    }

    async fn sign_in_by(&self, login: &str, password: &str) -> Result<SignInResponse, Error> {
        self.client.sign_in(&guest(), SignInRequest { password: password.to_owned(), ..credentials(login) }).await
    }
}

#[tokio::test]
async fn create_app_password_shows_it_once_and_it_signs_in_with_its_scopes() {
    let w = World::new().await;
    let request = create("my bot", &[Scope::Write, Scope::Read]);
    let made = w.client.create_app_password(&user(ADA), request.clone()).await.unwrap();
    assert_eq!(w.client.create_app_password(&user(ADA), request).await.unwrap(), made);
    let kept = made.app_password.unwrap();
    assert_eq!((kept.name.as_str(), kept.last_use_time), ("my bot", None));
    assert_eq!(kept.scopes, [i32::from(Scope::Read), i32::from(Scope::Write)]);

    let verified = w.people.verified.load(Ordering::SeqCst);
    let signed_in = w.sign_in_by("ADA", &made.password).await.unwrap();
    assert_eq!(w.people.verified.load(Ordering::SeqCst), verified, "accounts knows nothing of it");
    let (session, tokens) = (signed_in.session.unwrap(), signed_in.tokens.unwrap());
    assert_eq!((session.account_id, &session.scopes), (ADA, &kept.scopes));
    let verified = w.verify(&tokens.access_token).await.unwrap();
    assert_eq!(verified.scopes, Scopes::parse("read write"));
    let next = w.refresh(&tokens.refresh_token).await.unwrap();
    let verified = w.verify(&next.tokens.unwrap().access_token).await.unwrap();
    assert_eq!(verified.scopes, Scopes::parse("read write"), "a refresh gains nothing");
    assert_eq!(w.list(&user(ADA)).await[0].scopes, kept.scopes);
    let own = w.sign_in("ada").await.tokens.unwrap();
    assert_eq!(w.verify(&own.access_token).await.unwrap().scopes, None);
}

#[tokio::test]
async fn create_app_password_refuses_what_is_wrong() {
    let w = World::new().await;
    for (request, field) in [
        (create("", &[Scope::Read]), "name"),
        (create("a\nb", &[Scope::Read]), "name"),
        (create(&"x".repeat(65), &[Scope::Read]), "name"),
        (create("bot", &[]), "scopes"),
        (create("bot", &[Scope::Unspecified]), "scopes"),
        (create("bot", &[Scope::Read, Scope::Read]), "scopes"),
        (CreateAppPasswordRequest { scopes: vec![9], ..create("bot", &[]) }, "scopes[0]"),
        (CreateAppPasswordRequest { password: String::new(), ..create("bot", &[Scope::Read]) }, "password"),
        (CreateAppPasswordRequest { request_id: String::new(), ..create("bot", &[Scope::Read]) }, "request_id"),
    ] {
        let error = w.client.create_app_password(&user(ADA), request).await.unwrap_err();
        assert_eq!(said(&error), ("INVALID_FIELDS", field));
    }
    let wrong = CreateAppPasswordRequest { password: "guessed".to_owned(), ..create("bot", &[Scope::Read]) };
    let error = w.client.create_app_password(&user(ADA), wrong.clone()).await.unwrap_err();
    assert_eq!(said(&error), ("PASSWORD_WRONG", "password"));
    for _ in 0..4 {
        let again = CreateAppPasswordRequest { request_id: request_id(), ..wrong.clone() };
        assert!(w.client.create_app_password(&user(ADA), again).await.is_err());
    }
    let again = CreateAppPasswordRequest { request_id: request_id(), ..wrong };
    assert!(w.client.create_app_password(&user(ADA), again).await.unwrap_err().is(reason::TOO_MANY_GUESSES));
    let error = w.client.create_app_password(&guest(), create("bot", &[Scope::Read])).await.unwrap_err();
    assert!(error.is(reason::CREDENTIALS_MISSING));
}

#[tokio::test]
async fn sign_in_takes_an_app_password_for_its_own_handle_alone() {
    let w = World::new().await;
    let password = w.app(&[Scope::Read]).await.password;
    for login in ["bob", "ada@example.org", "nobody"] {
        assert!(w.sign_in_by(login, &password).await.unwrap_err().is(reason::SIGN_IN_FAILED), "{login}");
    }
    let forged = format!("{}A", &password[..password.len() - 1]);
    for _ in 0..5 {
        assert!(w.sign_in_by("ada", &forged).await.unwrap_err().is(reason::SIGN_IN_FAILED));
    }
    assert!(w.sign_in_by("ada", &forged).await.unwrap_err().is(reason::TOO_MANY_GUESSES));
    w.sign_in_by("ada", &password).await.expect("who guesses at the password does not keep programs out");
    w.people.delete(ADA);
    assert!(w.sign_in_by("ada", &password).await.unwrap_err().is(reason::SIGN_IN_FAILED));
}

#[tokio::test]
async fn list_app_passwords_is_newest_first_in_pages_and_tells_the_last_use() {
    let w = World::new().await;
    let mut made = Vec::new();
    for _ in 0..3 {
        made.push(w.app(&[Scope::Follow]).await);
    }
    w.clock.advance(5_000);
    w.sign_in_by("ada", &made[2].password).await.unwrap();
    let first = w.client.list_app_passwords(&user(ADA), list()).await.unwrap();
    let request = ListAppPasswordsRequest { page_token: first.next_page_token.clone(), ..list() };
    let second = w.client.list_app_passwords(&user(ADA), request.clone()).await.unwrap();
    let ids: Vec<i64> =
        [&first, &second].iter().flat_map(|page| &page.app_passwords).map(|app| app.app_password_id).collect();
    made.reverse();
    let expected: Vec<i64> = made.iter().map(|made| made.app_password.as_ref().unwrap().app_password_id).collect();
    assert_eq!((ids, second.next_page_token.as_str()), (expected, ""));
    let used: Vec<_> = first.app_passwords.iter().map(|app| app.last_use_time.map(|at| at.seconds)).collect();
    assert_eq!(used, [Some(w.env.now().0 / 1_000), None]);
    assert!(w.client.list_app_passwords(&user(BOB), list()).await.unwrap().app_passwords.is_empty());
    let borrowed = w.client.list_app_passwords(&user(BOB), request).await.unwrap_err();
    assert_eq!(said(&borrowed), ("PAGE_TOKEN_INVALID", "page_token"));
}

#[tokio::test]
async fn revoke_app_password_ends_its_sessions() {
    let w = World::new().await;
    let made = w.app(&[Scope::Read]).await;
    let id = made.app_password.unwrap().app_password_id;
    let tokens = w.sign_in_by("ada", &made.password).await.unwrap().tokens.unwrap();
    let own = w.sign_in("ada").await.tokens.unwrap();
    for (cx, id) in [(user(BOB), id), (user(ADA), 42)] {
        let error = w.client.revoke_app_password(&cx, revoke(id)).await.unwrap_err();
        assert!(error.is(reason::APP_PASSWORD_NOT_FOUND));
    }
    let request = revoke(id);
    for _ in 0..2 {
        w.client.revoke_app_password(&user(ADA), request.clone()).await.unwrap();
    }
    assert!(w.refresh(&tokens.refresh_token).await.unwrap_err().is(reason::REFRESH_TOKEN_INVALID));
    assert!(w.sign_in_by("ada", &made.password).await.unwrap_err().is(reason::SIGN_IN_FAILED));
    w.refresh(&own.refresh_token).await.unwrap();
    let error = w.client.revoke_app_password(&user(ADA), revoke(0)).await.unwrap_err();
    assert_eq!(said(&error), ("INVALID_FIELDS", "app_password_id"));
}
