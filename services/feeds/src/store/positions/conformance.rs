//! What every engine of read positions must do: a list of cases against the trait alone, each on an empty store.

use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, join_all};
use plaza_core::request::REMEMBERED_MS;
use plaza_core::{AccountId, Cx, Env, ManualClock, PostId, RequestKey, Timestamp, reason};
use uuid::Uuid;

use super::PositionStore;
use crate::domain::{FeedKind, ReadPosition, ReadTo};

const NOW: Timestamp = Timestamp(1_800_000_000_000);
const ADA: AccountId = AccountId(1_001);
const BEN: AccountId = AccountId(1_002);

/// An empty store, and the clock that its environment shows.
#[derive(Clone)]
pub(crate) struct Subject {
    pub(crate) store: Arc<dyn PositionStore>,
    pub(crate) clock: Arc<ManualClock>,
}

/// One case.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) run: fn(Subject) -> BoxFuture<'static, ()>,
}

macro_rules! cases {
    ($($name:ident),* $(,)?) => {
        /// All cases.
        pub(crate) fn cases() -> Vec<Case> {
            vec![$(Case { name: stringify!($name), run: |subject| Box::pin($name(subject)) }),*]
        }
    };
}

cases![
    a_position_is_none_until_it_is_set,
    a_position_moves_on_and_only_by_force_back,
    what_moves_nothing_keeps_the_time,
    feeds_and_accounts_have_positions_of_their_own,
    a_repeated_request_gets_the_first_answer,
    a_reused_request_id_is_refused,
    answers_are_forgotten_after_their_time,
    the_same_request_many_times_at_once_is_performed_once,
    of_many_at_once_the_furthest_stands,
    an_erased_account_leaves_nothing_and_takes_nothing_in,
    erasing_goes_on_where_it_stopped,
    writes_while_an_account_is_erased_leave_nothing,
    accounts_with_positions_are_listed_in_pages,
    random_moves_agree_with_the_model,
    a_closed_store_refuses,
];

/// An environment for a store under test, with the clock that it shows.
pub(crate) fn env() -> (Env, Arc<ManualClock>) {
    let clock = ManualClock::new(NOW);
    (Env::manual(clock.clone(), 7), clock)
}

fn cx() -> Cx {
    Cx::background("feeds", Duration::from_secs(30))
}

fn request(caller: AccountId, n: u128, digest: u8) -> Cx {
    let key = RequestKey {
        caller: caller.get(),
        request_id: Uuid::from_u128(n),
        method: "SetReadPosition",
        digest: [digest; 16],
    };
    cx().with_request(Some(key))
}

/// Ada has read home to `place`, at `at` milliseconds from now.
fn to(place: i64, at: i64) -> ReadTo {
    ReadTo { account: ADA, feed: FeedKind::Home, place: PostId(place), force: false, at: NOW.plus_ms(at) }
}

fn back(place: i64, at: i64) -> ReadTo {
    ReadTo { force: true, ..to(place, at) }
}

fn at(place: i64, at: i64) -> ReadPosition {
    ReadPosition { place: PostId(place), at: NOW.plus_ms(at) }
}

async fn home(store: &dyn PositionStore, account: AccountId) -> Option<ReadPosition> {
    store.get(&cx(), account, FeedKind::Home).await.unwrap()
}

async fn a_position_is_none_until_it_is_set(Subject { store, .. }: Subject) {
    assert_eq!(home(&*store, ADA).await, None);
    assert_eq!(store.set(&cx(), to(5, 0)).await.unwrap(), at(5, 0));
    assert_eq!(home(&*store, ADA).await, Some(at(5, 0)));
}

async fn a_position_moves_on_and_only_by_force_back(Subject { store, .. }: Subject) {
    store.set(&cx(), to(5, 0)).await.unwrap();
    assert_eq!(store.set(&cx(), to(3, 1)).await.unwrap(), at(5, 0));
    assert_eq!(store.set(&cx(), to(9, 2)).await.unwrap(), at(9, 2));
    assert_eq!(store.set(&cx(), back(3, 3)).await.unwrap(), at(3, 3));
    assert_eq!(store.set(&cx(), back(i64::MAX, 4)).await.unwrap(), at(i64::MAX, 4));
    assert_eq!(home(&*store, ADA).await, Some(at(i64::MAX, 4)));
}

async fn what_moves_nothing_keeps_the_time(Subject { store, .. }: Subject) {
    store.set(&cx(), to(5, 0)).await.unwrap();
    for same in [to(5, 1), back(5, 2), to(4, 3)] {
        assert_eq!(store.set(&cx(), same).await.unwrap(), at(5, 0));
    }
    assert_eq!(home(&*store, ADA).await, Some(at(5, 0)));
}

