//! Changes of accounts besides those of a name and a bio.

use plaza_core::AccountId;
use plaza_core::reason;
use plaza_proto::accounts::v1::PreferencesUpdated;

use super::{Bench, cx, request};
use crate::domain::{Change, Edit, Preferences, PreferencesEdit, ProfileEdit};

pub(crate) async fn preferences_and_pictures_are_stored_and_erased(b: Bench) {
    let id = b.created("ada").await;
    let now = b.store.get(&cx(), id).await.unwrap().unwrap();
    assert_eq!((now.preferences.clone(), now.avatar.as_str(), now.header.as_str()), (Preferences::default(), "", ""));
    let pictures = ProfileEdit {
        avatar: Some("media1".to_owned()),
        header: Some("https://example.org/h.png".to_owned()),
        ..ProfileEdit::default()
    };
    b.store.change(&cx(), Change::new(id, Edit::Profile(pictures), b.env.now())).await.unwrap();
    let edit = PreferencesEdit {
        protected: Some(true),
        discoverable: Some(false),
        language: Some("pt-BR".to_owned()),
        default_visibility: Some(2),
    };
    let change = || Change::new(id, Edit::Preferences(edit.clone()), b.env.now());
    let written = b.store.change(&request(id.get(), 1, 1), change()).await.unwrap();
    assert_eq!(b.store.change(&request(id.get(), 1, 1), change()).await.unwrap(), written);
    let stored = b.store.get(&cx(), id).await.unwrap().unwrap();
    assert_eq!((&*stored, stored.version), (&written.value, 3));
    assert_eq!(stored.preferences, edit.apply(Preferences::default()));
    assert_eq!((stored.avatar.as_str(), stored.header.as_str()), ("media1", "https://example.org/h.png"));
    let last = b.events().await.pop().unwrap();
    assert_eq!(last.decode::<PreferencesUpdated>().unwrap().unwrap().account_id, id.get());
    let nobody = Change::new(AccountId(5), Edit::Preferences(edit.clone()), b.env.now());
    assert!(b.store.change(&cx(), nobody).await.unwrap_err().is(reason::ACCOUNT_NOT_FOUND));
    b.store.delete(&cx(), id).await.unwrap();
    assert!(b.store.change(&cx(), change()).await.unwrap_err().is(reason::ACCOUNT_NOT_FOUND));
}
