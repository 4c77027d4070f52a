//! `GetReadPosition`, `SetReadPosition` and the projection `feeds-erasure`.

use std::sync::Arc;
use std::time::Duration;

use plaza_core::{Caller, Cx, Env, ManualClock, id, reason};
use plaza_events::NewEvent;
use plaza_events::projection::{AuditOptions, audit};
use plaza_feeds::store::positions::PositionStore;
use plaza_feeds::store::postgres::PostgresPositions;
use plaza_feeds::store::sqlite::SqlitePositions;
use plaza_proto::accounts::v1::AccountDeleted;
use plaza_proto::feeds::v1::export_record::Record;
use plaza_proto::feeds::v1::{
    ExportRecord, ExportRecordsRequest, FeedKind, FeedsService as _, FeedsServiceClient, GetReadPositionRequest,
    ReadPosition, SetReadPositionRequest,
};
use plaza_stores::postgres::Scratch;
use plaza_stores::{ServerKind, StoreAddress};
use plaza_testkit::Store;
use proptest::prelude::*;

use crate::support::{Bench, Engine, user};
use crate::world::START;

fn to(bench: &Bench, place: i64) -> SetReadPositionRequest {
    let request_id = bench.world.env.event_id().to_string();
    SetReadPositionRequest { request_id, feed: FeedKind::Home.into(), place, force: false }
}

async fn read(bench: &Bench, reader: i64, feed: FeedKind) -> Option<ReadPosition> {
    let req = GetReadPositionRequest { feed: feed.into() };
    bench.client.get_read_position(&user(reader), req).await.unwrap().position
}

async fn place(bench: &Bench, reader: i64) -> Option<i64> {
    read(bench, reader, FeedKind::Home).await.map(|position| position.place)
}

#[tokio::test]
async fn get_read_position_is_empty_until_it_is_set_and_is_the_readers_own() {
    let bench = Bench::new(Engine::Memory, 2).await;
    assert_eq!(place(&bench, 1).await, None);
    bench.client.set_read_position(&user(1), to(&bench, 5)).await.unwrap();
    let position = read(&bench, 1, FeedKind::Home).await.unwrap();
    assert_eq!((position.feed(), position.place), (FeedKind::Home, 5));
    assert_eq!(position.update_time.unwrap().seconds, START.seconds_nanos().0);
    assert_eq!(read(&bench, 1, FeedKind::Mutuals).await, None);
    assert_eq!(place(&bench, 2).await, None);
}

#[tokio::test]
async fn export_records_tells_how_far_an_account_has_read() {
    let bench = Bench::new(Engine::Memory, 2).await;
    let told = async |account_id| {
        let req = ExportRecordsRequest { account_id, page_token: String::new() };
        let answer =
            bench.client.export_records(&Cx::background("accounts", Duration::from_secs(5)), req).await.unwrap();
        assert_eq!(answer.next_page_token, "");
        answer.records
    };
    assert_eq!(told(1).await, []);
    for (feed, place) in [(FeedKind::Mutuals, 7), (FeedKind::Home, 5)] {
        let req = SetReadPositionRequest { feed: feed.into(), ..to(&bench, place) };
        bench.client.set_read_position(&user(1), req).await.unwrap();
    }
    let mut expected = Vec::new();
    for feed in [FeedKind::Home, FeedKind::Mutuals] {
        let record = read(&bench, 1, feed).await.map(Record::ReadPosition);
        expected.push(ExportRecord { record });
    }
    assert_eq!(told(1).await, expected);
    assert_eq!(told(2).await, []);
}

#[tokio::test]
async fn set_read_position_moves_on_and_by_force_back() {
    let bench = Bench::new(Engine::Memory, 1).await;
    for (place, force, stands) in [(5, false, 5), (3, false, 5), (9, false, 9), (4, true, 4), (6, false, 6)] {
        let req = SetReadPositionRequest { force, ..to(&bench, place) };
        let position = bench.client.set_read_position(&user(1), req).await.unwrap().position;
        assert_eq!(position.map(|position| position.place), Some(stands), "{place}");
    }
    assert_eq!(place(&bench, 1).await, Some(6));
}

