use plaza_core::{Caller, Code, Cx, Error, reason};
use plaza_proto::accounts::v1::*;

use crate::world::{World, by, guest, request_id, said, service, user};

#[tokio::test]
async fn get_account_shows_the_address_to_its_owner_alone() {
    let w = World::new().await;
    let (ada, bob) = (w.join("ada").await, w.join("bob").await);
    let on_behalf = |id: i64| by(Caller { service: Some("feeds"), ..Caller::user(id.into()) });
    for (cx, email) in [
        (user(ada.account_id), "ada@example.org"),
        (on_behalf(ada.account_id), "ada@example.org"),
        (user(bob.account_id), ""),
        (on_behalf(bob.account_id), ""),
        (service(), ""),
        (guest(), ""),
    ] {
        let seen = w.get(&cx, ada.account_id).await.unwrap();
        assert_eq!((seen.handle.as_str(), seen.email.as_str()), ("ada", email), "{:?}", cx.caller());
        let by_handle = GetAccountByHandleRequest { handle: "ada".to_owned() };
        let by_handle = w.client.get_account_by_handle(&cx, by_handle).await.unwrap().account.unwrap();
        let batch = BatchGetAccountsRequest { account_ids: vec![ada.account_id], include_hidden: false };
        let batch = w.client.batch_get_accounts(&cx, batch).await.unwrap().accounts;
        assert_eq!((&by_handle, &batch), (&seen, &vec![seen.clone()]));
    }
    assert!(w.get(&guest(), 42).await.unwrap_err().is(reason::ACCOUNT_NOT_FOUND));
}

#[tokio::test]
async fn batch_get_accounts_by_handle_finds_those_in_sight_once_in_any_letter_case() {
    let w = World::new().await;
    let (ada, bob) = (w.join("Ada").await.account_id, w.join("bob").await.account_id);
    let ask = async |cx: &Cx, handles: &[&str]| {
        let handles = handles.iter().map(|handle| (*handle).to_owned()).collect();
        let found = w.client.batch_get_accounts_by_handle(cx, BatchGetAccountsByHandleRequest { handles }).await?;
        let mut ids: Vec<i64> = found.accounts.iter().map(|account| account.account_id).collect();
        ids.sort_unstable();
        Ok::<_, Error>(ids)
    };
    let mut both = vec![ada, bob];
    both.sort_unstable();
    assert_eq!(ask(&service(), &["ada", "ADA", "nobody", "no handle", "bob", ""]).await.unwrap(), both);
    assert_eq!(ask(&service(), &["nobody"]).await.unwrap(), [0; 0]);
    assert_eq!(ask(&service(), &[]).await.unwrap_err().violations()[0].field, "handles");
    assert_eq!(ask(&service(), &["a"; 101]).await.unwrap_err().violations()[0].field, "handles");
    for cx in [user(ada), guest()] {
        assert!(matches!(ask(&cx, &["bob"]).await.unwrap_err().code(), Code::PermissionDenied | Code::Unauthenticated));
    }
    let hide = DeactivateAccountRequest { request_id: request_id(7), account_id: bob };
    w.client.deactivate_account(&user(bob), hide).await.unwrap();
    assert_eq!(ask(&service(), &["ada", "bob"]).await.unwrap(), [ada]);
}

#[tokio::test]
async fn get_account_by_handle_takes_any_letter_case() {
    let w = World::new().await;
    let cx = guest();
    let ask =
        |handle: &str| w.client.get_account_by_handle(&cx, GetAccountByHandleRequest { handle: handle.to_owned() });
    // Asked for before it exists: that it does not is remembered no longer than until it does.
    assert!(ask("ADA").await.unwrap_err().is(reason::ACCOUNT_NOT_FOUND));
    let ada = w.join("Ada").await;
    for handle in ["Ada", "ada", "ADA"] {
        assert_eq!(ask(handle).await.unwrap().account.unwrap().account_id, ada.account_id);
    }
}

#[tokio::test]
async fn batch_get_accounts_keeps_the_order_and_leaves_out_the_missing() {
    let w = World::new().await;
    let (ada, bob, carol) = (w.join("ada").await, w.join("bob").await, w.join("carol").await);
    let delete = DeleteAccountRequest { request_id: request_id(1), account_id: bob.account_id };
    w.client.delete_account(&user(bob.account_id), delete).await.unwrap();
    let account_ids = vec![carol.account_id, 42, bob.account_id, ada.account_id];
    // Once from the store, once from the cache.
    for _ in 0..2 {
        let request = BatchGetAccountsRequest { account_ids: account_ids.clone(), include_hidden: false };
        let found = w.client.batch_get_accounts(&guest(), request).await.unwrap().accounts;
        assert_eq!(found.iter().map(|a| a.account_id).collect::<Vec<_>>(), [carol.account_id, ada.account_id]);
    }
}

#[tokio::test]
async fn list_account_ids_is_for_services_and_pages_by_id() {
    let w = World::new().await;
    let mut ids = Vec::new();
    for n in 0..5 {
        ids.push(w.join(&format!("user{n}")).await.account_id);
    }
    let list = |after_id, page_size| ListAccountIdsRequest { after_id, page_size };
    let all = w.client.list_account_ids(&service(), list(0, 5_000)).await.unwrap().account_ids;
    assert_eq!(all, ids);
    let page = w.client.list_account_ids(&service(), list(ids[1], 2)).await.unwrap().account_ids;
    assert_eq!(page, ids[2..4]);
    assert!(w.client.list_account_ids(&service(), list(ids[4], 2)).await.unwrap().account_ids.is_empty());
    for (cx, reason) in [(guest(), reason::CREDENTIALS_MISSING), (user(ids[0]), reason::PERMISSION_DENIED)] {
        assert!(w.client.list_account_ids(&cx, list(0, 1)).await.unwrap_err().is(reason));
    }
    let negative = w.client.list_account_ids(&service(), list(0, -1)).await.unwrap_err();
    assert_eq!(said(&negative), ("INVALID_FIELDS", "page_size"));
}
