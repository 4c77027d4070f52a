//! The engine on a real server: the contract, and what a server can do to it.

mod concurrent;
mod faults;
mod figures;
mod model;

use plaza_core::{Env, ManualClock, Timestamp};
use plaza_stores::{ServerKind, StoreAddress};
use plaza_testkit::redis::command;
use plaza_testkit::{RedisKeys, Store, wait};

use super::*;
use crate::store::conformance::{self, CAP};

const READER: AccountId = AccountId(1_001);
const ANNA: AccountId = AccountId(2_001);
const BERT: AccountId = AccountId(2_002);
const OPTIONS: RedisFeedsOptions = RedisFeedsOptions { cap: CAP, active_ms: 60_000, timeout: Duration::from_secs(2) };

fn cx() -> Cx {
    Cx::background("feeds", Duration::from_secs(5))
}

/// A replica of the service's store; each with randomness of its own.
async fn replica(address: &str, options: RedisFeedsOptions, seed: u64) -> RedisFeeds {
    let address: StoreAddress = address.parse().unwrap();
    let env = Env::manual(ManualClock::new(Timestamp(1_800_000_000_000)), seed);
    let feeds = RedisFeeds::open(address.server(ServerKind::Redis).unwrap(), options, env).unwrap();
    feeds.connected(&cx()).await.unwrap();
    feeds
}

fn by(author: AccountId, posts: &[i64]) -> Vec<Entry> {
    posts.iter().map(|post| Entry::post(PostId(*post), author)).collect()
}

async fn build(feeds: &RedisFeeds, owner: AccountId, entries: &[Entry], floor: i64) {
    let begun = feeds.begin_build(&cx(), owner).await.unwrap();
    feeds.finish_build(&cx(), owner, begun, entries, PostId(floor)).await.unwrap().unwrap();
}

async fn posts(feeds: &RedisFeeds, owner: AccountId) -> Option<Vec<i64>> {
    let reading = feeds.page(&cx(), owner, None, 100).await.unwrap()?;
    Some(reading.page.entries.iter().map(|e| e.place.0).collect())
}

#[tokio::test]
async fn it_conforms() {
    for (name, case) in conformance::cases() {
        let Some(keys) = RedisKeys::on(Store::RedisCache) else { return };
        println!("{name}");
        case(Arc::new(replica(&keys.address(), OPTIONS, 1).await)).await;
    }
}

#[tokio::test]
async fn replicas_see_what_each_other_does() {
    let Some(keys) = RedisKeys::on(Store::RedisCache) else { return };
    let (one, two) = (replica(&keys.address(), OPTIONS, 1).await, replica(&keys.address(), OPTIONS, 2).await);
    build(&one, READER, &by(ANNA, &[10]), 0).await;
    two.push(&cx(), &[READER], &by(BERT, &[20])).await.unwrap();
    assert_eq!(posts(&one, READER).await, Some(vec![20, 10]));
    // A mark is there with the next page, and with the next question.
    assert!(one.celebrities(&cx()).await.unwrap().is_empty());
    two.mark_celebrities(&cx(), &[BERT]).await.unwrap();
    let reading = one.page(&cx(), READER, None, 1).await.unwrap().unwrap();
    assert!(reading.celebrities.contains(&BERT));
    two.mark_celebrities(&cx(), &[ANNA]).await.unwrap();
    assert_eq!(one.celebrities(&cx()).await.unwrap().len(), 2);
    // A later build elsewhere makes this one fail.
    let earlier = one.begin_build(&cx(), READER).await.unwrap();
    let later = two.begin_build(&cx(), READER).await.unwrap();
    assert_eq!(one.finish_build(&cx(), READER, earlier, &[], PostId(0)).await.unwrap(), None);
    assert_eq!(two.finish_build(&cx(), READER, later, &[], PostId(0)).await.unwrap(), Some(0));
    assert_eq!(posts(&one, READER).await, Some(vec![]));
}

