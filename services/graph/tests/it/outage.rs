//! Neo4j killed, stopped, cut off, while the graph is written.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use futures::future::join_all;
use parking_lot::Mutex;
use plaza_core::{AccountId, Cx, Error, RequestKey, Timestamp, reason};
use plaza_graph::domain::{Change, Direction, Write};
use plaza_graph::store::GraphStore;
use plaza_graph::store::conformance::{cx, told, write};
use plaza_testkit::servers::Server;
use plaza_testkit::{Proxy, Store, wait};
use tokio::time::Instant;
use uuid::Uuid;

use crate::ground::{Ground, on_neo4j};

/// What each call may take.
const DEADLINE: Duration = Duration::from_secs(2);
/// How much later than that a busy machine may let a call end.
const SLACK: Duration = Duration::from_millis(500);
const WRITERS: i64 = 8;

/// Writers that each follow one account after the other, every request until it succeeds.
struct Load {
    store: Arc<dyn GraphStore>,
    stop: AtomicBool,
    acknowledged: Mutex<BTreeMap<(i64, i64), i64>>,
    failures: Mutex<Vec<(Error, Duration)>>,
    /// How many requests were answered.
    answered: AtomicI64,
}

impl Load {
    fn on(store: Arc<dyn GraphStore>) -> Arc<Self> {
        let (acknowledged, failures, answered) = (Mutex::default(), Mutex::default(), AtomicI64::new(0));
        Arc::new(Self { store, stop: AtomicBool::new(false), acknowledged, failures, answered })
    }

    fn start(self: &Arc<Self>) -> Vec<tokio::task::JoinHandle<()>> {
        (1..=WRITERS).map(|writer| tokio::spawn(self.clone().write(writer))).collect()
    }

    async fn write(self: Arc<Self>, writer: i64) {
        for n in 0.. {
            let target = 1_000 + writer * 100_000 + n;
            let id = Uuid::from_u128(target.unsigned_abs().into());
            let request = RequestKey { caller: writer, request_id: id, method: "Follow", digest: [7; 16] };
            loop {
                if self.stop.load(Ordering::SeqCst) {
                    return;
                }
                let began = Instant::now();
                let cx = Cx::background("test", DEADLINE).with_request(Some(request.clone()));
                let at = Timestamp(1_800_000_000_000 + n);
                match self.store.follow(&cx, Write { at, ..write(writer, target, 0) }).await {
                    Ok(written) => {
                        self.acknowledged.lock().insert((writer, target), written.position);
                        // What was acknowledged shows, if anything does; and the caches, if there are any, are filled.
                        if let Ok(shown) = self.store.relations(&cx, writer.into(), &[target.into()]).await {
                            assert!(shown[0].following, "{writer} follows {target}");
                        }
                        self.answered.fetch_add(1, Ordering::SeqCst);
                        break;
                    }
                    Err(error) => {
                        self.failures.lock().push((error, began.elapsed()));
                        tokio::task::yield_now().await;
                    }
                }
            }
        }
    }

    /// Waits until this many more requests are answered.
    async fn progress(&self, more: i64, limit: Duration) {
        let aim = self.answered.load(Ordering::SeqCst) + more;
        let reached = || async { (self.answered.load(Ordering::SeqCst) >= aim).then_some(()) };
        wait::within(limit, "requests to be answered", reached).await;
    }

    async fn fails(&self, more: usize) {
        let aim = self.failures.lock().len() + more;
        let reached = || async { (self.failures.lock().len() >= aim).then_some(()) };
        wait::within(Duration::from_secs(60), "requests to fail", reached).await;
    }

    /// Ends the load; then what was acknowledged must be there, once, where it was said to be.
    async fn finish(&self, tasks: Vec<tokio::task::JoinHandle<()>>, truth: &dyn GraphStore) {
        self.stop.store(true, Ordering::SeqCst);
        for task in join_all(tasks).await {
            task.unwrap();
        }
        for (error, took) in &*self.failures.lock() {
            let known = [reason::STORE_UNAVAILABLE, reason::DEADLINE_EXCEEDED];
            assert!(known.iter().any(|reason| error.is(*reason)), "{error}");
            assert!(*took < DEADLINE + SLACK, "a call took {took:?}: {error}");
        }
        let mut events = BTreeMap::new();
        for (i, (position, change)) in (1..).zip(told(truth).await) {
            assert_eq!(position, i, "a gap in the outbox");
            let [AccountId(a), AccountId(b)] = change.accounts();
            assert_eq!(change, Change::Followed(AccountId(a), AccountId(b)));
            assert_eq!(events.insert((a, b), position), None, "{a} follows {b} twice");
        }
        for (pair, position) in &*self.acknowledged.lock() {
            assert_eq!(events.get(pair), Some(position), "{pair:?} was acknowledged");
        }
        for writer in 1..=WRITERS {
            let stored =
                truth.ids(&cx(), AccountId(writer), Direction::Following, AccountId(0), 100_000).await.unwrap();
            let stored: BTreeSet<i64> = stored.into_iter().map(AccountId::get).collect();
            let expected: BTreeSet<i64> = events.keys().filter(|(a, _)| *a == writer).map(|(_, b)| *b).collect();
            assert_eq!(stored, expected);
        }
    }

