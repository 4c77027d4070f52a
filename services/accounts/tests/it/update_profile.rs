use plaza_core::reason;
use plaza_proto::accounts::v1::*;
use prost_types::FieldMask;

use crate::world::{World, guest, request_id, said, user};

fn update(n: u128, account_id: i64, paths: &[&str], name: &str, bio: &str, etag: &str) -> UpdateProfileRequest {
    UpdateProfileRequest {
        request_id: request_id(n),
        account_id,
        account: Some(Account { display_name: name.to_owned(), bio: bio.to_owned(), ..Account::default() }),
        update_mask: Some(FieldMask { paths: paths.iter().map(|p| (*p).to_owned()).collect() }),
        etag: etag.to_owned(),
    }
}

#[tokio::test]
async fn update_profile_changes_what_the_mask_names_and_shows_at_once() {
    let w = World::new().await;
    let ada = w.join("ada").await;
    let (id, cx) = (ada.account_id, user(ada.account_id));
    assert_eq!(w.get(&cx, id).await.unwrap().bio, "", "now it is cached");
    w.clock.advance(1_000);
    let request = update(1, id, &["bio"], "ignored", "line one\nline two", "v1");
    let changed = w.client.update_profile(&cx, request).await.unwrap().account.unwrap();
    assert_eq!((changed.display_name.as_str(), changed.bio.as_str()), ("ada", "line one\nline two"));
    assert_eq!((changed.etag.as_str(), changed.email.as_str()), ("v2", "ada@example.org"));
    assert_eq!(changed.update_time.unwrap().seconds, ada.create_time.unwrap().seconds + 1);
    assert_eq!(cx.take_outcome().token.to_string(), "accounts=2");
    assert_eq!(w.get(&cx, id).await.unwrap(), changed);

    let request = update(2, id, &["display_name", "bio"], "  ", "", "");
    let changed = w.client.update_profile(&cx, request).await.unwrap().account.unwrap();
    assert_eq!((changed.display_name.as_str(), changed.bio.as_str(), changed.etag.as_str()), ("ada", "", "v3"));
}

#[tokio::test]
async fn update_profile_takes_references_to_pictures() {
    let w = World::new().await;
    let id = w.join("ada").await.account_id;
    let pictures = |n, avatar: &str, header: &str| {
        let account = Account { avatar: avatar.to_owned(), header: header.to_owned(), ..Account::default() };
        UpdateProfileRequest { account: Some(account), ..update(n, id, &["avatar", "header"], "", "", "") }
    };
    let changed = w.client.update_profile(&user(id), pictures(1, "media_7", "https://example.org/h.png?x=1")).await;
    let changed = changed.unwrap().account.unwrap();
    assert_eq!((changed.avatar.as_str(), changed.header.as_str()), ("media_7", "https://example.org/h.png?x=1"));
    assert_eq!(w.get(&user(id), id).await.unwrap(), changed);
    let long = format!("https://{}", "x".repeat(493));
    for (n, bad) in (2..).zip(["http://example.org/a", "javascript:alert(1)", "a b", "https://", "https://a b", &long])
    {
        let error = w.client.update_profile(&user(id), pictures(n, bad, "")).await.unwrap_err();
        assert_eq!(said(&error), ("INVALID_FIELDS", "account.avatar"), "{bad}");
        let error = w.client.update_profile(&user(id), pictures(n, "", bad)).await.unwrap_err();
        assert_eq!(said(&error), ("INVALID_FIELDS", "account.header"), "{bad}");
    }
    let none = w.client.update_profile(&user(id), pictures(20, "", "")).await.unwrap().account.unwrap();
    assert_eq!((none.avatar.as_str(), none.header.as_str()), ("", ""));
}

#[tokio::test]
async fn update_profile_refuses_bad_masks_values_and_etags() {
    let w = World::new().await;
    let id = w.join("ada").await.account_id;
    for (request, expected) in [
        (update(1, id, &[], "", "", ""), ("INVALID_FIELDS", "update_mask")),
        (update(2, id, &["email"], "", "", ""), ("MASK_INVALID", "update_mask")),
        (update(3, id, &["bio", "handle"], "", "", ""), ("MASK_INVALID", "update_mask")),
        (update(4, id, &["nonsense"], "", "", ""), ("MASK_INVALID", "update_mask")),
        (update(5, id, &["*"], "", "", ""), ("MASK_INVALID", "update_mask")),
        (update(6, id, &["display_name"], "two\nlines", "", ""), ("INVALID_FIELDS", "account.display_name")),
        (update(7, id, &["bio"], "", "\u{202e}oib", ""), ("INVALID_FIELDS", "account.bio")),
        (update(8, id, &["bio"], "", &"x".repeat(501), ""), ("INVALID_FIELDS", "account.bio")),
        (update(9, id, &["display_name"], &"x".repeat(65), "", ""), ("INVALID_FIELDS", "account.display_name")),
        (update(10, id, &["bio"], "", "late", "v7"), ("ETAG_MISMATCH", "")),
        (UpdateProfileRequest { account: None, ..update(11, id, &["bio"], "", "", "") }, ("INVALID_FIELDS", "account")),
        (
            UpdateProfileRequest { update_mask: None, ..update(12, id, &[], "", "", "") },
            ("INVALID_FIELDS", "update_mask"),
        ),
    ] {
        let error = w.client.update_profile(&user(id), request).await.unwrap_err();
        assert_eq!(said(&error), expected);
    }
    assert_eq!((w.events().await, w.get(&user(id), id).await.unwrap().etag), (1, "v1".to_owned()));
}

#[tokio::test]
async fn update_profile_is_for_its_owner() {
    let w = World::new().await;
    let (ada, bob) = (w.join("ada").await.account_id, w.join("bob").await.account_id);
    let request = || update(1, ada, &["bio"], "", "hello", "");
    let error = w.client.update_profile(&user(bob), request()).await.unwrap_err();
    assert!(error.is(reason::PERMISSION_DENIED));
    let error = w.client.update_profile(&guest(), request()).await.unwrap_err();
    assert!(error.is(reason::CREDENTIALS_MISSING));
}

#[tokio::test]
async fn update_profile_happens_once_for_each_request() {
    let w = World::new().await;
    let id = w.join("ada").await.account_id;
    let first = w.client.update_profile(&user(id), update(1, id, &["bio"], "", "one", "v1")).await.unwrap();
    w.client.update_profile(&user(id), update(2, id, &["bio"], "", "two", "")).await.unwrap();
    let cx = user(id);
    let again = w.client.update_profile(&cx, update(1, id, &["bio"], "", "one", "v1")).await.unwrap();
    assert_eq!((again, cx.take_outcome().token.to_string()), (first, "accounts=2".to_owned()));
    let error = w.client.update_profile(&user(id), update(1, id, &["bio"], "", "three", "")).await.unwrap_err();
    assert!(error.is(reason::REQUEST_ID_REUSED));
    assert_eq!(w.get(&user(id), id).await.unwrap().bio, "two");
}
