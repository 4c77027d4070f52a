//! Changes of accounts besides those of a name and a bio.

use plaza_core::{AccountId, SessionId, reason};
use plaza_proto::accounts::v1::{PasswordChanged, PreferencesUpdated};

use super::{Bench, cx, gone, request};
use crate::domain::{Change, Credential, Edit, Login, PasswordEdit, Preferences, PreferencesEdit, ProfileEdit};

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
        reading_languages: Some(vec!["pt-BR".to_owned(), "en".to_owned()]),
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
    b.store.delete(&cx(), gone(id)).await.unwrap();
    assert!(b.store.change(&cx(), change()).await.unwrap_err().is(reason::ACCOUNT_NOT_FOUND));
}

pub(crate) async fn a_password_changes_from_what_was_checked_alone(b: Bench) {
    let id = b.created("ada").await;
    let before = b.store.get(&cx(), id).await.unwrap().unwrap();
    let phc = |text: &str| Credential::new(text.to_owned());
    let edit = |old: &str, new: &str| PasswordEdit {
        old: phc(old),
        new: phc(new),
        end_sessions: true,
        keep_session: Some(SessionId(9)),
    };
    let change = |old: &str, new: &str| Change::new(id, Edit::Password(edit(old, new)), b.env.now());
    let old = b.store.credential_of(&cx(), id).await.unwrap().unwrap();
    assert_eq!(b.store.recall_changed(&request(id.get(), 1, 1)).await.unwrap(), None);
    let written = b.store.change(&request(id.get(), 1, 1), change(old.phc(), "$new")).await.unwrap();
    assert_eq!(written.value, *before, "nobody sees it on the account");
    for (request, old) in [(cx(), old.phc()), (request(id.get(), 2, 1), "$other")] {
        let late = b.store.change(&request, change(old, "$late")).await.unwrap_err();
        assert!(late.is(reason::PASSWORD_WRONG), "{late}");
    }
    assert_eq!(b.store.credential_of(&cx(), id).await.unwrap(), Some(phc("$new")));
    let (owner, stored) = b.store.credential(&cx(), &Login::parse("ada")).await.unwrap().unwrap();
    assert_eq!((owner, stored), (id, phc("$new")));
    assert_eq!(b.store.recall_changed(&request(id.get(), 1, 1)).await.unwrap(), Some(written));
    assert_eq!(b.store.recall_changed(&request(id.get(), 2, 1)).await.unwrap(), None);
    let events = b.events().await;
    let told = events[1].decode::<PasswordChanged>().unwrap().unwrap();
    assert_eq!((events.len(), told.account_id, told.end_sessions, told.keep_session_id), (2, id.get(), true, 9));
    b.store.delete(&cx(), gone(id)).await.unwrap();
    assert_eq!(b.store.credential_of(&cx(), id).await.unwrap(), None);
    assert!(b.store.change(&cx(), change("$new", "$late")).await.unwrap_err().is(reason::ACCOUNT_NOT_FOUND));
    assert!(b.store.change(&cx(), change("", "$late")).await.unwrap_err().is(reason::ACCOUNT_NOT_FOUND));
}
