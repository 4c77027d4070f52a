use plaza_accounts::Config;
use plaza_core::reason;
use plaza_proto::accounts::v1::*;

use crate::world::{World, draft, guest, request_id, said, user};

const DAY_MS: i64 = 86_400_000;

fn change(n: u128, account_id: i64, handle: &str) -> ChangeHandleRequest {
    ChangeHandleRequest { request_id: request_id(n), account_id, handle: handle.to_owned() }
}

async fn by_handle(w: &World, handle: &str) -> Option<i64> {
    let request = GetAccountByHandleRequest { handle: handle.to_owned() };
    let found = w.client.get_account_by_handle(&guest(), request).await;
    found.map(|found| found.account.unwrap().account_id).ok()
}

#[tokio::test]
async fn change_handle_moves_the_account_at_once_and_keeps_the_old_one() {
    let w = World::new().await;
    let (ada, bob) = (w.join("ada").await.account_id, w.join("bob").await.account_id);
    assert_eq!((by_handle(&w, "ada").await, by_handle(&w, "lovelace").await), (Some(ada), None), "now both are cached");
    let cx = user(ada);
    let changed = w.client.change_handle(&cx, change(1, ada, "Lovelace")).await.unwrap().account.unwrap();
    assert_eq!((changed.handle.as_str(), changed.email.as_str()), ("Lovelace", "ada@example.org"));
    assert_eq!(cx.take_outcome().token.to_string(), "accounts=3");
    assert_eq!((by_handle(&w, "ada").await, by_handle(&w, "lovelace").await), (None, Some(ada)));
    assert_eq!(w.get(&user(ada), ada).await.unwrap(), changed);
    assert_eq!(w.verify("LOVELACE", crate::world::PASSWORD).await.unwrap(), ada);
    assert!(w.verify("ada", crate::world::PASSWORD).await.unwrap_err().is(reason::SIGN_IN_FAILED));

    let again = w.client.change_handle(&user(ada), change(1, ada, "Lovelace")).await.unwrap();
    assert_eq!((again.account, w.events().await), (Some(changed), 3), "the same request, the same answer");
    w.clock.advance(30 * DAY_MS - 1);
    let taken = w.client.change_handle(&user(bob), change(2, bob, "Ada")).await.unwrap_err();
    assert!(taken.is(reason::HANDLE_TAKEN));
    let fresh = CreateAccountRequest { email: "new@example.org".to_owned(), request_id: request_id(9), ..draft("ada") };
    assert!(w.client.create_account(&guest(), fresh.clone()).await.unwrap_err().is(reason::HANDLE_TAKEN));
    w.clock.advance(1);
    w.client.create_account(&guest(), fresh).await.unwrap();
    assert!(w.client.change_handle(&user(ada), change(3, ada, "ada")).await.unwrap_err().is(reason::HANDLE_TAKEN));
}

#[tokio::test]
async fn change_handle_lets_its_owner_go_back() {
    let w = World::new().await;
    let ada = w.join("ada").await.account_id;
    for (n, handle) in (1..).zip(["lovelace", "ada", "ADA"]) {
        let changed = w.client.change_handle(&user(ada), change(n, ada, handle)).await.unwrap();
        assert_eq!(changed.account.unwrap().handle, handle);
        assert_eq!(by_handle(&w, handle).await, Some(ada));
    }
    for n in 0..4 {
        w.client.change_handle(&user(ada), change(10 + n, ada, &format!("ada_{n}"))).await.unwrap();
    }
    let error = w.client.change_handle(&user(ada), change(20, ada, "ada_5")).await.unwrap_err();
    assert!(error.is(reason::TOO_MANY_HANDLES), "five are kept: {error}");
}

#[tokio::test]
async fn change_handle_refuses_what_cannot_be_had() {
    let w = World::new().await;
    let (ada, _) = (w.join("ada").await.account_id, w.join("bob").await);
    for (n, (handle, expected)) in (1..).zip([
        ("", ("INVALID_FIELDS", "handle")),
        ("a", ("INVALID_FIELDS", "handle")),
        ("a b", ("INVALID_FIELDS", "handle")),
        ("\u{430}da", ("INVALID_FIELDS", "handle")),
        ("Admin", ("HANDLE_RESERVED", "handle")),
        ("BOB", ("HANDLE_TAKEN", "")),
    ]) {
        let error = w.client.change_handle(&user(ada), change(n, ada, handle)).await.unwrap_err();
        assert_eq!(said(&error), expected, "{handle}");
    }
    assert_eq!((w.events().await, by_handle(&w, "ada").await), (2, Some(ada)));
}

#[tokio::test]
async fn change_handle_is_for_its_owner() {
    let w = World::new().await;
    let (ada, bob) = (w.join("ada").await.account_id, w.join("bob").await.account_id);
    for (cx, reason) in [(user(bob), reason::PERMISSION_DENIED), (guest(), reason::CREDENTIALS_MISSING)] {
        assert!(w.client.change_handle(&cx, change(1, ada, "mine")).await.unwrap_err().is(reason));
    }
    assert_eq!(by_handle(&w, "ada").await, Some(ada));
}

#[tokio::test]
async fn how_long_handles_are_kept_is_a_setting() {
    let w = World::with(Config { old_handle_days: 0, deleted_handle_days: 1, ..Config::ephemeral() }).await;
    let (ada, bob) = (w.join("ada").await.account_id, w.join("bob").await.account_id);
    w.client.change_handle(&user(ada), change(1, ada, "lovelace")).await.unwrap();
    w.client.change_handle(&user(bob), change(2, bob, "ada")).await.unwrap();
    let delete = DeleteAccountRequest { request_id: request_id(3), account_id: ada };
    w.client.delete_account(&user(ada), delete).await.unwrap();
    let error = w.client.change_handle(&user(bob), change(4, bob, "lovelace")).await.unwrap_err();
    assert!(error.is(reason::HANDLE_TAKEN));
    w.clock.advance(DAY_MS);
    w.client.change_handle(&user(bob), change(5, bob, "lovelace")).await.unwrap();
    assert!(w.app.maintain(&guest()).await.unwrap() > 0);
}
