//! What a server can do: lose keys, scripts, all, its last writes; not answer.

use tokio::time::Instant;

use plaza_testkit::Server;

use super::*;

#[tokio::test]
async fn an_evicted_feed_is_cold_and_an_evicted_build_fails() {
    let Some(keys) = RedisKeys::on(Store::RedisCache) else { return };
    let feeds = replica(&keys.address(), OPTIONS, 1).await;
    build(&feeds, READER, &by(ANNA, &[10]), 0).await;
    let begun = feeds.begin_build(&cx(), READER).await.unwrap();
    assert_eq!(command(&keys.address(), &["DEL", &feeds.feed(READER)]), ":1");
    feeds.push(&cx(), &[READER], &by(ANNA, &[20])).await.unwrap();
    assert_eq!(posts(&feeds, READER).await, None);
    feeds.finish_build(&cx(), READER, begun, &by(ANNA, &[10]), PostId(0)).await.unwrap().unwrap();
    assert_eq!(posts(&feeds, READER).await, Some(vec![20, 10]));
    let begun = feeds.begin_build(&cx(), READER).await.unwrap();
    assert_eq!(command(&keys.address(), &["DEL", &feeds.build(READER)]), ":1");
    assert_eq!(feeds.finish_build(&cx(), READER, begun, &[], PostId(0)).await.unwrap(), None);
    assert_eq!(posts(&feeds, READER).await, Some(vec![20, 10]));
}

#[tokio::test]
async fn with_evicted_marks_feeds_are_cold_and_builds_fail() {
    let Some(keys) = RedisKeys::on(Store::RedisCache) else { return };
    let (one, two) = (replica(&keys.address(), OPTIONS, 1).await, replica(&keys.address(), OPTIONS, 2).await);
    one.mark_celebrities(&cx(), &[ANNA]).await.unwrap();
    build(&one, READER, &by(BERT, &[10]), 0).await;
    let begun = one.begin_build(&cx(), AccountId(5)).await.unwrap();
    assert!(posts(&two, READER).await.is_some());
    assert_eq!(command(&keys.address(), &["DEL", &one.marks()]), ":1");
    for feeds in [&one, &two] {
        assert_eq!(posts(feeds, READER).await, None);
        assert!(feeds.celebrities(&cx()).await.unwrap().is_empty());
        assert!(feeds.windows(&cx(), &[READER]).await.unwrap()[0].is_none());
    }
    // Marks that begin again do not bring back what was warm under the old ones.
    two.mark_celebrities(&cx(), &[BERT]).await.unwrap();
    assert_eq!(posts(&one, READER).await, None);
    assert_eq!(one.held(&cx(), &[READER, AccountId(5)]).await.unwrap(), [AccountId(5)]);
    assert_eq!(one.finish_build(&cx(), AccountId(5), begun, &[], PostId(0)).await.unwrap(), None);
    build(&one, READER, &by(BERT, &[30]), 0).await;
    let reading = two.page(&cx(), READER, None, 9).await.unwrap().unwrap();
    assert_eq!((reading.page.entries, &*reading.celebrities), (by(BERT, &[30]), &HashSet::from([BERT])));
}

#[tokio::test]
async fn a_purge_that_is_late_does_not_undo_a_merge() {
    let Some(keys) = RedisKeys::on(Store::RedisCache) else { return };
    let feeds = replica(&keys.address(), OPTIONS, 1).await;
    build(&feeds, READER, &by(ANNA, &[10]), 0).await;
    let purge = |nonce: Bytes| {
        let args = vec![number(CAP), Value::Bytes(nonce), codec::id(ANNA.0)];
        let call = Call { keys: feeds.pairs(&[READER]), args };
        feeds.scripts.run::<Option<Bytes>>(&CX, Script::Purge, call)
    };
    let nonce = purge(Bytes::new()).await.unwrap().unwrap();
    // Given up, and not yet performed: the same is done, undone, and then the first one arrives.
    feeds.purge(&cx(), READER, &[ANNA]).await.unwrap();
    assert_eq!(posts(&feeds, READER).await, Some(vec![]));
    feeds.merge(&cx(), READER, &by(ANNA, &[10, 11]), PostId(0)).await.unwrap();
    assert!(purge(nonce).await.unwrap().is_some());
    assert_eq!(posts(&feeds, READER).await, Some(vec![11, 10]));
}

