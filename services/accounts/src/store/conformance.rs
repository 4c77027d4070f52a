//! What every engine must do: a suite against the trait alone.
//!
//! An engine runs it with `suite!(make)`, where `make(env, on_change)` gives an empty store.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use plaza_core::{AccountId, Caller, Cx, Env, Error, ManualClock, RequestKey, Timestamp, reason};
use plaza_proto::accounts::v1::{AccountCreated, AccountDeleted, ProfileUpdated};
use tokio::time::Instant;
use uuid::Uuid;

use super::{AccountStore, Changed, Credential, OnChange};
use crate::domain::{Email, Handle, Login, NewAccount, ProfileChange, ProfileEdit};

/// An empty store with what the cases look at besides.
pub(crate) struct Bench {
    pub(crate) store: Arc<dyn AccountStore>,
    clock: Arc<ManualClock>,
    env: Env,
    changes: Arc<Mutex<Vec<Changed>>>,
}

impl Bench {
    pub(crate) fn new(make: impl FnOnce(Env, OnChange) -> Arc<dyn AccountStore>) -> Self {
        let clock = ManualClock::new(Timestamp(1_800_000_000_000));
        let env = Env::manual(clock.clone(), 7);
        let changes: Arc<Mutex<Vec<Changed>>> = Arc::default();
        let seen = changes.clone();
        let store = make(env.clone(), Arc::new(move |changed: &Changed| seen.lock().push(changed.clone())));
        Self { store, clock, env, changes }
    }

    fn new_account(&self, handle: &str) -> NewAccount {
        NewAccount {
            id: AccountId(self.env.next_id()),
            handle: Handle::parse(handle).unwrap(),
            email: Email::new(&format!("{handle}@Example.org")),
            display_name: format!("The {handle}"),
            at: self.env.now(),
        }
    }

    async fn created(&self, handle: &str) -> AccountId {
        let written = self.store.create(&cx(), self.new_account(handle), credential()).await.unwrap();
        written.value.id
    }

    async fn refused(&self, account: NewAccount) -> Error {
        self.store.create(&cx(), account, credential()).await.unwrap_err()
    }
}

fn credential() -> Credential {
    Credential::new("$argon2id$of-nobody".to_owned())
}

fn cx() -> Cx {
    Cx::new(Caller::default(), Instant::now() + Duration::from_secs(5))
}

/// A context of the request `id` with content `digest`.
fn request(caller: i64, id: u128, digest: u8) -> Cx {
    let key = RequestKey { caller, request_id: Uuid::from_u128(id), method: "Test", digest: [digest; 16] };
    cx().with_request(Some(key))
}

fn edit(id: AccountId, bio: &str, etag: Option<&str>, at: Timestamp) -> ProfileChange {
    let edit = ProfileEdit { display_name: None, bio: Some(bio.to_owned()) };
    ProfileChange { id, edit, etag: etag.map(str::to_owned), at }
}

pub(crate) async fn what_is_created_is_read(b: Bench) {
    let account = b.new_account("Ada");
    let expected = account.clone().into_account();
    b.store.create(&cx(), account, credential()).await.unwrap();
    assert_eq!(*b.store.get(&cx(), expected.id).await.unwrap().unwrap(), expected);
    let id = b.store.id_by_handle(&cx(), &Handle::parse("aDA").unwrap()).await.unwrap();
    assert_eq!(id, Some(expected.id));
    assert_eq!(b.store.id_by_handle(&cx(), &Handle::parse("bob").unwrap()).await.unwrap(), None);
    assert!(b.store.get(&cx(), AccountId(1)).await.unwrap().is_none());
    for login in ["ada", "ADA@example.org"] {
        let (owner, credential) = b.store.credential(&cx(), &Login::parse(login)).await.unwrap().unwrap();
        assert_eq!((owner, credential.phc()), (expected.id, "$argon2id$of-nobody"));
    }
    assert!(b.store.credential(&cx(), &Login::parse("bob")).await.unwrap().is_none());
}