#[tokio::test]
async fn set_read_position_answers_a_repeated_request_as_the_first_time() {
    let bench = Bench::new(Engine::Memory, 1).await;
    let req = SetReadPositionRequest { force: true, ..to(&bench, 5) };
    let first = bench.client.set_read_position(&user(1), req.clone()).await.unwrap();
    bench.client.set_read_position(&user(1), to(&bench, 9)).await.unwrap();
    bench.world.clock.advance(1_000);
    assert_eq!(bench.client.set_read_position(&user(1), req.clone()).await.unwrap(), first);
    assert_eq!(place(&bench, 1).await, Some(9));
    let other = SetReadPositionRequest { place: 6, ..req };
    assert!(bench.client.set_read_position(&user(1), other).await.unwrap_err().is(reason::REQUEST_ID_REUSED));
}

#[tokio::test]
async fn set_read_position_refuses_what_is_wrong_and_who_is_not_signed_in() {
    let bench = Bench::new(Engine::Memory, 1).await;
    let ahead = id::first_at(bench.world.env.now().plus_ms(61_000));
    let (none, unknown) = (FeedKind::Unspecified.into(), 9);
    let wrong = [
        ("place", SetReadPositionRequest { place: 0, ..to(&bench, 1) }),
        ("place", SetReadPositionRequest { place: -1, force: true, ..to(&bench, 1) }),
        ("place", SetReadPositionRequest { force: true, ..to(&bench, ahead) }),
        ("feed", SetReadPositionRequest { feed: none, ..to(&bench, 1) }),
        ("feed", SetReadPositionRequest { feed: unknown, ..to(&bench, 1) }),
        ("request_id", SetReadPositionRequest { request_id: String::new(), ..to(&bench, 1) }),
    ];
    for (field, req) in wrong {
        let error = bench.client.set_read_position(&user(1), req).await.unwrap_err();
        assert!(error.is(reason::INVALID_FIELDS), "{error}");
        assert_eq!(error.violations()[0].field, field);
    }
    let nobody = Cx::new(Caller::default(), user(1).deadline());
    let error = bench.client.set_read_position(&nobody, to(&bench, 1)).await.unwrap_err();
    assert!(error.is(reason::CREDENTIALS_MISSING), "{error}");
    assert_eq!(place(&bench, 1).await, None);
}

#[tokio::test]
async fn a_deleted_accounts_read_position_is_erased_and_told_on_its_receipt() {
    let bench = Bench::new(Engine::Memory, 3).await;
    for reader in [1, 2, 3] {
        bench.client.set_read_position(&user(reader), to(&bench, 5)).await.unwrap();
    }
    let (erasure, _) = bench.app.projections().remove(0);
    assert_eq!((erasure.name(), erasure.sources()), ("feeds-erasure", &["accounts"][..]));
    let cx = Cx::background("feeds-erasure", std::time::Duration::from_secs(5));
    bench.world.delete_account(1);
    let deleted =
        NewEvent::new(&bench.world.env, None, "account", 1, &AccountDeleted { account_id: 1 }).placed("accounts", 1);
    erasure.apply(&cx, &[deleted.clone(), deleted]).await.unwrap();
    assert_eq!((place(&bench, 1).await, place(&bench, 2).await), (None, Some(5)));
    let reports = bench.world.state.lock().receipts.clone();
    assert_eq!(reports.first(), Some(&(1, "feeds".to_owned(), vec!["read positions".to_owned()])));
    // A device that is late is told, and nothing of the account comes back.
    let late = bench.client.set_read_position(&user(1), to(&bench, 9)).await.unwrap_err();
    assert!(late.is(reason::ACCOUNT_NOT_FOUND), "{late}");
    // An event that never came is made up for by an audit and a repair.
    bench.world.delete_account(2);
    let found = audit(&*erasure, &bench.world.env, &AuditOptions::default()).await.unwrap();
    assert_eq!(found.keys(), [2]);
    erasure.project(&cx, &[2, 3]).await.unwrap();
    assert_eq!((place(&bench, 2).await, place(&bench, 3).await), (None, Some(5)));
}

