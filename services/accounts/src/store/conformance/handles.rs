//! Handles: changed, kept, free again.

use plaza_core::{AccountId, Error, reason};
use plaza_proto::accounts::v1::HandleChanged;

use super::{Bench, credential, cx, gone, request};
use crate::domain::{Account, Change, Deletion, Edit, Email, Handle, HandleEdit, Login, NewAccount};
use crate::store::{Changed, Written};

const KEPT_MS: i64 = 1_000;

fn to_handle(b: &Bench, id: AccountId, handle: &str) -> Change {
    let (handle, now) = (Handle::parse(handle).unwrap(), b.env.now());
    let edit = HandleEdit { handle, keep_until: now.plus_ms(KEPT_MS), max_kept: 3 };
    Change::new(id, Edit::Handle(edit), now)
}

async fn changed(b: &Bench, id: AccountId, handle: &str) -> Result<Written<Account>, Error> {
    b.store.change(&cx(), to_handle(b, id, handle)).await
}

async fn owner(b: &Bench, handle: &str) -> Option<AccountId> {
    b.store.id_by_handle(&cx(), &Handle::parse(handle).unwrap()).await.unwrap()
}

/// Whether somebody new can have the handle; the check and the creation say the same.
async fn is_free(b: &Bench, handle: &str, n: u32) -> bool {
    let account = NewAccount { email: Email::new(&format!("new{n}@example.org")), ..b.new_account(handle) };
    let check = b.store.check_free(&cx(), &account.handle, &account.email).await;
    let created = b.store.create(&cx(), account, credential()).await;
    for refused in [check.as_ref().err(), created.as_ref().err()].into_iter().flatten() {
        assert!(refused.is(reason::HANDLE_TAKEN), "{refused}");
    }
    assert_eq!(check.is_ok(), created.is_ok());
    created.is_ok()
}

pub(crate) async fn a_handle_that_was_given_up_is_kept_for_its_owner(b: Bench) {
    let (ada, bob) = (b.created("ada").await, b.created("bob").await);
    let change = to_handle(&b, ada, "Ada_L");
    let written = b.store.change(&request(ada.get(), 1, 1), change.clone()).await.unwrap();
    assert_eq!((written.value.handle.as_str(), written.value.version), ("Ada_L", 2));
    assert_eq!(*b.store.get(&cx(), ada).await.unwrap().unwrap(), written.value);
    assert_eq!((owner(&b, "ADA_l").await, owner(&b, "ada").await), (Some(ada), None));
    assert_eq!(b.store.credential(&cx(), &Login::parse("ada_l")).await.unwrap().unwrap().0, ada);
    assert!(b.store.credential(&cx(), &Login::parse("ada")).await.unwrap().is_none());
    assert_eq!(b.store.change(&request(ada.get(), 1, 1), change).await.unwrap(), written);
    let event = b.events().await.pop().unwrap();
    assert_eq!(event.decode::<HandleChanged>().unwrap().unwrap().account_id, ada.get());
    let told = Changed { id: ada, handle_keys: vec!["ada".to_owned(), "ada_l".to_owned()] };
    assert!(b.changes.lock().contains(&told));

    for taken in ["ada", "ADA", "ada_l"] {
        assert!(!is_free(&b, taken, 0).await, "{taken}");
        assert!(changed(&b, bob, taken).await.unwrap_err().is(reason::HANDLE_TAKEN), "{taken}");
    }
    assert_eq!(b.store.get(&cx(), bob).await.unwrap().unwrap().handle, "bob", "a refusal changes nothing");
    assert_eq!(changed(&b, ada, "ada").await.unwrap().value.handle, "ada", "its owner takes it back");
    assert!(changed(&b, bob, "ada_l").await.unwrap_err().is(reason::HANDLE_TAKEN), "now the other is kept");
    // Letter case alone gives nothing up.
    assert_eq!(changed(&b, ada, "ADA").await.unwrap().value.handle, "ADA");
    b.clock.advance(KEPT_MS);
    assert_eq!(changed(&b, bob, "ada_l").await.unwrap().value.handle, "ada_l");
    assert!(!is_free(&b, "bob", 1).await);
    b.clock.advance(KEPT_MS);
    assert!(is_free(&b, "bob", 2).await);
    assert_eq!(b.store.prune(&cx()).await.unwrap(), 1, "what is free is forgotten: `bob`");
    assert!(changed(&b, AccountId(5), "carol").await.unwrap_err().is(reason::ACCOUNT_NOT_FOUND));
}