pub(crate) async fn handles_and_addresses_are_unique_in_any_case(b: Bench) {
    let first = b.new_account("ada");
    b.store.create(&cx(), first.clone(), credential()).await.unwrap();
    let same_handle = NewAccount { email: Email::new("other@example.org"), ..b.new_account("ADA") };
    assert!(b.refused(same_handle.clone()).await.is(reason::HANDLE_TAKEN));
    let same_email = NewAccount { email: Email::new("ADA@EXAMPLE.ORG"), ..b.new_account("bob") };
    assert!(b.refused(same_email.clone()).await.is(reason::EMAIL_TAKEN));
    let same_id = NewAccount { id: first.id, ..b.new_account("carol") };
    assert!(b.refused(same_id).await.is(reason::ID_CLASH));
    for (account, reason) in [(same_handle, reason::HANDLE_TAKEN), (same_email, reason::EMAIL_TAKEN)] {
        assert!(b.store.check_free(&cx(), &account.handle, &account.email).await.unwrap_err().is(reason));
    }
    let free = b.new_account("carol");
    b.store.check_free(&cx(), &free.handle, &free.email).await.unwrap();
    assert_eq!(b.store.list_ids(&cx(), AccountId(0), 10).await.unwrap(), [first.id]);
    assert_eq!(b.store.outbox().last_position(&cx()).await.unwrap(), 1, "a refused write leaves no event");
}

pub(crate) async fn a_batch_is_the_living_ones_asked_for(b: Bench) {
    let (ada, bob, carol) = (b.created("ada").await, b.created("bob").await, b.created("carol").await);
    b.store.delete(&cx(), bob).await.unwrap();
    let asked = [carol, AccountId(5), bob, ada, carol];
    let mut ids: Vec<_> = b.store.batch_get(&cx(), &asked).await.unwrap().iter().map(|a| a.id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids, [ada, carol]);
    assert!(b.store.batch_get(&cx(), &[]).await.unwrap().is_empty());
}

pub(crate) async fn profiles_change_under_their_etag(b: Bench) {
    let id = b.created("ada").await;
    b.clock.advance(5);
    let at = b.env.now();
    let changed = b.store.update_profile(&cx(), edit(id, "hello", Some("v1"), at)).await.unwrap().value;
    assert_eq!((changed.bio.as_str(), changed.version, changed.updated_at), ("hello", 2, at.0));
    assert_eq!(*b.store.get(&cx(), id).await.unwrap().unwrap(), changed);
    let stale = b.store.update_profile(&cx(), edit(id, "lost", Some("v1"), at)).await.unwrap_err();
    assert!(stale.is(reason::ETAG_MISMATCH));
    let nobody = b.store.update_profile(&cx(), edit(AccountId(5), "x", None, at)).await.unwrap_err();
    assert!(nobody.is(reason::ACCOUNT_NOT_FOUND));
    assert_eq!(*b.store.get(&cx(), id).await.unwrap().unwrap(), changed);
}

pub(crate) async fn the_deleted_are_gone_and_their_handle_stays_taken(b: Bench) {
    let id = b.created("ada").await;
    b.store.delete(&cx(), id).await.unwrap();
    assert!(b.store.get(&cx(), id).await.unwrap().is_none());
    assert!(b.store.id_by_handle(&cx(), &Handle::parse("ada").unwrap()).await.unwrap().is_none());
    for login in ["ada", "ada@example.org", "", "@"] {
        assert!(b.store.credential(&cx(), &Login::parse(login)).await.unwrap().is_none(), "{login}");
    }
    assert!(b.store.list_ids(&cx(), AccountId(0), 10).await.unwrap().is_empty());
    assert!(b.store.delete(&cx(), id).await.unwrap_err().is(reason::ACCOUNT_NOT_FOUND));
    let update = b.store.update_profile(&cx(), edit(id, "x", None, b.env.now())).await;
    assert!(update.unwrap_err().is(reason::ACCOUNT_NOT_FOUND));
    assert!(b.refused(b.new_account("ADA")).await.is(reason::HANDLE_TAKEN));
    // The address is free again, also for two who are deleted one after the other.
    let again = NewAccount { email: Email::new("ada@example.org"), ..b.new_account("ada2") };
    let again = b.store.create(&cx(), again, credential()).await.unwrap().value.id;
    b.store.delete(&cx(), again).await.unwrap();
}