/// For calls that outlive the statement that makes them.
static CX: std::sync::LazyLock<Cx> = std::sync::LazyLock::new(|| Cx::background("feeds", Duration::from_secs(60)));

/// A shared server's scripts are not to be flushed by a test, which would disturb others: one of its own.
#[tokio::test]
async fn a_server_that_forgot_scripts_or_everything_goes_on() {
    let Some(server) = Server::start(Store::RedisCache).await else { return };
    let (one, two) = (replica(&server.address(), OPTIONS, 1).await, replica(&server.address(), OPTIONS, 2).await);
    build(&one, READER, &by(ANNA, &[10]), 0).await;
    assert_eq!(command(&server.address(), &["SCRIPT", "FLUSH"]), "+OK");
    two.push(&cx(), &[READER, ANNA], &by(ANNA, &[20])).await.unwrap();
    assert_eq!(posts(&one, READER).await, Some(vec![20, 10]));

    one.mark_celebrities(&cx(), &[BERT]).await.unwrap();
    let begun = one.begin_build(&cx(), READER).await.unwrap();
    assert_eq!(command(&server.address(), &["FLUSHALL"]), "+OK");
    assert_eq!(posts(&one, READER).await, None);
    assert_eq!(two.finish_build(&cx(), READER, begun, &[], PostId(0)).await.unwrap(), None);
    build(&two, READER, &by(ANNA, &[30]), 0).await;
    assert_eq!(posts(&one, READER).await, Some(vec![30]));
    assert!(one.celebrities(&cx()).await.unwrap().is_empty());
}

/// The server kept everything, but it could have lost its last writes, and nobody can tell.
#[tokio::test]
async fn what_a_server_brings_back_from_its_disk_is_cold() {
    let Some(mut server) = Server::start(Store::Redis).await else { return };
    let (one, two) = (replica(&server.address(), OPTIONS, 1).await, replica(&server.address(), OPTIONS, 2).await);
    one.mark_celebrities(&cx(), &[BERT]).await.unwrap();
    build(&one, READER, &by(ANNA, &[10]), 0).await;
    let begun = one.begin_build(&cx(), ANNA).await.unwrap();
    assert!(posts(&two, READER).await.is_some());
    server.kill().await;
    server.restart().await;
    assert_eq!(command(&server.address(), &["EXISTS", &one.feed(READER), &one.build(ANNA), &one.marks()]), ":3");
    for feeds in [&one, &two] {
        let answer = || async { feeds.page(&cx(), READER, None, 9).await.ok() };
        assert!(wait::until("the store to answer again", answer).await.is_none());
        assert!(feeds.celebrities(&cx()).await.unwrap().is_empty());
    }
    assert_eq!(one.finish_build(&cx(), ANNA, begun, &[], PostId(0)).await.unwrap(), None);
    // What is left of the earlier run takes nothing in that would show.
    two.push(&cx(), &[READER], &by(ANNA, &[20])).await.unwrap();
    assert_eq!(posts(&two, READER).await, None);
    build(&two, READER, &by(ANNA, &[30]), 0).await;
    assert_eq!(posts(&one, READER).await, Some(vec![30]));
}

