use plaza_accounts::Config;
use plaza_core::reason;
use plaza_proto::accounts::v1::*;

use crate::world::{World, draft, guest, request_id, said, user};

#[tokio::test]
async fn create_account_answers_as_its_owner_sees_it() {
    let w = World::new().await;
    let cx = guest();
    let request = CreateAccountRequest { display_name: "  Ada L. ".to_owned(), ..draft("Ada_L") };
    let account = w.client.create_account(&cx, request).await.unwrap().account.unwrap();
    assert_eq!((account.handle.as_str(), account.display_name.as_str()), ("Ada_L", "Ada L."));
    assert_eq!((account.email.as_str(), account.etag.as_str()), ("Ada_L@example.org", "v1"));
    assert_eq!(account.create_time.unwrap().seconds, 1_800_000_000);
    assert_eq!(cx.take_outcome().token.to_string(), "accounts=1");
    assert_eq!(w.get(&user(account.account_id), account.account_id).await.unwrap(), account);
}

#[tokio::test]
async fn create_account_names_an_account_after_its_handle_by_default() {
    let w = World::new().await;
    assert_eq!(w.join("Bob").await.display_name, "Bob");
}

#[tokio::test]
async fn create_account_refuses_what_is_taken_or_reserved() {
    let w = World::new().await;
    w.join("ada").await;
    let request = |handle: &str, email: &str| CreateAccountRequest { email: email.to_owned(), ..draft(handle) };
    for (request, expected) in [
        (request("ADA", "other@example.org"), ("HANDLE_TAKEN", "")),
        (request("bob", "ADA@example.org"), ("EMAIL_TAKEN", "")),
        (draft("Admin"), ("HANDLE_RESERVED", "handle")),
        (draft("_plaza_"), ("HANDLE_RESERVED", "handle")),
    ] {
        let error = w.client.create_account(&guest(), request).await.unwrap_err();
        assert_eq!(said(&error), expected);
    }
    assert_eq!(w.events().await, 1);
}

#[tokio::test]
async fn create_account_answers_a_repeated_request_as_before() {
    let w = World::new().await;
    let first = w.join("ada").await;
    let update = UpdateProfileRequest {
        request_id: request_id(1),
        account_id: first.account_id,
        account: Some(Account { bio: "changed".to_owned(), ..Account::default() }),
        update_mask: Some(prost_types::FieldMask { paths: vec!["bio".to_owned()] }),
        etag: String::new(),
    };
    w.client.update_profile(&user(first.account_id), update).await.unwrap();
    w.clock.advance(60_000);
    let cx = guest();
    let again = w.client.create_account(&cx, draft("ada")).await.unwrap().account.unwrap();
    assert_eq!((again, cx.take_outcome().token.to_string()), (first, "accounts=1".to_owned()));
    let other = CreateAccountRequest { password: "another password".to_owned(), ..draft("ada") };
    let error = w.client.create_account(&guest(), other).await.unwrap_err();
    assert_eq!(said(&error), ("REQUEST_ID_REUSED", "request_id"));
    assert_eq!(w.events().await, 2);
}

#[tokio::test]
async fn create_account_at_the_same_time_gives_a_handle_once() {
    let w = World::new().await;
    let create = |n: u128| {
        let request =
            CreateAccountRequest { request_id: request_id(n), email: format!("u{n}@example.org"), ..draft("ada") };
        let client = w.client.clone();
        tokio::spawn(async move { client.create_account(&guest(), request).await })
    };
    let tasks: Vec<_> = (1..=8).map(create).collect();
    let mut created = 0;
    for task in tasks {
        match task.await.unwrap() {
            Ok(_) => created += 1,
            Err(error) => assert!(error.is(reason::HANDLE_TAKEN)),
        }
    }
    assert_eq!((created, w.events().await), (1, 1));
}

#[tokio::test]
async fn what_was_created_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let store = plaza_stores::StoreAddress::sqlite(folder.path().join("accounts.db"));
    let config = Config { store, ..Config::ephemeral() };
    let w = World::with(config.clone()).await;
    let ada = w.join("ada").await;
    w.app.close().await;
    let error = w.get(&user(5), 5).await.unwrap_err();
    assert!(error.is(reason::STORE_UNAVAILABLE));

    let w = World::with(config).await;
    assert_eq!(w.get(&user(ada.account_id), ada.account_id).await.unwrap(), ada);
    assert_eq!(w.verify("ada", crate::world::PASSWORD).await.unwrap(), ada.account_id);
    assert_eq!(w.client.create_account(&guest(), draft("ada")).await.unwrap().account.unwrap(), ada);
}

#[tokio::test]
async fn a_service_with_a_wrong_setting_does_not_start() {
    let env = plaza_core::Env::system();
    let secret = plaza_core::Secret::new([1; 32]);
    let gate = plaza_rpc::Gate::builder(env.clone(), &secret).build();
    let config = Config { insecure_fast_hash: false, ..Config::ephemeral() };
    let refused = plaza_accounts::App::build(config, plaza_accounts::Deps { env, gate, secret }).await.err().unwrap();
    assert!(refused.violations()[0].description.contains("accounts.password_hash"));
}
