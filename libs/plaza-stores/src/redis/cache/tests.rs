use std::sync::atomic::AtomicUsize;

use plaza_core::{Caller, Error, ManualClock, Timestamp, reason};
use plaza_testkit::{RedisKeys, Server, Store, redis, wait};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::*;
use crate::StoreAddress;
use crate::redis::RedisOptions;

const SECOND: Duration = Duration::from_secs(1);

fn cx() -> Cx {
    Cx::new(Caller::default(), Instant::now() + Duration::from_secs(20))
}

struct Bench {
    clock: Arc<ManualClock>,
    address: String,
    made: u64,
}

impl Bench {
    fn on(address: String) -> Self {
        Self { clock: ManualClock::new(Timestamp(1_800_000_000_000)), address, made: 0 }
    }

    /// A process with a handle of its own.
    async fn cache(&mut self) -> Arc<SharedCache<i64>> {
        self.made += 1;
        let address: StoreAddress = self.address.parse().unwrap();
        let StoreAddress::Server(server) = address else { panic!("no server") };
        let options = RedisOptions { command_timeout: SECOND / 4, connections: 2, ..RedisOptions::new("cache") };
        let redis = Redis::open(&server, options).unwrap();
        redis.connected(&cx()).await.unwrap();
        let options = SharedCacheOptions { name: "test", ttl: 10 * SECOND, jitter: 2 * SECOND };
        let codec = Codec {
            encode: |value: &i64| value.to_be_bytes().to_vec(),
            decode: |bytes| bytes.try_into().ok().map(i64::from_be_bytes),
        };
        Arc::new(SharedCache::new(redis, options, Env::manual(self.clock.clone(), self.made), codec))
    }
}

fn name(n: usize) -> String {
    format!("n{n}")
}

/// Reads, with what the store would give.
async fn get(cache: &SharedCache<i64>, n: usize, truth: i64) -> i64 {
    cache.get_or_load(&cx(), name(n), || async move { Ok(truth) }).await.unwrap()
}

async fn held(cache: &SharedCache<i64>, n: usize) -> Option<i64> {
    cache.peek(&cx(), &[name(n)]).await[0]
}

#[tokio::test]
async fn what_one_process_keeps_another_serves_until_it_expires_or_is_forgotten() {
    let Some(keys) = RedisKeys::on(Store::RedisCache) else { return };
    let mut bench = Bench::on(keys.address());
    let (one, two) = (bench.cache().await, bench.cache().await);
    assert_eq!((get(&one, 1, 10).await, get(&two, 1, 11).await), (10, 10));
    two.forget_now(&cx(), &[name(1)]).await.unwrap();
    assert_eq!((get(&one, 1, 12).await, get(&two, 1, 13).await), (12, 12));
    bench.clock.advance(8_000);
    assert_eq!(held(&two, 1).await, Some(12));
    bench.clock.advance(2_000);
    assert_eq!(held(&two, 1).await, None);
    for cache in [&one, &two] {
        assert_eq!(get(cache, 2, 20).await, 20);
    }
    one.clear();
    assert!(one.settle(&cx()).await);
    assert_eq!((held(&two, 2).await, get(&two, 2, 21).await), (None, 21));
}

#[tokio::test]
async fn many_names_are_read_at_once_and_what_is_missing_is_loaded_one_time() {
    let Some(keys) = RedisKeys::on(Store::RedisCache) else { return };
    let cache = Bench::on(keys.address()).cache().await;
    assert_eq!(get(&cache, 2, 20).await, 20);
    let names = [1, 2, 3, 1].map(name);
    let load = |missing: Vec<usize>| async move {
        assert_eq!(missing, [0, 2]);
        Ok(vec![10, 30])
    };
    assert_eq!(cache.get_many(&cx(), &names, load).await.unwrap(), [10, 20, 30, 10]);
    let all = cache.get_many(&cx(), &names, |_| async { unreachable!() }).await.unwrap();
    assert_eq!(all, [10, 20, 30, 10]);
    let failed = cache.get_many(&cx(), &[name(4)], |_| async { Err(Error::new(reason::STORE_UNAVAILABLE)) }).await;
    assert!(failed.is_err() && held(&cache, 4).await.is_none());
    let many: Vec<String> = (0..1_200).map(|n| format!("many{n}")).collect();
    let load = |missing: Vec<usize>| async move { Ok(missing.into_iter().map(|at| at as i64).collect()) };
    for _ in 0..2 {
        let all = cache.get_many(&cx(), &many, load).await.unwrap();
        assert_eq!(all, (0..1_200).collect::<Vec<_>>());
    }
    let figures: Vec<f64> = cache.observe().into_iter().map(|figure| figure.value).collect();
    assert_eq!(figures, [1_206.0, 1_204.0, 0.0], "hits, misses, to forget");
}

