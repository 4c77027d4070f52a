use plaza_core::{Caller, SessionId, reason};
use plaza_proto::accounts::v1::*;

use crate::world::{PASSWORD, World, by, guest, request_id, said, user};

const NEW: &str = "another password";

fn change(n: u128, account_id: i64, old: &str, new: &str, end: bool) -> ChangePasswordRequest {
    ChangePasswordRequest {
        request_id: request_id(n),
        account_id,
        old_password: old.to_owned(),
        new_password: new.to_owned(),
        end_other_sessions: end,
    }
}

#[tokio::test]
async fn change_password_takes_the_old_one_and_makes_it_useless() {
    let w = World::new().await;
    let id = w.join("ada").await.account_id;
    let wrong = w.client.change_password(&user(id), change(1, id, "a guess", NEW, true)).await.unwrap_err();
    assert!(wrong.is(reason::PASSWORD_WRONG));
    let cx = by(Caller { session: Some(SessionId(7)), ..Caller::user(id.into()) });
    w.client.change_password(&cx, change(2, id, PASSWORD, NEW, true)).await.unwrap();
    assert_eq!(cx.take_outcome().token.to_string(), "accounts=2");
    assert_eq!(w.verify("ada", NEW).await.unwrap(), id);
    assert!(w.verify("ada", PASSWORD).await.unwrap_err().is(reason::SIGN_IN_FAILED));
    let cx = user(id);
    w.client.change_password(&cx, change(2, id, PASSWORD, NEW, true)).await.unwrap();
    assert_eq!(cx.take_outcome().token.to_string(), "accounts=2", "the same request, the same answer");
    let other = w.client.change_password(&user(id), change(2, id, PASSWORD, "something else", true)).await;
    assert!(other.unwrap_err().is(reason::REQUEST_ID_REUSED));

    w.client.change_password(&user(id), change(3, id, NEW, PASSWORD, false)).await.unwrap();
    let events = w.app.outbox().read_after(&guest(), 1, 10).await.unwrap();
    let told: Vec<_> = events.iter().map(|event| event.decode::<PasswordChanged>().unwrap().unwrap()).collect();
    let expected = |end_sessions, keep_session_id| PasswordChanged { account_id: id, end_sessions, keep_session_id };
    assert_eq!(told, [expected(true, 7), expected(false, 0)]);
}

#[tokio::test]
async fn change_password_refuses_bad_passwords() {
    let w = World::new().await;
    let id = w.join("ada").await.account_id;
    let long = "x".repeat(129);
    for (n, (old, new, field)) in (1..).zip([
        ("", NEW, "old_password"),
        (&*long, NEW, "old_password"),
        (PASSWORD, "", "new_password"),
        (PASSWORD, "1234567", "new_password"),
        (PASSWORD, &*long, "new_password"),
    ]) {
        let error = w.client.change_password(&user(id), change(n, id, old, new, false)).await.unwrap_err();
        assert_eq!(said(&error), ("INVALID_FIELDS", field));
    }
    assert_eq!((w.verify("ada", PASSWORD).await.unwrap(), w.events().await), (id, 1));
}

#[tokio::test]
async fn change_password_is_for_its_owner() {
    let w = World::new().await;
    let (ada, bob) = (w.join("ada").await.account_id, w.join("bob").await.account_id);
    for (cx, reason) in [(user(bob), reason::PERMISSION_DENIED), (guest(), reason::CREDENTIALS_MISSING)] {
        assert!(w.client.change_password(&cx, change(1, ada, PASSWORD, NEW, true)).await.unwrap_err().is(reason));
    }
    let nobody = w.client.change_password(&user(5), change(2, 5, PASSWORD, NEW, true)).await.unwrap_err();
    assert!(nobody.is(reason::ACCOUNT_NOT_FOUND));
    assert_eq!(w.verify("ada", PASSWORD).await.unwrap(), ada);
}
