//! The follower: every process takes every event in.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use parking_lot::Mutex;
use plaza_core::{Cx, Env, Error, Position, Result, reason};
use plaza_testkit::Store;

use super::nats::{clean, delete, open};
use super::support::{FaultyLog, Running, cx, eventually};
use crate::log::conformance::{sample, samples};
use crate::{Event, EventLog, Follow, Followed, Follower};

/// Remembers what it took in.
#[derive(Default)]
struct Memory {
    taken: Mutex<Vec<Position>>,
    forgotten: AtomicUsize,
    /// Fails, or panics, at these.
    broken: Mutex<Option<(Position, bool)>>,
}

#[async_trait]
impl Follow for Memory {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn sources(&self) -> &[&'static str] {
        &["posts"]
    }

    async fn apply(&self, _: &Cx, events: &[Event]) -> Result<()> {
        let broken = *self.broken.lock();
        for event in events {
            match broken {
                Some((at, true)) if at == event.position => panic!("on purpose"),
                Some((at, false)) if at == event.position => return Err(Error::internal("broken")),
                _ => self.taken.lock().push(event.position),
            }
        }
        Ok(())
    }

    fn forget_all(&self) {
        self.forgotten.fetch_add(1, Ordering::SeqCst);
    }
}

/// A process that follows.
struct Process {
    memory: Arc<Memory>,
    followed: Followed,
    running: Running,
}

impl Process {
    fn start(log: Arc<dyn EventLog>) -> Self {
        let (memory, followed) = (Arc::new(Memory::default()), Followed::new(&["posts"]));
        let follower = Follower::new(memory.clone(), followed.clone(), log, Env::system());
        let running = Running::start(|stop| async move { follower.run(stop).await });
        Self { memory, followed, running }
    }

    fn covers(&self, position: Position) -> bool {
        let mut token = plaza_core::Token::default();
        token.require("posts", position);
        self.followed.covers(&token)
    }

    async fn until(&self, position: Position) {
        eventually("it has taken the event in", async || self.covers(position)).await;
    }

    fn taken(&self) -> Vec<Position> {
        self.memory.taken.lock().clone()
    }
}

#[tokio::test]
async fn every_process_takes_every_event_in_from_the_end() {
    let log = FaultyLog::new();
    log.publish(&cx(), 0, &samples("posts", 1..=9)).await.unwrap();
    let processes = [Process::start(log.clone()), Process::start(log.clone())];
    assert!(!processes[0].covers(0), "nothing is heard yet");
    for process in &processes {
        process.until(9).await;
    }
    log.publish(&cx(), 9, &samples("posts", 10..=20)).await.unwrap();
    for process in processes {
        process.until(20).await;
        assert_eq!(process.taken(), (9..=20).collect::<Vec<_>>(), "the last one first");
        assert!(!process.covers(21));
        process.running.stop().await;
    }
}

#[tokio::test]
async fn what_cannot_be_taken_in_makes_it_forget_everything_and_go_on() {
    let log = FaultyLog::new();
    let process = Process::start(log.clone());
    process.until(0).await;
    for (position, panics) in [(1, false), (2, true)] {
        *process.memory.broken.lock() = Some((position, panics));
        log.publish(&cx(), 0, &[sample("posts", position)]).await.unwrap();
        process.until(position).await;
    }
    assert_eq!(process.memory.forgotten.load(Ordering::SeqCst), 2);
    log.faults.fail(Error::new(reason::STORE_UNAVAILABLE));
    log.inner.publish(&cx(), 0, &[sample("posts", 3)]).await.unwrap();
    log.faults.clear();
    process.until(3).await;
    assert_eq!(process.taken(), [3]);
    process.running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_missed_events_forgets_everything() {
    let Some(address) = Store::Nats.address() else { return };
    let prefix = Store::unique_name();
    let log = open(&address, &prefix).await;
    log.publish(&cx(), 0, &samples("posts", 1..=9)).await.unwrap();
    let process = Process::start(Arc::new(log.clone()));
    process.until(9).await;
    assert_eq!(process.memory.forgotten.load(Ordering::SeqCst), 0);
    delete(&address, &prefix, &["EVENTS"]).await;
    eventually("it forgets", async || process.memory.forgotten.load(Ordering::SeqCst) == 1).await;
    eventually("the log is there again", async || log.publish(&cx(), 0, &samples("posts", 1..=12)).await.is_ok()).await;
    process.until(12).await;
    eventually("it is connected", async || process.followed.is_connected()).await;
    process.running.stop().await;
    clean(&address, &prefix).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_broker_nothing_is_covered_and_afterwards_nothing_was_missed() {
    let Some(mut server) = plaza_testkit::Server::start(Store::Nats).await else { return };
    let prefix = Store::unique_name();
    let (log, writer) = (open(&server.address(), &prefix).await, open(&server.address(), &prefix).await);
    log.publish(&cx(), 0, &samples("posts", 1..=9)).await.unwrap();
    let process = Process::start(Arc::new(log.clone()));
    process.until(9).await;
    server.pause();
    eventually("it hears nothing", async || !process.covers(0)).await;
    server.resume();
    process.until(9).await;
    server.kill().await;
    server.restart().await;
    eventually("the writer is back", async || {
        let short = Cx::background("test", Duration::from_secs(1));
        writer.publish(&short, 9, &samples("posts", 10..=20)).await.is_ok()
    })
    .await;
    process.until(20).await;
    assert_eq!(process.taken(), (9..=20).collect::<Vec<_>>());
    assert_eq!(process.memory.forgotten.load(Ordering::SeqCst), 0);
    process.running.stop().await;
}