pub(crate) async fn a_repeated_request_has_its_first_outcome(b: Bench) {
    let first = b.store.create(&request(0, 1, 1), b.new_account("ada"), credential()).await.unwrap();
    b.clock.advance(1_000);
    assert_eq!(b.store.recall_created(&request(0, 1, 1)).await.unwrap(), Some(first.clone()));
    assert_eq!(b.store.recall_created(&request(0, 2, 1)).await.unwrap(), None);
    assert_eq!(b.store.recall_created(&cx()).await.unwrap(), None);
    let repeated = b.store.create(&request(0, 1, 1), b.new_account("ada"), credential()).await.unwrap();
    assert_eq!(repeated, first);
    for other in [
        b.store.create(&request(0, 1, 2), b.new_account("bob"), credential()).await.map(|_| ()),
        b.store.recall_created(&request(0, 1, 2)).await.map(|_| ()),
    ] {
        assert!(other.unwrap_err().is(reason::REQUEST_ID_REUSED));
    }
    let id = first.value.id;
    let caller = id.get();
    let changed =
        b.store.update_profile(&request(caller, 3, 1), edit(id, "one", Some("v1"), b.env.now())).await.unwrap();
    b.store.update_profile(&cx(), edit(id, "two", None, b.env.now())).await.unwrap();
    let repeated = b.store.update_profile(&request(caller, 3, 1), edit(id, "one", Some("v1"), b.env.now())).await;
    assert_eq!(repeated.unwrap(), changed);
    assert_eq!(b.store.get(&cx(), id).await.unwrap().unwrap().bio, "two");
    let deleted = b.store.delete(&request(caller, 4, 1), id).await.unwrap();
    assert_eq!(b.store.delete(&request(caller, 4, 1), id).await.unwrap(), deleted);
    let forgotten = b.store.update_profile(&request(caller, 3, 1), edit(id, "one", None, b.env.now())).await;
    assert!(forgotten.unwrap_err().is(reason::ACCOUNT_NOT_FOUND), "answers with personal data went with the account");
    assert_eq!(b.store.outbox().last_position(&cx()).await.unwrap(), 4);
}

pub(crate) async fn requests_are_forgotten_after_a_day(b: Bench) {
    b.store.create(&request(0, 1, 1), b.new_account("ada"), credential()).await.unwrap();
    b.clock.advance(24 * 3_600_000 - 1);
    assert_eq!(b.store.prune(&cx()).await.unwrap(), 0);
    b.clock.advance(1);
    assert_eq!(b.store.recall_created(&request(0, 1, 1)).await.unwrap(), None);
    assert_eq!(b.store.prune(&cx()).await.unwrap(), 1);
}

pub(crate) async fn each_write_has_its_event(b: Bench) {
    let id = b.created("ada").await;
    b.store.update_profile(&cx(), edit(id, "x", None, b.env.now())).await.unwrap();
    let last = b.store.delete(&cx(), id).await.unwrap().position;
    let events = b.store.outbox().read_after(&cx(), 0, 10).await.unwrap();
    assert_eq!(events.iter().map(|e| e.position).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!((last, b.store.outbox().source().to_owned()), (3, "accounts".to_owned()));
    assert!(events.iter().all(|e| e.aggregate_type == "account" && e.aggregate_id == id.get()));
    assert_eq!(events[0].decode::<AccountCreated>().unwrap().unwrap().account_id, id.get());
    assert_eq!(events[1].decode::<ProfileUpdated>().unwrap().unwrap().account_id, id.get());
    assert_eq!(events[2].decode::<AccountDeleted>().unwrap().unwrap().account_id, id.get());
}

pub(crate) async fn each_change_is_told_to_the_cache(b: Bench) {
    let id = b.created("Ada").await;
    b.store.update_profile(&cx(), edit(id, "x", None, b.env.now())).await.unwrap();
    b.store.delete(&cx(), id).await.unwrap();
    let (handle, key) = (|key: &str| Changed { id, handle_key: Some(key.to_owned()) }, "ada");
    assert_eq!(*b.changes.lock(), [handle(key), Changed { id, handle_key: None }, handle(key)]);
}

pub(crate) async fn ids_are_listed_by_rising_id_in_pages(b: Bench) {
    let mut ids = Vec::new();
    for n in 0..7 {
        ids.push(b.created(&format!("user{n}")).await);
    }
    b.store.delete(&cx(), ids.remove(3)).await.unwrap();
    let (mut listed, mut after) = (Vec::new(), AccountId(0));
    loop {
        let page = b.store.list_ids(&cx(), after, 2).await.unwrap();
        let Some(last) = page.last() else { break };
        after = *last;
        listed.extend(page);
    }
    assert_eq!(listed, ids);
}

/// Makes a test of each case for the engine that `$make` opens.
macro_rules! suite {
    ($make:path) => {
        $crate::store::conformance::suite!(@ $make:
            what_is_created_is_read,
            handles_and_addresses_are_unique_in_any_case,
            a_batch_is_the_living_ones_asked_for,
            profiles_change_under_their_etag,
            the_deleted_are_gone_and_their_handle_stays_taken,
            a_repeated_request_has_its_first_outcome,
            requests_are_forgotten_after_a_day,
            each_write_has_its_event,
            each_change_is_told_to_the_cache,
            ids_are_listed_by_rising_id_in_pages);
    };
    (@ $make:path: $($case:ident),*) => {
        $(
            #[tokio::test]
            async fn $case() {
                $crate::store::conformance::$case($crate::store::conformance::Bench::new($make)).await;
            }
        )*
    };
}
pub(crate) use suite;