#[tokio::test]
async fn many_owners_and_entries_go_in_pieces() {
    let Some(keys) = RedisKeys::on(Store::RedisCache) else { return };
    let cap = ENTRIES + 200;
    let feeds = replica(&keys.address(), RedisFeedsOptions { cap, ..OPTIONS }, 1).await;
    let owners: Vec<AccountId> = (1..=i64::try_from(OWNERS * PIECES + 9).unwrap()).map(AccountId).collect();
    let warm: Vec<AccountId> = owners.iter().copied().filter(|owner| owner.0 % 3 == 0).collect();
    for owner in &warm {
        build(&feeds, *owner, &[], 0).await;
    }
    let ids: Vec<i64> = (1..=i64::try_from(ENTRIES + 100).unwrap()).collect();
    feeds.push(&cx(), &owners, &by(ANNA, &ids)).await.unwrap();
    assert_eq!(feeds.held(&cx(), &owners).await.unwrap(), warm);
    let whole = Some(Window::new(&by(ANNA, &ids), PostId(0), cap));
    for windows in feeds.windows(&cx(), &warm).await.unwrap() {
        assert_eq!(windows, whole);
    }
    let removed: Vec<PostId> = ids[..ENTRIES + 50].iter().map(|id| PostId(*id)).collect();
    feeds.remove(&cx(), &owners, &removed).await.unwrap();
    let rest = Some(Window::new(&by(ANNA, &ids[ENTRIES + 50..]), PostId(0), cap));
    assert!(feeds.windows(&cx(), &warm).await.unwrap().iter().all(|window| *window == rest));
    feeds.drop_feeds(&cx(), &owners).await.unwrap();
    assert!(feeds.held(&cx(), &owners).await.unwrap().is_empty());
}

/// More pieces than go out at once.
const PIECES: usize = 9;

#[tokio::test]
async fn a_feed_that_nobody_reads_goes_cold_and_reading_keeps_it() {
    let Some(keys) = RedisKeys::on(Store::RedisCache) else { return };
    let feeds = replica(&keys.address(), RedisFeedsOptions { active_ms: 200, ..OPTIONS }, 1).await;
    build(&feeds, READER, &by(ANNA, &[1]), 0).await;
    let cold = || async { feeds.windows(&cx(), &[READER]).await.unwrap()[0].is_none().then_some(()) };
    wait::until("the feed to go cold", cold).await;

    let feeds = replica(&keys.address(), OPTIONS, 2).await;
    build(&feeds, READER, &by(ANNA, &[1]), 0).await;
    let left = || command(&keys.address(), &["PTTL", &feeds.feed(READER)])[1..].parse::<i64>().unwrap();
    assert!((50_000..=60_000).contains(&left()));
    assert_eq!(command(&keys.address(), &["PEXPIRE", &feeds.feed(READER), "10000"]), ":1");
    // Neither a push nor an audit is a sign of the reader.
    feeds.push(&cx(), &[READER], &by(ANNA, &[2, 3, 4, 5, 6, 7, 8, 9])).await.unwrap();
    feeds.windows(&cx(), &[READER]).await.unwrap();
    assert!(left() <= 10_000);
    assert_eq!(posts(&feeds, READER).await.unwrap().len(), CAP);
    assert!((50_000..=60_000).contains(&left()));
    // A merge changes the head and the time that is left stays.
    feeds.merge(&cx(), READER, &by(BERT, &[5]), PostId(4)).await.unwrap();
    assert!((50_000..=60_000).contains(&left()));
    assert!(command(&keys.address(), &["PTTL", &feeds.marks()]).starts_with(":-1"));
}

#[tokio::test]
async fn a_build_that_has_too_much_to_note_fails() {
    let Some(keys) = RedisKeys::on(Store::RedisCache) else { return };
    let feeds = replica(&keys.address(), OPTIONS, 1).await;
    let begun = feeds.begin_build(&cx(), READER).await.unwrap();
    for post in 1..=i64::try_from(2 * CAP).unwrap() {
        feeds.push(&cx(), &[READER], &by(ANNA, &[post])).await.unwrap();
    }
    assert_eq!(feeds.held(&cx(), &[READER]).await.unwrap(), [READER]);
    feeds.push(&cx(), &[READER], &by(ANNA, &[100])).await.unwrap();
    assert!(feeds.held(&cx(), &[READER]).await.unwrap().is_empty());
    assert_eq!(feeds.finish_build(&cx(), READER, begun, &[], PostId(0)).await.unwrap(), None);
}

#[tokio::test]
async fn requests_are_forgotten_after_a_day() {
    let Some(keys) = RedisKeys::on(Store::RedisCache) else { return };
    let feeds = replica(&keys.address(), OPTIONS, 1).await;
    let request =
        RequestKey { caller: 1, request_id: uuid::Uuid::from_u128(9), method: "RebuildFeed", digest: [3; 16] };
    feeds.remember(&cx(), &request, 7).await.unwrap();
    let left: i64 = command(&keys.address(), &["PTTL", &feeds.request(&request)])[1..].parse().unwrap();
    assert!((REMEMBERED_MS - 60_000..=REMEMBERED_MS).contains(&left));
    let other = RequestKey { method: "Other", ..request };
    assert!(feeds.answered(&cx(), &other).await.unwrap_err().is(reason::REQUEST_ID_REUSED));
}