/// Who does what in a history, and how many steps each has: readers take a lease, read the truth, keep it; writers commit,
/// forget.
const ACTORS: [&[usize]; 2] = [&[3, 3, 2], &[3, 2, 2]];

/// Readers and writers in every order there is: whenever no write is between commit and forgetting, the cache holds the
/// truth or nothing.
#[tokio::test]
async fn no_interleaving_leaves_an_old_copy() {
    let Some(keys) = RedisKeys::on(Store::RedisCache) else { return };
    let cache = Bench::on(keys.address()).cache().await;
    let (mut orders, mut kept) = (0, 0);
    for steps in ACTORS {
        for order in every_order(steps) {
            orders += 1;
            kept += usize::from(run_order(&cache, orders, steps, &order).await);
        }
    }
    assert_eq!(orders, 560 + 210);
    assert!(kept > 50, "copies are kept at all: {kept}");
}

async fn run_order(cache: &SharedCache<i64>, n: usize, steps: &[usize], order: &[usize]) -> bool {
    let (mut truth, mut pending, mut done) = (0, 0, vec![0; steps.len()]);
    let mut readers = vec![(String::new(), false, 0); steps.len()];
    for actor in order {
        match (steps[*actor], done[*actor]) {
            (3, 0) => {
                let token = cache.shared.token();
                let found = cache.read(&cx(), &[name(n)], &token, LEASE_MS).await.remove(0);
                readers[*actor] = (token, matches!(found, Found::Lease), 0);
            }
            (3, 1) => readers[*actor].2 = truth,
            (3, _) => {
                let (token, leased, value) = readers[*actor].clone();
                if leased {
                    cache.keep(&cx(), token, [(name(n), &value)]).await;
                }
            }
            (_, 0) => (truth, pending) = (truth + 1, pending + 1),
            _ => {
                cache.forget_now(&cx(), &[name(n)]).await.unwrap();
                pending -= 1;
            }
        }
        done[*actor] += 1;
        if pending == 0 {
            assert!(held(cache, n).await.is_none_or(|held| held == truth), "{order:?}");
        }
    }
    held(cache, n).await.is_some()
}

fn every_order(steps: &[usize]) -> Vec<Vec<usize>> {
    let left: usize = steps.iter().sum();
    if left == 0 {
        return vec![Vec::new()];
    }
    let mut orders = Vec::new();
    for actor in (0..steps.len()).filter(|actor| steps[*actor] > 0) {
        let mut rest = steps.to_vec();
        rest[actor] -= 1;
        orders.extend(every_order(&rest).into_iter().map(|mut order| {
            order.insert(0, actor);
            order
        }));
    }
    orders
}

#[tokio::test]
async fn a_load_that_a_write_overtakes_is_answered_and_not_kept() {
    let Some(keys) = RedisKeys::on(Store::RedisCache) else { return };
    let mut bench = Bench::on(keys.address());
    let (one, two) = (bench.cache().await, bench.cache().await);
    let cx = cx();
    let old = one.get_or_load(&cx, name(1), || async {
        two.forget_now(&cx, &[name(1)]).await.unwrap();
        Ok(10)
    });
    assert_eq!(old.await.unwrap(), 10);
    assert_eq!(held(&two, 1).await, None);
    let names = [1, 2].map(name);
    let old = one.get_many(&cx, &names, |_| async {
        two.forget_now(&cx, &[name(1)]).await.unwrap();
        Ok(vec![10, 20])
    });
    assert_eq!(old.await.unwrap(), [10, 20]);
    assert_eq!((held(&two, 1).await, held(&two, 2).await), (None, Some(20)));
}

