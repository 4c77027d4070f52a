use plaza_core::reason;
use plaza_proto::accounts::v1::*;
use prost_types::FieldMask;

use crate::world::{World, guest, request_id, said, service, user};

fn update(n: u128, account_id: i64, paths: &[&str], preferences: Preferences) -> UpdatePreferencesRequest {
    UpdatePreferencesRequest {
        request_id: request_id(n),
        account_id,
        preferences: Some(preferences),
        update_mask: Some(FieldMask { paths: paths.iter().map(|p| (*p).to_owned()).collect() }),
    }
}

async fn preferences(w: &World, id: i64) -> Preferences {
    let request = GetPreferencesRequest { account_id: id };
    w.client.get_preferences(&user(id), request).await.unwrap().preferences.unwrap()
}

#[tokio::test]
async fn update_preferences_changes_what_the_mask_names_and_shows_on_the_account_at_once() {
    let w = World::new().await;
    let id = w.join("ada").await.account_id;
    let before = w.get(&guest(), id).await.unwrap();
    assert_eq!((before.protected, before.discoverable, before.etag.as_str()), (false, true, "v1"));
    assert_eq!(preferences(&w, id).await, Preferences { discoverable: true, ..Preferences::default() });

    let reading_languages = vec!["pt".to_owned(), "zh-Hant".to_owned()];
    let language = "pt-BR".to_owned();
    let new = Preferences { protected: true, language, default_visibility: 2, discoverable: false, reading_languages };
    let cx = user(id);
    let request = update(1, id, &["protected", "language"], new.clone());
    let changed = w.client.update_preferences(&cx, request.clone()).await.unwrap();
    let expected = Preferences { discoverable: true, default_visibility: 0, reading_languages: vec![], ..new.clone() };
    assert_eq!(changed.preferences, Some(expected.clone()));
    assert_eq!((cx.take_outcome().token.to_string(), preferences(&w, id).await), ("accounts=2".to_owned(), expected));
    for cx in [guest(), user(id), service()] {
        let seen = w.get(&cx, id).await.unwrap();
        assert_eq!((seen.protected, seen.discoverable, seen.etag.as_str()), (true, true, "v2"));
    }

    let rest = update(2, id, &["discoverable", "default_visibility", "reading_languages"], new.clone());
    w.client.update_preferences(&user(id), rest).await.unwrap();
    let seen = w.get(&guest(), id).await.unwrap();
    assert_eq!((seen.protected, seen.discoverable), (true, false));
    assert_eq!(preferences(&w, id).await, new);
    assert_eq!(new.default_visibility(), DefaultVisibility::Followers);
    let again = w.client.update_preferences(&user(id), request).await.unwrap();
    assert_eq!((again, w.events().await), (changed, 3), "the same request, the same answer");
}

#[tokio::test]
async fn update_preferences_refuses_what_is_no_preference() {
    let w = World::new().await;
    let id = w.join("ada").await.account_id;
    let language = |text: &str| Preferences { language: text.to_owned(), ..Preferences::default() };
    let none = Preferences::default;
    let reading = |tags: Vec<&str>| Preferences {
        reading_languages: tags.into_iter().map(str::to_owned).collect(),
        ..Preferences::default()
    };
    let wrong = Preferences { default_visibility: 99, ..none() };
    for (request, expected) in [
        (update(1, id, &[], none()), ("INVALID_FIELDS", "update_mask")),
        (update(2, id, &["bio"], none()), ("MASK_INVALID", "update_mask")),
        (update(3, id, &["protected", "*"], none()), ("MASK_INVALID", "update_mask")),
        (update(4, id, &["language"], language("e")), ("INVALID_FIELDS", "preferences.language")),
        (update(5, id, &["language"], language("en_US")), ("INVALID_FIELDS", "preferences.language")),
        (update(6, id, &["language"], language(&"en-".repeat(20))), ("INVALID_FIELDS", "preferences.language")),
        (
            update(10, id, &["reading_languages"], reading(vec!["en"; 21])),
            ("INVALID_FIELDS", "preferences.reading_languages"),
        ),
        (
            update(11, id, &["reading_languages"], reading(vec!["en", "en us"])),
            ("INVALID_FIELDS", "preferences.reading_languages[1]"),
        ),
        (update(12, id, &["language"], reading(vec![""])), ("INVALID_FIELDS", "preferences.reading_languages[0]")),
        (update(7, id, &["default_visibility"], wrong), ("INVALID_FIELDS", "preferences.default_visibility")),
        (
            UpdatePreferencesRequest { preferences: None, ..update(8, id, &["protected"], none()) },
            ("INVALID_FIELDS", "preferences"),
        ),
        (
            UpdatePreferencesRequest { update_mask: None, ..update(9, id, &[], none()) },
            ("INVALID_FIELDS", "update_mask"),
        ),
    ] {
        let error = w.client.update_preferences(&user(id), request).await.unwrap_err();
        assert_eq!(said(&error), expected);
    }
    assert_eq!(w.events().await, 1);
}

#[tokio::test]
async fn get_preferences_and_update_preferences_are_for_their_owner() {
    let w = World::new().await;
    let (ada, bob) = (w.join("ada").await.account_id, w.join("bob").await.account_id);
    for (cx, reason) in [(user(bob), reason::PERMISSION_DENIED), (guest(), reason::CREDENTIALS_MISSING)] {
        let read = w.client.get_preferences(&cx, GetPreferencesRequest { account_id: ada }).await.unwrap_err();
        let request = update(1, ada, &["protected"], Preferences { protected: true, ..Preferences::default() });
        let write = w.client.update_preferences(&cx, request).await.unwrap_err();
        assert!(read.is(reason) && write.is(reason));
    }
    assert!(!w.get(&guest(), ada).await.unwrap().protected);
    let error = w.client.get_preferences(&user(5), GetPreferencesRequest { account_id: 5 }).await.unwrap_err();
    assert!(error.is(reason::ACCOUNT_NOT_FOUND));
}
