use std::sync::LazyLock;
use std::time::Duration;

use fred::interfaces::{KeysInterface as _, SortedSetsInterface as _};
use plaza_core::Caller;
use plaza_testkit::{Proxy, RedisKeys, Server, Store, wait};
use tokio::time::Instant;

use super::*;
use crate::{ServerKind, StoreAddress};

static ADD: LazyLock<Script> = LazyLock::new(|| Script::new("return redis.call('INCRBY', KEYS[1], ARGV[1])"));

fn open(address: &str, options: RedisOptions) -> Redis {
    let address: StoreAddress = address.parse().unwrap();
    Redis::open(address.server(ServerKind::Redis).unwrap(), options).unwrap()
}

fn cx(ms: u64) -> Cx {
    Cx::new(Caller::default(), Instant::now() + Duration::from_millis(ms))
}

async fn opened(address: &str) -> Redis {
    let redis = open(address, RedisOptions::new("test"));
    redis.connected(&cx(30_000)).await.unwrap();
    redis
}

async fn add(redis: &Redis, cx: &Cx, n: i64) -> Result<i64> {
    redis.run(cx, &ADD, &ScriptCall::new(vec![redis.key("sum")], vec![n.into()])).await
}

/// Waits until calls get through again; how long that took.
async fn back(redis: &Redis) -> Duration {
    let start = Instant::now();
    wait::until("redis to be reached again", || async { redis.ping(&cx(1_000)).await.ok() }).await;
    start.elapsed()
}

#[tokio::test]
async fn commands_scripts_and_pipelines_work_under_the_prefix() {
    let Some(keys) = RedisKeys::new() else { return };
    let redis = opened(&keys.address()).await;
    assert_eq!(add(&redis, &cx(5_000), 5).await.unwrap(), 5);
    let key = redis.key("sum");
    let read: i64 = redis.call(&cx(5_000), |c| async move { c.get(key).await }).await.unwrap();
    assert_eq!(read, 5);
    let feed = redis.key("feed");
    let (added, size): (i64, i64) = redis
        .call(&cx(5_000), |c| async move {
            let pipeline = pipeline(c);
            pipeline.zadd::<(), _, _>(&feed, None, None, false, false, vec![(1.0, "a"), (2.0, "b")]).await?;
            pipeline.zcard::<(), _>(&feed).await?;
            pipeline.all().await
        })
        .await
        .unwrap();
    assert_eq!((added, size), (2, 2));
    assert!(redis.observe().iter().any(|g| g.name == "redis_connections_up" && g.value > 0.0));
}

