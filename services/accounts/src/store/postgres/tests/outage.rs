//! A server killed, stopped, cut off and slow, while accounts are written and looked up.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use plaza_core::{AccountId, Cx, Error, RequestKey, reason};
use plaza_stores::StoreAddress;
use plaza_testkit::{Proxy, Server, wait};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use uuid::Uuid;

use super::replicas::events;
use super::*;
use crate::domain::{Email, Handle, Login, NewAccount};
use crate::store::{AccountStore, Credential};

/// What each call may take.
const DEADLINE: Duration = Duration::from_secs(2);
/// How much later than that a busy machine may let a call end.
const SLACK: Duration = Duration::from_millis(500);
/// How soon all is well again once the server is.
const RECOVERY: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(10);
const WRITERS: u128 = 8;
const READERS: u128 = 4;

async fn store_on(socket: SocketAddr) -> Arc<PostgresAccounts> {
    let address: StoreAddress = format!("postgres://postgres@{socket}/postgres").parse().unwrap();
    let server = address.server(ServerKind::Postgres).unwrap();
    Arc::new(PostgresAccounts::open(server, None, Env::system(), Arc::new(|_| {})).await.unwrap())
}

/// Writers that each create one account after the other, every request until it succeeds, and readers.
struct Load {
    store: Arc<PostgresAccounts>,
    env: Env,
    stop: AtomicBool,
    /// Where the creation of each handle is in the outbox.
    acknowledged: Mutex<BTreeMap<String, (i64, AccountId)>>,
    failures: Mutex<Vec<(Error, Duration)>>,
    written: AtomicI64,
    read: AtomicI64,
}

impl Load {
    fn on(store: &Arc<PostgresAccounts>) -> (Arc<Self>, Vec<JoinHandle<()>>) {
        let load = Arc::new(Self {
            store: store.clone(),
            env: Env::system(),
            stop: AtomicBool::new(false),
            acknowledged: Mutex::default(),
            failures: Mutex::default(),
            written: AtomicI64::new(0),
            read: AtomicI64::new(0),
        });
        let writers = (1..=WRITERS).map(|writer| tokio::spawn(load.clone().write(writer)));
        let readers = (0..READERS).map(|_| tokio::spawn(load.clone().look_up()));
        let tasks = writers.chain(readers).collect();
        (load, tasks)
    }

    async fn write(self: Arc<Self>, writer: u128) {
        for n in 0.. {
            let name = format!("u{writer}_{n}");
            let request_id = Uuid::from_u128(writer << 64 | n);
            let key = RequestKey { caller: 0, request_id, method: "Create", digest: [7; 16] };
            loop {
                if self.stop.load(Ordering::SeqCst) {
                    return;
                }
                let (began, cx) = (Instant::now(), Cx::background("test", DEADLINE).with_request(Some(key.clone())));
                let account = NewAccount {
                    id: AccountId(self.env.next_id()),
                    handle: Handle::parse(&name).unwrap(),
                    email: Email::new(&format!("{name}@example.org")),
                    display_name: name.clone(),
                    at: self.env.now(),
                };
                match self.store.create(&cx, account, Credential::new(name.clone())).await {
                    Ok(written) => {
                        self.acknowledged.lock().insert(name, (written.position, written.value.id));
                        self.written.fetch_add(1, Ordering::SeqCst);
                        break;
                    }
                    Err(error) => self.failed(error, began).await,
                }
            }
        }
    }

    async fn look_up(self: Arc<Self>) {
        while !self.stop.load(Ordering::SeqCst) {
            let Some(name) = self.acknowledged.lock().keys().next_back().cloned() else {
                tokio::task::yield_now().await;
                continue;
            };
            let (began, cx) = (Instant::now(), Cx::background("test", DEADLINE));
            match self.store.credential(&cx, &Login::parse(&name)).await {
                Ok(found) => {
                    assert_eq!(found.unwrap().1.phc(), name);
                    self.read.fetch_add(1, Ordering::SeqCst);
                }
                Err(error) => self.failed(error, began).await,
            }
        }
    }