#[tokio::test]
async fn a_server_that_is_away_or_silent_fails_calls_in_time() {
    let Some(mut server) = Server::start(Store::RedisCache).await else { return };
    let options = RedisFeedsOptions { timeout: Duration::from_millis(250), ..OPTIONS };
    let feeds = replica(&server.address(), options, 1).await;
    build(&feeds, READER, &by(ANNA, &[10]), 0).await;
    server.pause();
    for (patience, most) in [(5_000, 450), (200, 150)] {
        let (began, cx) = (Instant::now(), Cx::background("feeds", Duration::from_millis(patience)));
        let error = feeds.page(&cx, READER, None, 9).await.unwrap_err();
        assert!(error.is(reason::STORE_UNAVAILABLE), "{error}");
        assert!(began.elapsed() < Duration::from_millis(most), "{:?}", began.elapsed());
        assert!(!cx.remaining().is_zero());
    }
    let (began, many) = (Instant::now(), (1..=1_000).map(AccountId).collect::<Vec<_>>());
    assert!(feeds.push(&cx(), &many, &by(ANNA, &[10])).await.unwrap_err().is(reason::STORE_UNAVAILABLE));
    assert!(began.elapsed() < Duration::from_millis(500), "{:?}", began.elapsed());
    server.resume();
    let warm = || async { posts(&feeds, READER).await.filter(|posts| *posts == [10]) };
    let ready = || async { feeds.page(&cx(), READER, None, 9).await.ok() };
    wait::until("an answer", ready).await;
    wait::until("the feed, which stayed warm", warm).await;
    server.kill().await;
    let gone = || async { (!feeds.redis.is_up()).then_some(()) };
    wait::until("the loss to be seen", gone).await;
    let began = Instant::now();
    assert!(feeds.push(&cx(), &[READER], &by(ANNA, &[20])).await.unwrap_err().is(reason::STORE_UNAVAILABLE));
    assert!(began.elapsed() < Duration::from_millis(200), "{:?}", began.elapsed());
}

/// The service starts without its store, for all in it is derived.
#[tokio::test]
async fn a_store_that_was_never_there_is_opened_and_says_so() {
    let Some(mut server) = Server::start(Store::RedisCache).await else { return };
    server.kill().await;
    let address: StoreAddress = server.address().parse().unwrap();
    let env = Env::system();
    let feeds = RedisFeeds::open(address.server(ServerKind::Redis).unwrap(), OPTIONS, env).unwrap();
    assert!(feeds.page(&cx(), READER, None, 9).await.unwrap_err().is(reason::STORE_UNAVAILABLE));
    server.restart().await;
    let answer = || async { feeds.page(&cx(), READER, None, 9).await.ok() };
    assert!(wait::until("the store", answer).await.is_none());
}

/// More feeds than the server has room for: it evicts what it likes, marks and builds too.
#[tokio::test]
async fn a_full_server_forgets_feeds_and_what_it_holds_is_right() {
    const ROOM: &str = "8mb";
    let Some(server) = Server::start(Store::RedisCache).await else { return };
    assert_eq!(command(&server.address(), &["CONFIG", "SET", "maxmemory", ROOM]), "+OK");
    let cap = 400;
    let feeds = replica(&server.address(), RedisFeedsOptions { cap, ..OPTIONS }, 1).await;
    let owners: Vec<AccountId> = (1..=250).map(AccountId).collect();
    let mut truth: Vec<i64> = (1..=400).collect();
    let (mut warm, mut cold) = (0, 0);
    for owner in &owners {
        let begun = feeds.begin_build(&cx(), *owner).await.unwrap();
        let newest = &truth[truth.len() - cap..];
        feeds.finish_build(&cx(), *owner, begun, &by(ANNA, newest), PostId(newest[0])).await.unwrap();
        let post = 401 + owner.0;
        truth.push(post);
        feeds.push(&cx(), &owners, &by(ANNA, &[post])).await.unwrap();
        for reader in [*owner, AccountId(1 + owner.0 / 2)] {
            let Some(reading) = feeds.page(&cx(), reader, None, 2 * cap).await.unwrap() else {
                cold += 1;
                continue;
            };
            warm += 1;
            let shown: Vec<i64> = reading.page.entries.iter().rev().map(|e| e.place.0).collect();
            let expected: Vec<i64> = truth.iter().copied().filter(|post| *post >= reading.page.floor.0).collect();
            assert_eq!(shown, expected, "of {reader}");
        }
    }
    assert!(warm > 0 && cold > 0, "{warm} warm, {cold} cold");
}
