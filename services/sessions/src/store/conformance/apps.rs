//! App passwords.

use plaza_core::{AccountId, Scopes, SessionId, reason};
use plaza_proto::sessions::v1::AppPasswordCreated;

use super::{ADA, BOB, Bench, cx, request, used};
use crate::domain::{App, AppPassword, Grant, KNOWN_MS, MAX_APP_PASSWORDS, NewSession};
use crate::store::Refreshed;

impl Bench {
    fn new_app(&self) -> AppPassword {
        let (id, created_at) = (self.env.next_id(), self.env.now().0);
        let scopes = Scopes::from_bits(3).unwrap();
        AppPassword { id, name: "my  bot".to_owned(), scopes, created_at, last_used_at: 0 }
    }

    async fn created(&self, account: AccountId) -> AppPassword {
        self.store.create_app(&cx(), account, self.new_app()).await.unwrap()
    }

    async fn opened_by_app(&self, account: AccountId, app: &AppPassword) -> Result<Grant, plaza_core::Error> {
        let by = Some(App { id: app.id, scopes: app.scopes });
        self.open(&cx(), NewSession { app: by, ..self.new_session(account) }, "k1").await
    }

    async fn apps(&self, account: AccountId) -> Vec<i64> {
        self.store.list_apps(&cx(), account, None, 100).await.unwrap().iter().map(|app| app.id).collect()
    }
}

pub(crate) async fn app_passwords_are_kept_listed_and_revoked(b: Bench) {
    let first = b.store.create_app(&request(1, 1), ADA, b.new_app()).await.unwrap();
    assert_eq!(b.store.create_app(&request(1, 1), ADA, b.new_app()).await.unwrap(), first);
    let (second, other) = (b.created(ADA).await, b.created(BOB).await);
    assert_eq!((b.apps(ADA).await, b.apps(BOB).await), (vec![second.id, first.id], vec![other.id]));
    assert_eq!(b.store.list_apps(&cx(), ADA, Some(second.id), 1).await.unwrap(), std::slice::from_ref(&first));
    assert_eq!(b.store.list_apps(&cx(), ADA, None, 1).await.unwrap(), std::slice::from_ref(&second));
    let found = App { id: first.id, scopes: first.scopes };
    assert_eq!(b.store.app(&cx(), ADA, first.id).await.unwrap(), Some(found));
    assert_eq!(b.store.app(&cx(), BOB, first.id).await.unwrap(), None);
    let clash = AppPassword { id: first.id, ..b.new_app() };
    assert!(b.store.create_app(&cx(), ADA, clash).await.unwrap_err().is(reason::ID_CLASH));
    let told: Vec<_> = b.told_of::<AppPasswordCreated>().await.iter().map(|told| told.app_password_id).collect();
    assert_eq!(told, [first.id, second.id, other.id]);
    assert!(!b.store.revoke_app(&cx(), BOB, first.id).await.unwrap());
    for _ in 0..2 {
        assert!(b.store.revoke_app(&request(2, 1), ADA, first.id).await.unwrap());
    }
    assert!(!b.store.revoke_app(&cx(), ADA, first.id).await.unwrap());
    assert_eq!((b.apps(ADA).await, b.apps(BOB).await), (vec![second.id], vec![other.id]));
}

pub(crate) async fn a_session_of_an_app_password_keeps_its_scopes_and_ends_with_it(b: Bench) {
    let (app, another) = (b.created(ADA).await, b.created(ADA).await);
    let own = b.opened(ADA).await;
    b.clock.advance(5);
    let opened = b.opened_by_app(ADA, &app).await.unwrap();
    assert_eq!((opened.scopes, own.scopes), (Some(app.scopes), None));
    let apps = b.store.list_apps(&cx(), ADA, None, 10).await.unwrap();
    assert_eq!(apps.iter().map(|app| app.last_used_at).collect::<Vec<_>>(), [0, b.env.now().0]);
    assert_eq!((apps[1].name.as_str(), apps[1].scopes), ("my  bot", app.scopes));
    let by_another = b.opened_by_app(ADA, &another).await.unwrap();
    let (refreshed, _) = b.store.refresh(&cx(), used(opened.session, 1), "k1").await.unwrap();
    assert!(matches!(refreshed, Refreshed::Granted(grant) if grant.scopes == Some(app.scopes)));
    let listed = b.store.list(&cx(), ADA, None, 10).await.unwrap();
    let scopes: Vec<_> = listed.iter().map(|session| session.app.map(|app| app.id)).collect();
    assert_eq!(scopes, [Some(another.id), Some(app.id), None]);
    b.store.revoke_app(&cx(), ADA, app.id).await.unwrap();
    let left: Vec<SessionId> = vec![by_another.session, own.session];
    assert_eq!((b.listed(ADA).await, b.revoked(0).await.0), (left, vec![opened.session]));
    assert!(b.opened_by_app(ADA, &app).await.unwrap_err().is(reason::SIGN_IN_FAILED));
    assert!(b.opened_by_app(BOB, &another).await.unwrap_err().is(reason::SIGN_IN_FAILED));
    // A second factor is asked of people, not of programs.
    b.has_factor().await;
    b.opened_by_app(ADA, &another).await.unwrap();
}

pub(crate) async fn app_passwords_are_bounded_and_go_with_their_account(b: Bench) {
    for _ in 0..MAX_APP_PASSWORDS {
        b.created(ADA).await;
    }
    let error = b.store.create_app(&cx(), ADA, b.new_app()).await.unwrap_err();
    assert!(error.is(reason::TOO_MANY_APP_PASSWORDS));
    b.created(BOB).await;
    b.clock.advance(10 * KNOWN_MS);
    while b.store.prune(&cx()).await.unwrap() > 0 {}
    assert_eq!(b.store.held(&cx(), AccountId(0), 10).await.unwrap(), [ADA, BOB]);
    b.store.erase(&cx(), &[ADA]).await.unwrap();
    assert_eq!((b.apps(ADA).await.len(), b.apps(BOB).await.len()), (0, 1));
    assert_eq!(b.store.held_among(&cx(), &[ADA, BOB]).await.unwrap(), [BOB]);
}
