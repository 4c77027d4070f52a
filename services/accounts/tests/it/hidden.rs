//! Accounts out of sight.

use plaza_accounts::Config;
use plaza_core::{Caller, reason};
use plaza_proto::accounts::v1::*;

use crate::world::{PASSWORD, World, by, draft, guest, request_id, service, user};

const DAY_MS: i64 = 86_400_000;

async fn deactivate(w: &World, n: u128, id: i64) -> Account {
    let request = DeactivateAccountRequest { request_id: request_id(n), account_id: id };
    w.client.deactivate_account(&user(id), request).await.unwrap().account.unwrap()
}

async fn reactivate(w: &World, n: u128, id: i64) -> Account {
    let request = ReactivateAccountRequest { request_id: request_id(n), account_id: id };
    w.client.reactivate_account(&user(id), request).await.unwrap().account.unwrap()
}

/// In how many of the three ways somebody sees the account.
async fn seen(w: &World, cx: &plaza_core::Cx, id: i64, handle: &str) -> usize {
    let by_id = w.get(cx, id).await;
    let request = GetAccountByHandleRequest { handle: handle.to_owned() };
    let by_handle = w.client.get_account_by_handle(cx, request).await;
    for error in [by_id.as_ref().err(), by_handle.as_ref().err()].into_iter().flatten() {
        assert!(error.is(reason::ACCOUNT_NOT_FOUND), "as if there were none");
    }
    let batch = BatchGetAccountsRequest { account_ids: vec![id], include_hidden: false };
    let batch = w.client.batch_get_accounts(cx, batch).await.unwrap().accounts;
    usize::from(by_id.is_ok()) + usize::from(by_handle.is_ok()) + batch.len()
}

#[tokio::test]
async fn deactivate_account_hides_it_from_all_but_its_owner_until_reactivate_account() {
    let w = World::new().await;
    let (ada, bob) = (w.join("ada").await.account_id, w.join("bob").await.account_id);
    let others = || [guest(), user(bob), service(), by(Caller { service: Some("feeds"), ..Caller::user(bob.into()) })];
    for cx in others() {
        assert_eq!(seen(&w, &cx, ada, "ada").await, 3, "now it is cached");
    }
    let hidden = deactivate(&w, 1, ada).await;
    assert_eq!((hidden.deactivate_time.unwrap().seconds, hidden.delete_time), (1_800_000_000, None));
    for cx in others() {
        assert_eq!(seen(&w, &cx, ada, "ada").await, 0, "{:?}", cx.caller());
    }
    assert_eq!(seen(&w, &user(ada), ada, "ada").await, 3);
    assert_eq!(w.get(&user(ada), ada).await.unwrap(), hidden);
    assert_eq!(w.verify("ada", PASSWORD).await.unwrap(), ada, "its owner can sign in");
    let taken = CreateAccountRequest { request_id: request_id(9), email: "x@example.org".to_owned(), ..draft("ada") };
    assert!(w.client.create_account(&guest(), taken).await.unwrap_err().is(reason::HANDLE_TAKEN));
    assert_eq!(deactivate(&w, 1, ada).await, hidden, "the same request, the same answer");

    let back = reactivate(&w, 2, ada).await;
    assert_eq!((back.deactivate_time, back.handle.as_str()), (None, "ada"));
    for cx in others() {
        assert_eq!(seen(&w, &cx, ada, "ada").await, 3, "{:?}", cx.caller());
    }
}

#[tokio::test]
async fn deactivate_account_and_reactivate_account_are_for_their_owner() {
    let w = World::new().await;
    let (ada, bob) = (w.join("ada").await.account_id, w.join("bob").await.account_id);
    for (cx, reason) in [(user(bob), reason::PERMISSION_DENIED), (guest(), reason::CREDENTIALS_MISSING)] {
        let request = DeactivateAccountRequest { request_id: request_id(1), account_id: ada };
        assert!(w.client.deactivate_account(&cx, request).await.unwrap_err().is(reason));
        let request = ReactivateAccountRequest { request_id: request_id(1), account_id: ada };
        assert!(w.client.reactivate_account(&cx, request).await.unwrap_err().is(reason));
    }
    assert_eq!(seen(&w, &guest(), ada, "ada").await, 3);
}

#[tokio::test]
async fn batch_get_accounts_tells_services_alone_of_those_out_of_sight() {
    let w = World::new().await;
    let (ada, bob) = (w.join("ada").await.account_id, w.join("bob").await.account_id);
    deactivate(&w, 1, ada).await;
    let batch = || BatchGetAccountsRequest { account_ids: vec![ada, bob, 42], include_hidden: true };
    let found = w.client.batch_get_accounts(&service(), batch()).await.unwrap().accounts;
    assert_eq!(found.iter().map(|account| account.account_id).collect::<Vec<_>>(), [ada, bob]);
    assert!(found.iter().all(|account| account.email.is_empty() && account.deactivate_time.is_none()));
    for cx in [guest(), user(bob), user(ada)] {
        let refused = w.client.batch_get_accounts(&cx, batch()).await.unwrap_err();
        assert!(refused.is(reason::PERMISSION_DENIED), "{:?}", cx.caller());
    }
}

#[tokio::test]
async fn delete_account_waits_if_it_is_to_and_reactivate_account_ends_the_wait() {
    let w = World::with(Config { delete_after_days: 30, ..Config::ephemeral() }).await;
    let (ada, bob) = (w.join("ada").await.account_id, w.join("bob").await.account_id);
    for (n, id) in [(1, ada), (2, bob)] {
        let request = || DeleteAccountRequest { request_id: request_id(n), account_id: id };
        let answer = w.client.delete_account(&user(id), request()).await.unwrap();
        assert_eq!(answer.delete_time.unwrap().seconds, 1_800_000_000 + 30 * 86_400);
        assert_eq!(w.client.delete_account(&user(id), request()).await.unwrap(), answer);
    }
    for cx in [guest(), user(bob), service()] {
        assert_eq!(seen(&w, &cx, ada, "ada").await, 0);
    }
    assert!(w.get(&user(ada), ada).await.unwrap().delete_time.is_some());
    w.clock.advance(30 * DAY_MS - 1);
    w.app.maintain(&service()).await.unwrap();
    assert_eq!(w.verify("ada", PASSWORD).await.unwrap(), ada, "whoever comes back signs in ...");
    assert_eq!(reactivate(&w, 3, ada).await.delete_time, None);
    assert_eq!(seen(&w, &guest(), ada, "ada").await, 3);

    w.clock.advance(1);
    w.app.maintain(&service()).await.unwrap();
    assert!(w.verify("bob", PASSWORD).await.unwrap_err().is(reason::SIGN_IN_FAILED));
    let late = ReactivateAccountRequest { request_id: request_id(4), account_id: bob };
    assert!(w.client.reactivate_account(&user(bob), late).await.unwrap_err().is(reason::ACCOUNT_NOT_FOUND));
    assert_eq!((seen(&w, &user(bob), bob, "bob").await, seen(&w, &guest(), ada, "ada").await), (0, 3));
    let events = w.app.outbox().read_after(&service(), 0, 100).await.unwrap();
    let gone: Vec<_> = events.iter().filter_map(|event| event.decode::<AccountDeleted>()?.ok()).collect();
    assert_eq!(gone, [AccountDeleted { account_id: bob }]);
}