/// What a device says, and what it is answered.
type Said = (i64, bool, i64);

/// What a device says, one after the other: a place, and whether by force.
fn device() -> impl Strategy<Value = Vec<(i64, bool)>> {
    prop::collection::vec((1..6_i64, prop::bool::weighted(0.3)), 1..5)
}

/// Says all of it, each time a retry as well, as a device does that has lost an answer.
async fn say(client: FeedsServiceClient, says: Vec<(i64, bool)>) -> Vec<Said> {
    let (mut said, env) = (Vec::new(), Env::system());
    for (place, force) in says {
        let request_id = env.event_id().to_string();
        let req = SetReadPositionRequest { request_id, feed: FeedKind::Home.into(), place, force };
        let answer = client.set_read_position(&user(1), req.clone()).await.unwrap();
        assert_eq!(client.set_read_position(&user(1), req).await.unwrap(), answer, "a retry");
        said.push((place, force, answer.position.unwrap().place));
    }
    said
}

/// Whether one order of what both devices said, each in its own order, explains every answer and where it ended.
fn explained(first: &[Said], second: &[Said], from: i64, end: i64) -> bool {
    let step = |said: &[Said]| {
        let ((place, force, answer), rest) = said.split_first().map(|(said, rest)| (*said, rest))?;
        let after = if force { place } else { place.max(from) };
        (after == answer).then(|| (after, rest.to_vec()))
    };
    if first.is_empty() && second.is_empty() {
        return from == end;
    }
    step(first).is_some_and(|(after, rest)| explained(&rest, second, after, end))
        || step(second).is_some_and(|(after, rest)| explained(first, &rest, after, end))
}

/// Two devices, each on a replica of its own.
async fn two_devices(stores: [Arc<dyn PositionStore>; 2], says: [Vec<(i64, bool)>; 2]) {
    let [one, other] = stores;
    let bench = Bench::with_positions(one).await;
    let beside = Bench::with_positions(other).await;
    let [first, second] = says;
    let first = tokio::spawn(say(bench.client.clone(), first));
    let second = tokio::spawn(say(beside.client.clone(), second));
    let (first, second) = (first.await.unwrap(), second.await.unwrap());
    let end = place(&bench, 1).await.unwrap();
    assert_eq!(place(&beside, 1).await, Some(end), "both devices read the same");
    assert!(explained(&first, &second, 0, end), "no order explains {first:?} and {second:?}, which ended at {end}");
    if first.iter().chain(&second).all(|(_, force, _)| !force) {
        assert_eq!(end, first.iter().chain(&second).map(|said| said.0).max().unwrap());
    }
}

fn run(test: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap().block_on(test);
}

fn env() -> Env {
    Env::manual(ManualClock::new(START), 7)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn what_two_devices_say_at_once_has_an_order(first in device(), second in device()) {
        run(async {
            let store = Arc::new(SqlitePositions::open(&StoreAddress::Memory, env()).unwrap());
            two_devices([store.clone(), store], [first, second]).await;
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(15))]

    #[test]
    fn what_two_devices_say_to_two_replicas_has_an_order(first in device(), second in device()) {
        let Some(server) = Store::Postgres.address() else { return Ok(()) };
        run(async {
            let scratch = Scratch::new(server, Store::unique_name());
            let address = scratch.address().unwrap();
            let open = || PostgresPositions::open(address.server(ServerKind::Postgres).unwrap(), env());
            let stores: [Arc<dyn PositionStore>; 2] =
                [Arc::new(open().await.unwrap()), Arc::new(open().await.unwrap())];
            two_devices(stores, [first, second]).await;
        });
    }
}