async fn feeds_and_accounts_have_positions_of_their_own(Subject { store, .. }: Subject) {
    store.set(&cx(), to(5, 0)).await.unwrap();
    store.set(&cx(), ReadTo { feed: FeedKind::Mutuals, ..to(3, 1) }).await.unwrap();
    store.set(&cx(), ReadTo { account: BEN, ..to(4, 2) }).await.unwrap();
    assert_eq!((home(&*store, ADA).await, home(&*store, BEN).await), (Some(at(5, 0)), Some(at(4, 2))));
    assert_eq!(store.get(&cx(), ADA, FeedKind::Mutuals).await.unwrap(), Some(at(3, 1)));
    assert_eq!(store.get(&cx(), BEN, FeedKind::Mutuals).await.unwrap(), None);
}

async fn a_repeated_request_gets_the_first_answer(Subject { store, .. }: Subject) {
    assert_eq!(store.set(&request(ADA, 1, 1), back(5, 0)).await.unwrap(), at(5, 0));
    store.set(&request(ADA, 2, 2), to(9, 1)).await.unwrap();
    assert_eq!(store.set(&request(ADA, 1, 1), back(5, 2)).await.unwrap(), at(5, 0));
    assert_eq!(home(&*store, ADA).await, Some(at(9, 1)), "the retry moved nothing");
}

async fn a_reused_request_id_is_refused(Subject { store, .. }: Subject) {
    store.set(&request(ADA, 1, 1), to(5, 0)).await.unwrap();
    let error = store.set(&request(ADA, 1, 2), to(6, 0)).await.unwrap_err();
    assert!(error.is(reason::REQUEST_ID_REUSED));
    assert_eq!(home(&*store, ADA).await, Some(at(5, 0)));
    store.set(&request(BEN, 1, 3), ReadTo { account: BEN, ..to(6, 0) }).await.unwrap();
}

async fn answers_are_forgotten_after_their_time(Subject { store, clock }: Subject) {
    store.set(&request(ADA, 1, 1), to(5, 0)).await.unwrap();
    clock.advance(REMEMBERED_MS - 1);
    assert_eq!(store.prune(&cx()).await.unwrap(), 0);
    clock.advance(1);
    assert_eq!(store.prune(&cx()).await.unwrap(), 1);
    assert_eq!(store.prune(&cx()).await.unwrap(), 0);
    assert_eq!(home(&*store, ADA).await, Some(at(5, 0)), "positions stay");
}

async fn the_same_request_many_times_at_once_is_performed_once(Subject { store, .. }: Subject) {
    let sets = (0..20).map(|n| {
        let store = store.clone();
        tokio::spawn(async move { store.set(&request(ADA, 1, 1), back(5, n)).await.unwrap() })
    });
    let answers: Vec<ReadPosition> = join_all(sets).await.into_iter().map(Result::unwrap).collect();
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(home(&*store, ADA).await, Some(answers[0]));
}

async fn of_many_at_once_the_furthest_stands(Subject { store, .. }: Subject) {
    let sets = (1..=40).map(|n: i64| {
        let store = store.clone();
        let place = n * 17 % 41;
        tokio::spawn(async move { (place, store.set(&cx(), to(place, n)).await.unwrap()) })
    });
    for set in join_all(sets).await {
        let (place, answer) = set.unwrap();
        assert!(answer.place >= PostId(place), "{place}: {answer:?}");
    }
    assert_eq!(home(&*store, ADA).await.map(|position| position.place), Some(PostId(40)));
}

async fn an_erased_account_leaves_nothing_and_takes_nothing_in(Subject { store, .. }: Subject) {
    store.set(&request(ADA, 1, 1), to(5, 0)).await.unwrap();
    store.set(&cx(), ReadTo { account: BEN, ..to(4, 2) }).await.unwrap();
    assert_eq!(store.erase(&cx(), ADA, 100).await.unwrap(), 2, "the position and the remembered answer");
    assert_eq!(store.erase(&cx(), ADA, 100).await.unwrap(), 0);
    assert_eq!(home(&*store, ADA).await, None);
    for late in [to(9, 1), back(9, 1)] {
        let refused = store.set(&request(ADA, 2, 2), late).await.unwrap_err();
        assert!(refused.is(reason::ACCOUNT_NOT_FOUND));
    }
    assert_eq!((home(&*store, ADA).await, home(&*store, BEN).await), (None, Some(at(4, 2))));
    assert_eq!(store.held(&cx(), AccountId(0), 10).await.unwrap(), [BEN]);
}