    async fn failed(&self, error: Error, began: Instant) {
        self.failures.lock().push((error, began.elapsed()));
        // As a client does that heeds RetryInfo, or there would be nothing but failures to count.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }

    /// Waits until this many more writes and reads have succeeded.
    async fn progress(&self, more: i64, limit: Duration) {
        let aims = [&self.written, &self.read].map(|count| (count, count.load(Ordering::SeqCst) + more));
        let reached = || async { aims.iter().all(|(count, aim)| count.load(Ordering::SeqCst) >= *aim).then_some(()) };
        wait::within(limit, "calls to succeed", reached).await;
    }

    async fn fails(&self, more: usize) {
        let aim = self.failures.lock().len() + more;
        let reached = || async { (self.failures.lock().len() >= aim).then_some(()) };
        wait::within(Duration::from_secs(60), "calls to fail", reached).await;
    }

    /// Ends the load; then what was acknowledged must be there, once, where it was said to be.
    async fn finish(&self, tasks: Vec<JoinHandle<()>>, truth: &PostgresAccounts) {
        self.stop.store(true, Ordering::SeqCst);
        for task in tasks {
            task.await.unwrap();
        }
        for (error, took) in &*self.failures.lock() {
            let known = [reason::STORE_UNAVAILABLE, reason::DEADLINE_EXCEEDED, reason::OVERLOADED];
            assert!(known.iter().any(|reason| error.is(*reason)), "{error:?}");
            assert!(*took < DEADLINE + SLACK, "a call took {took:?}: {error}");
        }
        let events: BTreeMap<i64, AccountId> =
            events(truth).await.into_iter().map(|event| (event.position, AccountId(event.aggregate_id))).collect();
        let told: BTreeSet<AccountId> = events.values().copied().collect();
        assert_eq!(told.len(), events.len(), "an account was created twice");
        for (name, (position, id)) in &*self.acknowledged.lock() {
            assert_eq!(events.get(position), Some(id), "{name} was acknowledged");
        }
        let cx = Cx::background("test", Duration::from_secs(10));
        let stored = truth.list_ids(&cx, AccountId(0), 1_000_000).await.unwrap();
        assert_eq!(stored.into_iter().collect::<BTreeSet<_>>(), told, "each account has its event");
    }

    /// The longest that a call took from its `skip`th failure on.
    fn slowest_failure(&self, skip: usize) -> Duration {
        self.failures.lock().iter().skip(skip).map(|(_, took)| *took).max().unwrap_or_default()
    }
}

/// Lets the load run on for a while.
async fn pass(time: Duration) {
    let end = Instant::now() + time;
    wait::within(time + PATIENCE, "time to pass", || async { (Instant::now() >= end).then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_loses_nothing_and_is_found_again() {
    let Some(mut server) = Server::start(Store::Postgres).await else { return };
    let store = store_on(server.socket()).await;
    let (load, tasks) = Load::on(&store);
    for _ in 0..3 {
        load.progress(50, Duration::from_secs(60)).await;
        server.kill().await;
        load.fails(20).await;
        server.restart().await;
        load.progress(20, RECOVERY).await;
    }
    load.finish(tasks, &store).await;
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_server_stands_still_calls_end_by_their_deadline_and_soon_at_once() {
    let Some(server) = Server::start(Store::Postgres).await else { return };
    let store = store_on(server.socket()).await;
    let (load, tasks) = Load::on(&store);
    load.progress(50, Duration::from_secs(60)).await;
    server.pause();
    let away = || store.observe().into_iter().any(|gauge| gauge.name == "postgres_away" && gauge.value > 0.0);
    wait::within(Duration::from_secs(4), "it to be noticed", || async { away().then_some(()) }).await;
    // Those that had begun before wait their deadlines out; from then on nobody waits.
    pass(DEADLINE + SLACK).await;
    let known = load.failures.lock().len();
    pass(Duration::from_secs(2)).await;
    assert!(load.failures.lock().len() > known + 50, "they fail at once");
    assert!(load.slowest_failure(known) < SLACK, "{:?}", load.slowest_failure(known));
    assert!(store.ping(&Cx::background("test", DEADLINE)).await.unwrap_err().is(reason::STORE_UNAVAILABLE));
    server.resume();
    load.progress(20, RECOVERY).await;
    assert!(!away());
    load.finish(tasks, &store).await;
    store.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_network_slows_and_cut_connections_cost_a_retry_at_most() {
    let Some(server) = Server::start(Store::Postgres).await else { return };
    let proxy = Proxy::start(server.socket()).await;
    let store = store_on(proxy.address()).await;
    let (load, tasks) = Load::on(&store);
    load.progress(50, Duration::from_secs(60)).await;
    for _ in 0..5 {
        proxy.cut();
        load.progress(20, RECOVERY).await;
    }
    proxy.delay(Duration::from_millis(40));
    load.progress(10, Duration::from_secs(60)).await;
    // So slow that no write can be done in time.
    proxy.delay(Duration::from_millis(500));
    load.fails(WRITERS as usize).await;
    proxy.delay(Duration::ZERO);
    load.progress(20, RECOVERY).await;
    load.finish(tasks, &store).await;
    store.close().await;
}