    /// The longest that a call took from its `skip`th failure on.
    fn slowest_failure(&self, skip: usize) -> Duration {
        self.failures.lock().iter().skip(skip).map(|(_, took)| *took).max().unwrap_or_default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_loses_nothing_and_is_found_again() {
    let Some(mut server) = Server::start(Store::Neo4j).await else { return };
    let ground = Ground::at(&server.address());
    let load = Load::on(Arc::new(ground.open().await));
    let tasks = load.start();
    for _ in 0..2 {
        load.progress(300, Duration::from_secs(30)).await;
        server.kill().await;
        load.fails(100).await;
        server.restart().await;
        load.progress(1, Duration::from_secs(10)).await;
    }
    load.finish(tasks, &ground.open().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_stopped_costs_nobody_more_than_a_deadline() {
    let Some(server) = Server::start(Store::Neo4j).await else { return };
    let ground = Ground::at(&server.address());
    let cached = ground.cached(1_000, 1 << 24).await.store;
    let load = Load::on(cached.clone());
    let tasks = load.start();
    load.progress(100, Duration::from_secs(30)).await;
    server.pause();
    // The first find out, the others are told at once.
    load.fails(20).await;
    let before = load.failures.lock().len();
    load.fails(1_000).await;
    let quick = load.failures.lock().iter().skip(before).filter(|(_, took)| *took < SLACK).count();
    assert!(quick > 900, "{quick} of 1,000 failed at once");
    assert!(load.slowest_failure(0) < DEADLINE + SLACK);
    server.resume();
    load.progress(1, Duration::from_secs(10)).await;

    let truth = ground.open().await;
    load.finish(tasks, &truth).await;
    // No cache holds what a commit of the stopped server has changed since.
    for writer in 1..=WRITERS {
        let circle = truth.circle(&cx(), AccountId(writer), 100_000).await.unwrap();
        let page = truth.ids(&cx(), AccountId(writer), Direction::Following, AccountId(0), 100_000).await.unwrap();
        let relations = cached.relations(&cx(), AccountId(writer), &page).await.unwrap();
        assert!(relations.iter().all(|relation| relation.following), "of {writer}");
        assert!(page.iter().all(|other| circle.relation(*other).following));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cut_connections_lose_nothing_and_do_nothing_twice() {
    on_neo4j(async |ground| {
        let proxy = Proxy::start(socket(&ground)).await;
        let through = ground.through(proxy.address());
        let load = Load::on(Arc::new(through.open().await));
        let tasks = load.start();
        for _ in 0..25 {
            load.progress(20, Duration::from_secs(30)).await;
            proxy.cut();
        }
        load.progress(20, Duration::from_secs(10)).await;
        load.finish(tasks, &ground.open().await).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_way_to_the_server_ends_in_time_and_passes() {
    on_neo4j(async |ground| {
        let proxy = Proxy::start(socket(&ground)).await;
        let through = ground.through(proxy.address());
        let load = Load::on(Arc::new(through.open().await));
        let tasks = load.start();
        load.progress(100, Duration::from_secs(30)).await;
        proxy.delay(Duration::from_millis(500));
        load.fails(20).await;
        proxy.delay(Duration::ZERO);
        load.progress(1, Duration::from_secs(10)).await;
        load.finish(tasks, &ground.open().await).await;
    })
    .await;
}

/// Where the server of a ground listens.
fn socket(ground: &Ground) -> SocketAddr {
    let url = ground.address.url();
    let authority = url.trim_start_matches("neo4j://").split(['/', '?']).next().unwrap();
    authority.rsplit('@').next().unwrap().parse().unwrap()
}
