use plaza_core::{Cx, reason};
use plaza_proto::accounts::v1::*;

use crate::world::{PASSWORD, World, guest, service, user};

#[tokio::test]
async fn verify_password_takes_handle_or_address_in_any_letter_case() {
    let w = World::new().await;
    let id = w.join("Ada").await.account_id;
    w.join("bob").await;
    for login in ["Ada", "ada", "ADA", "ada@example.org", "ADA@Example.ORG", " ada "] {
        assert_eq!(w.verify(login, PASSWORD).await.unwrap(), id, "{login}");
    }
}

#[tokio::test]
async fn verify_password_tells_who_exists_in_its_metadata_alone() {
    let w = World::new().await;
    let id = w.join("ada").await.account_id;
    let mut texts = Vec::new();
    for (login, password) in [
        ("ada", "wrong"),
        ("ada@example.org", "Correct horse"),
        ("nobody", PASSWORD),
        ("nobody@example.org", PASSWORD),
        ("ada", "\0"),
        ("'; --", PASSWORD),
        ("@", "x"),
    ] {
        let error = w.verify(login, password).await.unwrap_err();
        assert!(error.is(reason::SIGN_IN_FAILED), "{login}");
        let expected = login.starts_with("ada").then(|| ("account_id".into(), id.to_string()));
        assert_eq!(error.metadata(), expected.as_slice(), "{login}");
        texts.push((error.to_string(), error.violations().len()));
    }
    assert!(texts.windows(2).all(|w| w[0] == w[1]));
}

#[tokio::test]
async fn verify_password_is_for_services() {
    let w = World::new().await;
    let id = w.join("ada").await.account_id;
    let request = || VerifyPasswordRequest { login: "ada".to_owned(), password: PASSWORD.to_owned() };
    for (cx, reason) in [(guest(), reason::CREDENTIALS_MISSING), (user(id), reason::PERMISSION_DENIED)] {
        assert!(w.client.verify_password(&cx, request()).await.unwrap_err().is(reason));
    }
}

#[tokio::test]
async fn verify_password_does_not_start_when_time_is_over() {
    let w = World::new().await;
    w.join("ada").await;
    let late = Cx::new(service().caller().clone(), tokio::time::Instant::now());
    let request = VerifyPasswordRequest { login: "ada".to_owned(), password: PASSWORD.to_owned() };
    assert!(w.client.verify_password(&late, request).await.unwrap_err().is(reason::DEADLINE_EXCEEDED));
}