#[tokio::test]
async fn the_lease_of_a_reader_that_never_came_back_ends() {
    let Some(keys) = RedisKeys::on(Store::RedisCache) else { return };
    let mut bench = Bench::on(keys.address());
    let (one, two) = (bench.cache().await, bench.cache().await);
    let lost = async || Err(Error::new(reason::STORE_UNAVAILABLE));
    assert!(one.get_or_load(&cx(), name(1), lost).await.is_err());
    assert_eq!((get(&two, 1, 10).await, held(&two, 1).await), (10, None), "the lease is another's");
    wait::within(2 * Duration::from_millis(LEASE_MS as u64), "the lease to end", || async {
        get(&two, 1, 10).await;
        held(&two, 1).await
    })
    .await;
}

#[tokio::test]
async fn callers_of_a_process_that_miss_together_load_once() {
    let Some(keys) = RedisKeys::on(Store::RedisCache) else { return };
    let cache = Bench::on(keys.address()).cache().await;
    let loads = Arc::new(AtomicUsize::new(0));
    let (begun, begins) = oneshot::channel();
    let (open, opened) = oneshot::channel::<()>();
    let call = |first: Option<(oneshot::Sender<()>, oneshot::Receiver<()>)>| {
        let (cache, loads) = (cache.clone(), loads.clone());
        tokio::spawn(async move {
            let load = || async {
                loads.fetch_add(1, Ordering::SeqCst);
                if let Some((begun, opened)) = first {
                    begun.send(()).unwrap();
                    opened.await.unwrap();
                }
                Ok(5)
            };
            cache.get_or_load(&cx(), name(1), load).await.unwrap()
        })
    };
    let leader = call(Some((begun, opened)));
    begins.await.unwrap();
    let followers: Vec<_> = (0..10).map(|_| call(None)).collect();
    tokio::task::yield_now().await;
    open.send(()).unwrap();
    assert_eq!(leader.await.unwrap(), 5);
    for follower in followers {
        assert_eq!(follower.await.unwrap(), 5);
    }
    assert_eq!(loads.load(Ordering::SeqCst), 1);
    assert!(cache.flights.is_empty());
}

#[tokio::test]
async fn what_was_written_while_the_server_was_away_is_never_served_old_by_who_wrote_it() {
    let Some(mut server) = Server::start(Store::Redis).await else { return };
    let mut bench = Bench::on(server.address());
    let (one, two) = (bench.cache().await, bench.cache().await);
    for n in 0..300 {
        assert_eq!(get(&one, n, 1).await, 1);
    }
    server.kill().await;
    wait::until("the loss to be noticed", || async { (!one.shared.redis.is_up()).then_some(()) }).await;
    let start = Instant::now();
    for n in 0..300 {
        one.forget([name(n)]);
        assert!(!one.settle(&cx()).await);
        assert_eq!(get(&one, n, 2).await, 2, "from the store");
    }
    assert!(start.elapsed() < 2 * SECOND, "nobody waits for a server that is away: {:?}", start.elapsed());
    server.restart().await;
    // Every read on the way back is right, and in the end the copies are used again, everywhere.
    wait::within(10 * SECOND, "the cache to be used again", || async {
        for n in 0..300 {
            assert_eq!(get(&one, n, 2).await, 2);
        }
        (one.observe()[2].value == 0.0 && held(&one, 299).await.is_some()).then_some(())
    })
    .await;
    wait::until("the other to reach it too", || async { two.shared.redis.is_up().then_some(()) }).await;
    for n in 0..300 {
        assert_eq!(get(&two, n, 2).await, 2);
    }
}

#[tokio::test]
async fn a_server_that_says_nothing_or_lost_everything_fails_nobody() {
    let Some(server) = Server::start(Store::Redis).await else { return };
    let cache = Bench::on(server.address()).cache().await;
    assert_eq!(get(&cache, 1, 10).await, 10);
    server.pause();
    let start = Instant::now();
    for _ in 0..50 {
        assert_eq!(get(&cache, 1, 11).await, 11);
        cache.forget([name(1)]);
        cache.settle(&cx()).await;
    }
    assert!(start.elapsed() < 5 * SECOND, "{:?}", start.elapsed());
    server.resume();
    wait::within(10 * SECOND, "the cache to be used again", || async {
        assert_eq!(get(&cache, 1, 12).await, 12);
        held(&cache, 1).await
    })
    .await;
    assert_eq!(redis::command(&server.address(), &["FLUSHALL"]), "+OK");
    assert_eq!((get(&cache, 1, 13).await, get(&cache, 1, 14).await), (13, 13));
}
