use plaza_accounts::Config;
use plaza_core::reason;
use plaza_proto::accounts::v1::*;
use plaza_stores::StoreAddress;

use crate::world::{PASSWORD, World, draft, guest, request_id, user};

fn delete(account_id: i64) -> DeleteAccountRequest {
    DeleteAccountRequest { request_id: request_id(1), account_id }
}

#[tokio::test]
async fn delete_account_takes_it_away_from_every_reader_at_once() {
    let w = World::new().await;
    let ada = w.join("ada").await;
    let id = ada.account_id;
    w.get(&guest(), id).await.unwrap();
    let by_handle = || GetAccountByHandleRequest { handle: "ada".to_owned() };
    w.client.get_account_by_handle(&guest(), by_handle()).await.unwrap();

    let cx = user(id);
    w.client.delete_account(&cx, delete(id)).await.unwrap();
    assert_eq!(cx.take_outcome().token.to_string(), "accounts=2");
    assert!(w.get(&user(id), id).await.unwrap_err().is(reason::ACCOUNT_NOT_FOUND));
    let gone = w.client.get_account_by_handle(&guest(), by_handle()).await.unwrap_err();
    assert!(gone.is(reason::ACCOUNT_NOT_FOUND));
    for login in ["ada", "ada@example.org"] {
        assert!(w.verify(login, PASSWORD).await.unwrap_err().is(reason::SIGN_IN_FAILED));
    }

    let cx = user(id);
    w.client.delete_account(&cx, delete(id)).await.unwrap();
    assert_eq!(cx.take_outcome().token.to_string(), "accounts=2", "the same request, the same answer");
    let again = DeleteAccountRequest { request_id: request_id(2), ..delete(id) };
    assert!(w.client.delete_account(&user(id), again).await.unwrap_err().is(reason::ACCOUNT_NOT_FOUND));
}

#[tokio::test]
async fn delete_account_keeps_the_handle_and_frees_the_address() {
    let w = World::new().await;
    let id = w.join("ada").await.account_id;
    w.client.delete_account(&user(id), delete(id)).await.unwrap();
    let request = CreateAccountRequest { request_id: request_id(5), ..draft("ADA") };
    assert!(w.client.create_account(&guest(), request).await.unwrap_err().is(reason::HANDLE_TAKEN));
    let request = CreateAccountRequest { email: "ada@example.org".to_owned(), ..draft("ada2") };
    w.client.create_account(&guest(), request).await.unwrap();
}

#[tokio::test]
async fn delete_account_is_for_its_owner() {
    let w = World::new().await;
    let (ada, bob) = (w.join("ada").await.account_id, w.join("bob").await.account_id);
    let error = w.client.delete_account(&user(bob), delete(ada)).await.unwrap_err();
    assert!(error.is(reason::PERMISSION_DENIED));
    w.get(&guest(), ada).await.unwrap();
}

#[tokio::test]
async fn delete_account_answers_the_same_request_the_same_after_its_setting_has_changed() {
    for days in [[0, 30], [30, 0]] {
        let folder = tempfile::tempdir().unwrap();
        let store = StoreAddress::sqlite(folder.path().join("accounts.db"));
        let config = |delete_after_days| Config { store: store.clone(), delete_after_days, ..Config::ephemeral() };
        let w = World::with(config(days[0])).await;
        let id = w.join("ada").await.account_id;
        let cx = user(id);
        let first = w.client.delete_account(&cx, delete(id)).await.unwrap();
        assert_eq!(first.delete_time.is_some(), days[0] > 0);
        w.app.close().await;
        let w = World::with(config(days[1])).await;
        let again = user(id);
        assert_eq!(w.client.delete_account(&again, delete(id)).await.unwrap(), first);
        assert_eq!(again.take_outcome().token, cx.take_outcome().token);
        assert_eq!(w.get(&user(id), id).await.is_ok(), days[0] > 0, "nothing more was done");
        w.app.close().await;
    }
}
