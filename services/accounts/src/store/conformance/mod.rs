//! What every engine must do: a suite against the trait alone.
//!
//! An engine runs it with `suite!(make)`, where `make(env, on_change)` gives an empty store, or `None` if there is no server
//! to have one on.

mod changes;
mod erasures;
mod handles;
mod hidden;
mod tickets;

use std::any::Any;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use plaza_core::{AccountId, Caller, Cx, Env, Error, ManualClock, RequestKey, Timestamp, reason};
use plaza_events::Event;
use plaza_proto::accounts::v1::{AccountCreated, AccountDeleted, ProfileUpdated};
use plaza_testkit::wait;
use tokio::time::Instant;
use uuid::Uuid;

use super::{AccountStore, Changed, Credential, OnChange};
use crate::domain::{Change, Deletion, Edit, Email, Handle, Login, NewAccount, ProfileEdit};

pub(crate) use changes::*;
pub(crate) use erasures::*;
pub(crate) use handles::*;
pub(crate) use hidden::*;
pub(crate) use tickets::*;

/// An empty store, and what it needs to be there for.
pub(crate) struct Made {
    pub(crate) store: Arc<dyn AccountStore>,
    pub(crate) keep: Box<dyn Any + Send>,
}

/// An empty store with what the cases look at besides.
pub(crate) struct Bench {
    pub(crate) store: Arc<dyn AccountStore>,
    clock: Arc<ManualClock>,
    env: Env,
    changes: Arc<Mutex<Vec<Changed>>>,
    _keep: Box<dyn Any + Send>,
}