#[tokio::test]
async fn a_script_that_the_server_forgot_is_sent_again_and_run_once() {
    let Some(keys) = RedisKeys::new() else { return };
    let redis = opened(&keys.address()).await;
    add(&redis, &cx(5_000), 1).await.unwrap();
    // A script of this test's own, since others share the server: a number in it that no other run has.
    let own: &'static str =
        Box::leak(format!("return redis.call('INCRBY', KEYS[1], ARGV[1]) -- {}", redis.key("")).into_boxed_str());
    let script = Script::new(own);
    let calls = |n: i64| vec![ScriptCall::new(vec![redis.key("sum")], vec![n.into()]); 300];
    for round in 1..=2 {
        let sums = redis.run_many::<i64>(&cx(5_000), &script, &calls(1)).await.unwrap();
        let sums: Vec<i64> = sums.into_iter().map(Result::unwrap).collect();
        assert_eq!(sums, (2 + (round - 1) * 300..2 + round * 300).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn one_failing_call_of_a_batch_leaves_the_others_alone() {
    let Some(keys) = RedisKeys::new() else { return };
    let redis = opened(&keys.address()).await;
    add(&redis, &cx(5_000), 1).await.unwrap();
    let call = |n: &str| ScriptCall::new(vec![redis.key("sum")], vec![n.into()]);
    let answers = redis.run_many::<i64>(&cx(5_000), &ADD, &[call("1"), call("no number"), call("2")]).await.unwrap();
    assert_eq!((answers[0].clone().unwrap(), answers[2].clone().unwrap()), (2, 4));
    assert!(answers[1].clone().unwrap_err().is(reason::INTERNAL));
}

#[tokio::test]
async fn many_calls_at_once_each_get_their_own_answer() {
    let Some(keys) = RedisKeys::new() else { return };
    let redis = opened(&keys.address()).await;
    let tasks: Vec<_> = (0..500)
        .map(|_| {
            let redis = redis.clone();
            tokio::spawn(async move { add(&redis, &cx(20_000), 1).await.unwrap() })
        })
        .collect();
    let mut sums = Vec::new();
    for task in tasks {
        sums.push(task.await.unwrap());
    }
    sums.sort_unstable();
    assert_eq!(sums, (1..=500).collect::<Vec<_>>());
}

#[tokio::test]
async fn more_calls_than_may_wait_are_refused_and_the_store_serves_on() {
    let Some(server) = Server::start(Store::Redis).await else { return };
    let redis = open(&server.address(), RedisOptions { connections: 1, queue: 8, ..RedisOptions::new("test") });
    redis.connected(&cx(30_000)).await.unwrap();
    server.pause();
    let call = async || add(&redis, &cx(300), 1).await;
    let answers = futures::future::join_all((0..20).map(|_| call())).await;
    server.resume();
    let refused = answers.iter().filter(|answer| answer.as_ref().is_err_and(|e| e.is(reason::OVERLOADED))).count();
    assert_eq!((refused, answers.iter().filter(|answer| answer.is_ok()).count()), (12, 0));
    back(&redis).await;
    for _ in 0..50 {
        redis.ping(&cx(5_000)).await.unwrap();
    }
}

#[tokio::test]
async fn without_a_server_calls_are_refused_at_once_and_opening_says_where() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let redis = open(&format!("redis://:secret@{free}/0"), RedisOptions::new("test"));
    let start = Instant::now();
    let error = redis.connected(&cx(300)).await.unwrap_err();
    assert!(error.is(reason::STORE_UNAVAILABLE) && error.text().contains(&free.port().to_string()), "{error}");
    assert!(!error.text().contains("secret"));
    for _ in 0..100 {
        let error = redis.ping(&cx(60_000)).await.unwrap_err();
        assert!(error.is(reason::STORE_UNAVAILABLE) && error.retry_delay().is_some());
    }
    assert!(start.elapsed() < Duration::from_secs(10));
    redis.close().await;
    assert!(redis.ping(&cx(1_000)).await.unwrap_err().is(reason::STORE_UNAVAILABLE));
}

#[tokio::test]
async fn a_killed_server_is_known_to_be_down_and_found_again() {
    let Some(mut server) = Server::start(Store::Redis).await else { return };
    let redis = opened(&server.address()).await;
    assert_eq!(add(&redis, &cx(5_000), 1).await.unwrap(), 1);
    server.kill().await;
    wait::within(Duration::from_secs(2), "the loss to be noticed", || async { (!redis.is_up()).then_some(()) }).await;
    let start = Instant::now();
    for _ in 0..100 {
        assert!(add(&redis, &cx(60_000), 1).await.unwrap_err().is(reason::STORE_UNAVAILABLE));
    }
    assert!(start.elapsed() < Duration::from_secs(1), "refused without waiting: {:?}", start.elapsed());
    server.restart().await;
    assert!(back(&redis).await < Duration::from_secs(10));
    assert_eq!(add(&redis, &cx(5_000), 1).await.unwrap(), 2, "nothing acknowledged is lost, nothing done twice");
}

#[tokio::test]
async fn a_server_that_says_nothing_holds_nobody_up_for_long() {
    let Some(server) = Server::start(Store::Redis).await else { return };
    let redis = opened(&server.address()).await;
    server.pause();
    let start = Instant::now();
    // Traffic goes on all the while: it must not hide that nothing is answered.
    while redis.is_up() {
        let call = Instant::now();
        let error = redis.ping(&cx(200)).await.unwrap_err();
        assert!(error.is(reason::DEADLINE_EXCEEDED) || error.is(reason::STORE_UNAVAILABLE), "{error}");
        assert!(call.elapsed() < Duration::from_millis(600), "past its deadline: {:?}", call.elapsed());
    }
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    server.resume();
    assert!(back(&redis).await < Duration::from_secs(10));
}

#[tokio::test]
async fn cut_connections_come_back_and_a_slow_server_serves() {
    let Some(keys) = RedisKeys::new() else { return };
    let proxy = Proxy::start(keys.host().parse().unwrap()).await;
    let redis = opened(&keys.address().replace(keys.host(), &proxy.address().to_string())).await;
    proxy.cut();
    assert!(back(&redis).await < Duration::from_secs(10));
    proxy.delay(Duration::from_millis(100));
    let start = Instant::now();
    redis.ping(&cx(5_000)).await.unwrap();
    assert!(start.elapsed() >= Duration::from_millis(200), "both ways");
    let late = redis.ping(&cx(50)).await.unwrap_err();
    assert!(late.is(reason::DEADLINE_EXCEEDED), "{late}");
}