async fn erasing_goes_on_where_it_stopped(Subject { store, .. }: Subject) {
    for n in 1..=5 {
        store.set(&request(ADA, n, 1), to(5, 0)).await.unwrap();
    }
    let mut erased = Vec::new();
    for _ in 0..4 {
        erased.push(store.erase(&cx(), ADA, 2).await.unwrap());
    }
    assert_eq!(erased, [2, 2, 2, 0]);
}

async fn writes_while_an_account_is_erased_leave_nothing(Subject { store, .. }: Subject) {
    erased_meanwhile(store.clone(), store).await;
}

/// One erases accounts while the other takes their writes in.
pub(crate) async fn erased_meanwhile(erasing: Arc<dyn PositionStore>, writing: Arc<dyn PositionStore>) {
    for account in (1..=20).map(AccountId) {
        let sets = (1..=6).map(|n| {
            let writing = writing.clone();
            tokio::spawn(async move { writing.set(&cx(), ReadTo { account, ..to(n, n) }).await.map(drop) })
        });
        let sets: Vec<_> = sets.collect();
        erasing.erase(&cx(), account, 100).await.unwrap();
        for set in join_all(sets).await {
            if let Err(error) = set.unwrap() {
                assert!(error.is(reason::ACCOUNT_NOT_FOUND), "{error}");
            }
        }
        assert_eq!(home(&*writing, account).await, None);
    }
}

async fn accounts_with_positions_are_listed_in_pages(Subject { store, .. }: Subject) {
    let accounts: Vec<AccountId> = (1..=5).map(AccountId).collect();
    for (account, feed) in accounts.iter().flat_map(|account| FeedKind::ALL.map(|feed| (*account, feed))) {
        store.set(&cx(), ReadTo { account, feed, ..to(1, 0) }).await.unwrap();
    }
    assert_eq!(store.held(&cx(), AccountId(0), 2).await.unwrap(), accounts[..2]);
    assert_eq!(store.held(&cx(), AccountId(2), 2).await.unwrap(), accounts[2..4]);
    assert_eq!(store.held(&cx(), AccountId(4), 2).await.unwrap(), accounts[4..]);
    assert_eq!(store.held(&cx(), AccountId(5), 2).await.unwrap(), []);
    let mut among = store.held_among(&cx(), &[9, 4, 2, 7].map(AccountId)).await.unwrap();
    among.sort_unstable();
    assert_eq!(among, [2, 4].map(AccountId));
    assert_eq!(store.held_among(&cx(), &[]).await.unwrap(), []);
}

async fn random_moves_agree_with_the_model(Subject { store, .. }: Subject) {
    let (env, _) = env();
    let draw = |most: u64| {
        let mut bytes = [0; 8];
        env.fill(&mut bytes);
        i64::try_from(u64::from_le_bytes(bytes) % most).unwrap()
    };
    let mut model: std::collections::HashMap<(i64, i16), ReadPosition> = std::collections::HashMap::new();
    for n in 0..300 {
        let feed = FeedKind::ALL[usize::try_from(draw(2)).unwrap()];
        let account = AccountId(1 + draw(3));
        let set = ReadTo { account, feed, force: draw(4) == 0, ..to(1 + draw(50), n) };
        let stood = model.get(&(account.get(), feed.number())).copied();
        // Written down here once more, not by the domain's own words.
        let moves =
            stood.is_none_or(|stood| if set.force { set.place != stood.place } else { set.place > stood.place });
        let expected = if moves { ReadPosition { place: set.place, at: set.at } } else { stood.unwrap() };
        model.insert((account.get(), feed.number()), expected);
        assert_eq!(store.set(&cx(), set).await.unwrap(), expected, "{n}: {set:?}");
    }
    for (account, feed) in (1..=3).flat_map(|account| FeedKind::ALL.map(|feed| (AccountId(account), feed))) {
        let stands = store.get(&cx(), account, feed).await.unwrap();
        assert_eq!(stands, model.get(&(account.get(), feed.number())).copied());
    }
}

async fn a_closed_store_refuses(Subject { store, .. }: Subject) {
    store.close().await;
    assert!(store.set(&cx(), to(5, 0)).await.unwrap_err().is(reason::STORE_UNAVAILABLE));
    assert!(store.get(&cx(), ADA, FeedKind::Home).await.unwrap_err().is(reason::STORE_UNAVAILABLE));
    assert!(store.ping(&cx()).await.is_err());
    store.close().await;
}

/// What one has written, the other reads when the first has closed.
pub(crate) async fn survives(first: &dyn PositionStore, second: &dyn PositionStore) {
    first.set(&request(ADA, 1, 1), to(5, 0)).await.unwrap();
    first.close().await;
    assert_eq!(home(second, ADA).await, Some(at(5, 0)));
    assert_eq!(second.set(&request(ADA, 1, 1), to(5, 9)).await.unwrap(), at(5, 0));
}