impl Bench {
    pub(crate) async fn new<F: Future<Output = Option<Made>>>(make: impl FnOnce(Env, OnChange) -> F) -> Option<Self> {
        let clock = ManualClock::new(Timestamp(1_800_000_000_000));
        let env = Env::manual(clock.clone(), 7);
        let changes: Arc<Mutex<Vec<Changed>>> = Arc::default();
        let seen = changes.clone();
        let told = Arc::new(move |changed: &Changed| seen.lock().push(changed.clone()));
        let Made { store, keep } = make(env.clone(), told).await?;
        Some(Self { store, clock, env, changes, _keep: keep })
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

    /// Every event so far. An engine may hold events back while other transactions of its server are open.
    async fn events(&self) -> Vec<Event> {
        let outbox = self.store.outbox();
        let last = outbox.last_position(&cx()).await.unwrap();
        wait::until("all events to show", || async {
            let events = outbox.read_after(&cx(), 0, 100).await.unwrap();
            (events.last().map_or(0, |event| event.position) == last).then_some(events)
        })
        .await
    }

    async fn refused(&self, account: NewAccount) -> Error {
        self.store.create(&cx(), account, credential()).await.unwrap_err()
    }
}

/// A deletion at once.
fn gone(id: AccountId) -> Deletion {
    Deletion { id, handle_free_at: Timestamp(i64::MAX), only_if_due: false }
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

fn edit(id: AccountId, bio: &str, etag: Option<&str>, at: Timestamp) -> Change {
    let edit = Edit::Profile(ProfileEdit { bio: Some(bio.to_owned()), ..ProfileEdit::default() });
    Change { etag: etag.map(str::to_owned), ..Change::new(id, edit, at) }
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
    assert_eq!(b.events().await.len(), 1, "a refused write leaves no event");
}

pub(crate) async fn a_batch_is_the_living_ones_asked_for(b: Bench) {
    let (ada, bob, carol) = (b.created("ada").await, b.created("bob").await, b.created("carol").await);
    b.store.delete(&cx(), gone(bob)).await.unwrap();
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
    let changed = b.store.change(&cx(), edit(id, "hello", Some("v1"), at)).await.unwrap().value;
    assert_eq!((changed.bio.as_str(), changed.version, changed.updated_at), ("hello", 2, at.0));
    assert_eq!(*b.store.get(&cx(), id).await.unwrap().unwrap(), changed);
    let stale = b.store.change(&cx(), edit(id, "lost", Some("v1"), at)).await.unwrap_err();
    assert!(stale.is(reason::ETAG_MISMATCH));
    let nobody = b.store.change(&cx(), edit(AccountId(5), "x", None, at)).await.unwrap_err();
    assert!(nobody.is(reason::ACCOUNT_NOT_FOUND));
    assert_eq!(*b.store.get(&cx(), id).await.unwrap().unwrap(), changed);
}

pub(crate) async fn the_deleted_are_gone_and_their_handle_is_kept(b: Bench) {
    let id = b.created("ada").await;
    b.store.delete(&cx(), gone(id)).await.unwrap();
    assert!(b.store.get(&cx(), id).await.unwrap().is_none());
    assert!(b.store.id_by_handle(&cx(), &Handle::parse("ada").unwrap()).await.unwrap().is_none());
    for login in ["ada", "ada@example.org", "", "@"] {
        assert!(b.store.credential(&cx(), &Login::parse(login)).await.unwrap().is_none(), "{login}");
    }
    assert!(b.store.list_ids(&cx(), AccountId(0), 10).await.unwrap().is_empty());
    assert!(b.store.delete(&cx(), gone(id)).await.unwrap_err().is(reason::ACCOUNT_NOT_FOUND));
    let update = b.store.change(&cx(), edit(id, "x", None, b.env.now())).await;
    assert!(update.unwrap_err().is(reason::ACCOUNT_NOT_FOUND));
    assert!(b.refused(b.new_account("ADA")).await.is(reason::HANDLE_TAKEN));
    // The address is free again, also for two who are deleted one after the other.
    let again = NewAccount { email: Email::new("ada@example.org"), ..b.new_account("ada2") };
    let again = b.store.create(&cx(), again, credential()).await.unwrap().value.id;
    b.store.delete(&cx(), gone(again)).await.unwrap();
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
    let changed = b.store.change(&request(caller, 3, 1), edit(id, "one", Some("v1"), b.env.now())).await.unwrap();
    b.store.change(&cx(), edit(id, "two", None, b.env.now())).await.unwrap();
    let repeated = b.store.change(&request(caller, 3, 1), edit(id, "one", Some("v1"), b.env.now())).await;
    assert_eq!(repeated.unwrap(), changed);
    assert_eq!(b.store.get(&cx(), id).await.unwrap().unwrap().bio, "two");
    let deleted = b.store.delete(&request(caller, 4, 1), gone(id)).await.unwrap();
    assert_eq!(b.store.delete(&request(caller, 4, 1), gone(id)).await.unwrap(), deleted);
    let forgotten = b.store.change(&request(caller, 3, 1), edit(id, "one", None, b.env.now())).await;
    assert!(forgotten.unwrap_err().is(reason::ACCOUNT_NOT_FOUND), "answers with personal data went with the account");
    assert_eq!(b.events().await.len(), 4);
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
    let changed = b.store.change(&cx(), edit(id, "x", None, b.env.now())).await.unwrap().position;
    let last = b.store.delete(&cx(), gone(id)).await.unwrap().position;
    let events = b.events().await;
    let positions: Vec<_> = events.iter().map(|e| e.position).collect();
    assert!(0 < positions[0] && positions[0] < changed && changed < last);
    assert_eq!((&positions[1..], b.store.outbox().source()), (&[changed, last][..], "accounts"));
    assert!(events.iter().all(|e| e.aggregate_type == "account" && e.aggregate_id == id.get()));
    assert_eq!(events[0].decode::<AccountCreated>().unwrap().unwrap().account_id, id.get());
    assert_eq!(events[1].decode::<ProfileUpdated>().unwrap().unwrap().account_id, id.get());
    assert_eq!(events[2].decode::<AccountDeleted>().unwrap().unwrap().account_id, id.get());
}

pub(crate) async fn each_change_is_told_to_the_cache(b: Bench) {
    let id = b.created("Ada").await;
    b.store.change(&cx(), edit(id, "x", None, b.env.now())).await.unwrap();
    b.store.delete(&cx(), gone(id)).await.unwrap();
    let told = |keys: &[&str]| Changed { id, handle_keys: keys.iter().map(|key| (*key).to_owned()).collect() };
    assert_eq!(*b.changes.lock(), [told(&["ada"]), told(&[]), told(&["ada"])]);
}

pub(crate) async fn ids_are_listed_by_rising_id_in_pages(b: Bench) {
    let mut ids = Vec::new();
    for n in 0..7 {
        ids.push(b.created(&format!("user{n}")).await);
    }
    b.store.delete(&cx(), gone(ids.remove(3))).await.unwrap();
    let (mut listed, mut after) = (Vec::new(), AccountId(0));
    loop {
        let page = b.store.list_ids(&cx(), after, 2).await.unwrap();
        let Some(last) = page.last() else { break };
        after = *last;
        listed.extend(page);
    }
    assert_eq!(listed, ids);
}

pub(crate) async fn of_many_at_once_one_gets_the_handle_or_the_address(b: Bench) {
    let rivals = (0..24).map(|n| {
        // Pairs share a handle, other pairs an address.
        let account = NewAccount {
            handle: Handle::parse(&format!("user{}", n / 2)).unwrap(),
            email: Email::new(&format!("mail{}@example.org", (n + 1) / 2)),
            ..b.new_account("any")
        };
        let store = b.store.clone();
        tokio::spawn(async move { store.create(&cx(), account, credential()).await })
    });
    let mut created = Vec::new();
    for rival in rivals.collect::<Vec<_>>() {
        match rival.await.unwrap() {
            Ok(written) => created.push((written.position, written.value.id)),
            Err(error) => assert!(error.is(reason::HANDLE_TAKEN) || error.is(reason::EMAIL_TAKEN), "{error}"),
        }
    }
    created.sort_unstable();
    let told: Vec<_> = b.events().await.iter().map(|e| (e.position, AccountId(e.aggregate_id))).collect();
    assert_eq!(told, created);
    // A chain of rivals: no two winners stand side by side, and no loser has room.
    assert!((8..=12).contains(&created.len()), "{}", created.len());
    let mut ids: Vec<_> = created.into_iter().map(|(_, id)| id).collect();
    ids.sort_unstable();
    assert_eq!(b.store.list_ids(&cx(), AccountId(0), 100).await.unwrap(), ids);
}

pub(crate) async fn changes_at_once_are_all_counted_and_a_deletion_ends_them(b: Bench) {
    let id = b.created("ada").await;
    let change = |n: u128, etag: Option<&'static str>| {
        let (store, at) = (b.store.clone(), b.env.now());
        // The same request comes twice.
        let cx = request(id.get(), n / 2, 1);
        tokio::spawn(async move { store.change(&cx, edit(id, &format!("bio {}", n / 2), etag, at)).await })
    };
    let mut answers = Vec::new();
    for call in (0..40).map(|n| change(n, None)).collect::<Vec<_>>() {
        answers.push(call.await.unwrap().unwrap());
    }
    assert!(answers.chunks(2).all(|twins| twins[0] == twins[1]));
    let mut versions: Vec<_> = answers.iter().map(|written| written.value.version).collect();
    versions.sort_unstable();
    versions.dedup();
    assert_eq!(versions, (2..=21).collect::<Vec<_>>());
    let mut winners = 0;
    for call in (100..108).map(|n| change(2 * n, Some("v21"))).collect::<Vec<_>>() {
        match call.await.unwrap() {
            Ok(_) => winners += 1,
            Err(error) => assert!(error.is(reason::ETAG_MISMATCH), "{error}"),
        }
    }
    assert_eq!((winners, b.store.get(&cx(), id).await.unwrap().unwrap().version), (1, 22));
    let deletions = (0..4).map(|_| {
        let store = b.store.clone();
        tokio::spawn(async move { store.delete(&cx(), gone(id)).await })
    });
    let mut deleted = 0;
    for call in deletions.collect::<Vec<_>>() {
        match call.await.unwrap() {
            Ok(_) => deleted += 1,
            Err(error) => assert!(error.is(reason::ACCOUNT_NOT_FOUND), "{error}"),
        }
    }
    assert_eq!((deleted, b.events().await.len()), (1, 23));
}

pub(crate) async fn a_login_that_no_account_can_have_is_nobodys(b: Bench) {
    b.created("ada").await;
    for login in ["ada\0", "\0", "ada\0@example.org", "ada%", "' OR 1=1 --", "ада"] {
        assert!(b.store.credential(&cx(), &Login::parse(login)).await.unwrap().is_none(), "{login:?}");
    }
}

/// Makes a test of each case for the engine that `$make` opens.
macro_rules! suite {
    ($make:path) => {
        $crate::store::conformance::suite!(@ $make:
            what_is_created_is_read,
            handles_and_addresses_are_unique_in_any_case,
            a_batch_is_the_living_ones_asked_for,
            profiles_change_under_their_etag,
            the_deleted_are_gone_and_their_handle_is_kept,
            a_repeated_request_has_its_first_outcome,
            requests_are_forgotten_after_a_day,
            each_write_has_its_event,
            each_change_is_told_to_the_cache,
            ids_are_listed_by_rising_id_in_pages,
            of_many_at_once_one_gets_the_handle_or_the_address,
            changes_at_once_are_all_counted_and_a_deletion_ends_them,
            a_login_that_no_account_can_have_is_nobodys,
            preferences_and_pictures_are_stored_and_erased,
            accounts_go_out_of_sight_and_come_back,
            a_deletion_that_waits_is_done_when_it_is_due,
            a_deletion_is_recalled_as_it_was_made,
            a_password_changes_from_what_was_checked_alone,
            a_handle_that_was_given_up_is_kept_for_its_owner,
            only_so_many_handles_are_kept_for_one_account,
            the_handle_of_one_who_is_gone_is_free_after_its_time,
            of_many_who_want_a_handle_at_once_one_gets_it,
            a_ticket_for_an_address_makes_it_the_accounts_once,
            an_address_that_another_has_by_then_is_not_given_twice,
            a_reset_goes_to_whoever_has_the_address_and_says_nothing,
            what_is_to_be_sent_is_there_until_it_is_noted,
            what_was_put_off_is_taken_by_one_when_its_time_has_come,
            what_is_kept_of_an_account_is_told_until_its_time_is_over,
            a_receipt_holds_the_first_report_of_each_service);
    };
    (@ $make:path: $($case:ident),*) => {
        $(
            #[tokio::test]
            async fn $case() {
                if let Some(bench) = $crate::store::conformance::Bench::new($make).await {
                    $crate::store::conformance::$case(bench).await;
                }
            }
        )*
    };
}
pub(crate) use suite;
