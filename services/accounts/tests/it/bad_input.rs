use plaza_proto::accounts::v1::*;

use crate::world::{World, draft, guest, said, service, user};

#[tokio::test]
async fn create_account_names_the_field_that_is_wrong_and_writes_nothing() {
    let w = World::new().await;
    let good = || draft("ada");
    let with = |change: fn(&mut CreateAccountRequest)| {
        let mut request = good();
        change(&mut request);
        request
    };
    for (request, field) in [
        (with(|r| r.request_id.clear()), "request_id"),
        (with(|r| r.request_id = "7".to_owned()), "request_id"),
        (with(|r| r.handle.clear()), "handle"),
        (with(|r| r.handle = "a".to_owned()), "handle"),
        (with(|r| r.handle = "a".repeat(31)), "handle"),
        (with(|r| r.handle = "аdа".to_owned()), "handle"),
        (with(|r| r.handle = "ad a".to_owned()), "handle"),
        (with(|r| r.handle = "ada\n".to_owned()), "handle"),
        (with(|r| r.email.clear()), "email"),
        (with(|r| r.email = "ada".to_owned()), "email"),
        (with(|r| r.email = "a\u{0}@example.org".to_owned()), "email"),
        (with(|r| r.email = format!("{}@example.org", "a".repeat(250))), "email"),
        (with(|r| r.password.clear()), "password"),
        (with(|r| r.password = "1234567".to_owned()), "password"),
        (with(|r| r.password = "x".repeat(129)), "password"),
        (with(|r| r.display_name = "x".repeat(65)), "display_name"),
        (with(|r| r.display_name = "a\u{202e}b".to_owned()), "display_name"),
        (with(|r| r.display_name = "a\tb".to_owned()), "display_name"),
    ] {
        let error = w.client.create_account(&guest(), request).await.unwrap_err();
        assert_eq!(said(&error), ("INVALID_FIELDS", field));
    }
    assert_eq!(w.events().await, 0);
    w.client.create_account(&guest(), good()).await.unwrap();
}

#[tokio::test]
async fn reads_name_the_field_that_is_wrong() {
    let w = World::new().await;
    for account_id in [0, -1, i64::MIN] {
        assert_eq!(said(&w.get(&guest(), account_id).await.unwrap_err()), ("INVALID_FIELDS", "account_id"));
    }
    for handle in ["", "a", "a b", &"x".repeat(31)] {
        let request = GetAccountByHandleRequest { handle: handle.to_owned() };
        let error = w.client.get_account_by_handle(&guest(), request).await.unwrap_err();
        assert_eq!(said(&error), ("INVALID_FIELDS", "handle"), "{handle}");
    }
    for (account_ids, field) in [(vec![], "account_ids"), (vec![1; 101], "account_ids"), (vec![1, 0], "account_ids[1]")]
    {
        let request = BatchGetAccountsRequest { account_ids, include_hidden: false };
        let error = w.client.batch_get_accounts(&guest(), request).await.unwrap_err();
        assert_eq!(said(&error), ("INVALID_FIELDS", field));
    }
    let request = ListAccountIdsRequest { after_id: -1, page_size: 1 };
    let error = w.client.list_account_ids(&service(), request).await.unwrap_err();
    assert_eq!(said(&error), ("INVALID_FIELDS", "after_id"));
    let request = DeleteAccountRequest { request_id: String::new(), account_id: 7 };
    let error = w.client.delete_account(&user(7), request).await.unwrap_err();
    assert_eq!(said(&error), ("INVALID_FIELDS", "request_id"));
}