pub(crate) async fn only_so_many_handles_are_kept_for_one_account(b: Bench) {
    let id = b.created("a0").await;
    for n in 1..=3 {
        changed(&b, id, &format!("a{n}")).await.unwrap();
    }
    assert!(changed(&b, id, "a4").await.unwrap_err().is(reason::TOO_MANY_HANDLES));
    assert_eq!((owner(&b, "a3").await, owner(&b, "a4").await), (Some(id), None));
    assert!(is_free(&b, "a4", 0).await, "a refusal takes nothing");
    changed(&b, id, "a1").await.unwrap();
    b.clock.advance(KEPT_MS);
    changed(&b, id, "a5").await.unwrap();
}

pub(crate) async fn the_handle_of_one_who_is_gone_is_free_after_its_time(b: Bench) {
    let ada = b.created("ada0").await;
    changed(&b, ada, "ada").await.unwrap();
    b.store.delete(&cx(), Deletion { handle_free_at: b.env.now().plus_ms(3 * KEPT_MS), ..gone(ada) }).await.unwrap();
    let bob = b.created("bob").await;
    for kept in ["ada", "ada0"] {
        assert!(!is_free(&b, kept, 0).await, "{kept}");
        assert!(changed(&b, bob, kept).await.unwrap_err().is(reason::HANDLE_TAKEN), "{kept}");
    }
    b.clock.advance(KEPT_MS);
    assert!(is_free(&b, "ada0", 1).await && !is_free(&b, "ada", 2).await);
    b.clock.advance(2 * KEPT_MS);
    assert_eq!(changed(&b, bob, "ada").await.unwrap().value.id, bob);
    assert_eq!(b.store.prune(&cx()).await.unwrap(), 1, "`ada0`; `bob` is kept, `ada` is taken");
    for gone in ["#", "##"] {
        assert!(b.store.credential(&cx(), &Login::parse(&format!("{gone}{ada}"))).await.unwrap().is_none());
    }
}

pub(crate) async fn of_many_who_want_a_handle_at_once_one_gets_it(b: Bench) {
    let (mut people, mut calls) = (Vec::new(), Vec::new());
    for n in 0..6 {
        people.push(b.created(&format!("user{n}")).await);
    }
    // Those who have an account, and those who come, want the same; one gives up what another wants.
    for (n, id) in people.iter().enumerate() {
        let wanted = if n == 5 { "user0" } else { "wanted" };
        let (store, change) = (b.store.clone(), to_handle(&b, *id, wanted));
        calls.push(tokio::spawn(async move { store.change(&cx(), change).await.map(|written| written.value.id) }));
        let email = Email::new(&format!("new{n}@example.org"));
        let (store, account) = (b.store.clone(), NewAccount { email, ..b.new_account(wanted) });
        calls.push(tokio::spawn(async move { store.create(&cx(), account, credential()).await.map(|w| w.value.id) }));
    }
    for call in calls {
        if let Err(error) = call.await.unwrap() {
            assert!(error.is(reason::HANDLE_TAKEN), "{error}");
        }
    }
    let (wanted, given_up) = (owner(&b, "wanted").await.unwrap(), owner(&b, "user0").await);
    assert_eq!(given_up, (wanted != people[0]).then_some(people[0]), "kept, if its owner got another");
    let ids = b.store.list_ids(&cx(), AccountId(0), 100).await.unwrap();
    let handles = b.store.batch_get(&cx(), &ids).await.unwrap();
    let mut handles: Vec<String> = handles.iter().map(|account| account.handle.to_lowercase()).collect();
    handles.sort_unstable();
    let all = handles.len();
    handles.dedup();
    assert_eq!(handles.len(), all);
}
