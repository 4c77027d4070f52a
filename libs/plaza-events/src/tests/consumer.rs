//! The runner: cursors, marks, retries, dead letters.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use plaza_core::{Cx, Env, Error, Token, TraceContext, reason};

use super::support::{Copy, FaultyLog, QUICK, Running, Truth, cx, env, eventually};
use crate::log::EventLog;
use crate::projection::replay_dead_letter;
use crate::*;

struct World {
    env: Env,
    truth: Truth,
    log: Arc<FaultyLog>,
    copy: Arc<Copy>,
    relay: Arc<Relay>,
}

impl World {
    fn new() -> Self {
        let (_, env) = env();
        let (truth, log) = (Truth::new(&env), FaultyLog::new());
        let options = RelayOptions { backoff: QUICK, ..RelayOptions::default() };
        let relay = Arc::new(Relay::new(truth.outbox(), log.clone(), env.clone(), options));
        Self { copy: Copy::of(&truth), env, truth, log, relay }
    }

    /// Writes things 1 to `n` and brings them into the log.
    async fn publish(&self, n: i64) {
        for id in 1..=n {
            self.truth.set(id, id * 10).await;
        }
        self.relay.replay().await.unwrap();
    }

    fn runner(&self) -> Arc<Runner> {
        let options = RunnerOptions { backoff: QUICK, grace: Duration::from_millis(20), ..RunnerOptions::default() };
        Arc::new(Runner::new(self.copy.clone(), self.log.clone(), self.env.clone(), options))
    }

    async fn applied(&self, runner: &Runner, position: i64) {
        let mut token = Token::default();
        token.require("things", position);
        runner.marks().wait(&cx(), &token).await.unwrap();
    }

    async fn cursor(&self) -> i64 {
        self.log.inner.load_cursor(&cx(), "copy").await.unwrap().offset
    }
}

#[tokio::test]
async fn a_consumer_follows_stops_and_goes_on_where_it_was() {
    let world = World::new();
    let relaying = Running::relay(&world.relay);
    let runner = world.runner();
    let running = Running::runner(&runner);
    for id in 1..=50 {
        let position = world.truth.set(id, 1).await;
        world.applied(&runner, position).await;
        assert_eq!(world.copy.held().get(&id), Some(&1), "a wait for the write's token shows the write");
    }
    running.stop().await;
    assert_eq!(world.cursor().await, 50);
    let status = runner.status();
    assert_eq!((status.applied, status.lag_events, status.lag_ms, status.degraded), (50, 0, 0, false));

    world.copy.applied.lock().clear();
    let position = world.truth.set(7, 2).await;
    let second = world.runner();
    let running = Running::runner(&second);
    world.applied(&second, position).await;
    assert_eq!(*world.copy.applied.lock(), [vec![51]], "nothing is applied again after a clean stop");
    assert_eq!(second.marks().applied("things"), 51);
    running.stop().await;
    relaying.stop().await;
    assert_eq!(world.copy.held(), world.truth.all().await);
}

#[tokio::test]
async fn marks_survive_a_restart_and_a_wait_says_what_is_lacking() {
    let world = World::new();
    world.publish(3).await;
    let runner = world.runner();
    let running = Running::runner(&runner);
    world.applied(&runner, 3).await;
    running.stop().await;
    let second = world.runner();
    assert_eq!(second.marks().applied("things"), 0);
    let running = Running::runner(&second);
    world.applied(&second, 3).await;
    let short = Cx::background("test", Duration::from_millis(20));
    let behind = second.marks().wait(&short, &Token::parse("things=9").unwrap()).await.unwrap_err();
    assert_eq!((behind.wanted, behind.applied), (9, 3));
    running.stop().await;
}

#[tokio::test]
async fn the_cursor_stays_behind_what_is_applied() {
    let world = World::new();
    world.publish(10).await;
    world.copy.faults.hold();
    let runner = world.runner();
    let running = Running::runner(&runner);
    eventually("a batch is in hand", async || !world.copy.applied.lock().is_empty()).await;
    assert_eq!((world.cursor().await, runner.marks().applied("things")), (0, 0));
    assert!(runner.status().lag_events >= 10);
    running.kill().await;
    assert_eq!(world.cursor().await, 0);

    // Stopped in the middle of a batch that does not end: it is given up after the grace, and the cursor stays.
    let running = Running::runner(&world.runner());
    eventually("a batch is in hand again", async || world.copy.applied.lock().len() > 1).await;
    running.stop().await;
    assert_eq!(world.cursor().await, 0);

    world.copy.faults.release();
    let runner = world.runner();
    let running = Running::runner(&runner);
    world.applied(&runner, 10).await;
    eventually("the cursor follows without a stop", async || world.cursor().await == 10).await;
    running.kill().await;
    assert_eq!(world.copy.held(), world.truth.all().await);
}

#[tokio::test]
async fn a_transient_failure_is_retried_until_it_is_over() {
    let world = World::new();
    world.publish(10).await;
    world.copy.faults.fail(Error::new(reason::STORE_UNAVAILABLE));
    let runner = world.runner();
    let running = Running::runner(&runner);
    eventually("it has tried often", async || world.copy.applied.lock().len() > 8).await;
    let status = runner.status();
    assert!(status.degraded && status.last_error.unwrap().contains("STORE_UNAVAILABLE"));
    assert!(runner.observe().iter().any(|gauge| gauge.name == "projection_degraded" && gauge.value == 1.0));
    world.copy.faults.clear();
    world.applied(&runner, 10).await;

    world.log.faults.fail(Error::new(reason::STORE_UNAVAILABLE));
    let position = world.truth.set(1, 5).await;
    eventually("the log is away", async || runner.status().degraded).await;
    world.log.faults.clear();
    world.relay.replay().await.unwrap();
    world.applied(&runner, position).await;
    assert_eq!(world.copy.held(), world.truth.all().await);
    running.stop().await;
    assert_eq!(runner.status().dead_letters, 0);
}

#[tokio::test]
async fn an_event_that_fails_for_good_goes_to_the_dead_letters_and_comes_back() {
    let world = World::new();
    world.copy.poison.lock().push(4);
    world.copy.panics.lock().push(6);
    world.publish(10).await;
    let runner = world.runner();
    let running = Running::runner(&runner);
    world.applied(&runner, 10).await;
    running.stop().await;
    let mut expected = world.truth.all().await;
    expected.retain(|id, _| ![4, 6].contains(id));
    assert_eq!(world.copy.held(), expected, "the others are applied");
    assert_eq!(world.cursor().await, 10);
    let letters = world.log.dead_letters(&cx(), Some("copy"), 0, 10).await.unwrap();
    let said: Vec<_> = letters.iter().map(|l| (l.event.aggregate_id, l.tries, l.reason.as_str())).collect();
    assert_eq!(said[0].0, 4);
    assert!(said[0].1 == 5 && said[0].2.contains("4 is poison"), "{said:?}");
    assert!(said[1].0 == 6 && said[1].2.contains("panicked"), "{said:?}");
    assert_eq!(world.copy.applied.lock().iter().filter(|batch| **batch == [4]).count(), 5);

    let replay = async |id| replay_dead_letter(&*world.copy, &*world.log, &cx(), id).await;
    replay(letters[0].id).await.unwrap_err();
    world.copy.poison.lock().clear();
    world.copy.panics.lock().clear();
    for letter in &letters {
        replay(letter.id).await.unwrap();
        assert!(replay(letter.id).await.unwrap_err().is(reason::DEAD_LETTER_NOT_FOUND));
    }
    assert_eq!(world.copy.held(), world.truth.all().await);
}

#[tokio::test]
async fn a_batch_that_takes_too_long_is_halved() {
    let world = World::new();
    world.copy.most.store(3, Ordering::SeqCst);
    world.publish(40).await;
    let runner = world.runner();
    let running = Running::runner(&runner);
    world.applied(&runner, 40).await;
    running.stop().await;
    assert_eq!(world.copy.held(), world.truth.all().await);
    assert_eq!(runner.status().dead_letters, 0);
}

#[tokio::test]
async fn events_of_other_sources_move_the_cursor_and_are_not_applied() {
    let world = World::new();
    let others: Vec<_> = (1..=30).map(|position| crate::log::conformance::sample("posts", position)).collect();
    world.log.publish(&cx(), 0, &others).await.unwrap();
    let runner = world.runner();
    let running = Running::runner(&runner);
    eventually("the cursor passes them", async || world.cursor().await == 30).await;
    assert!(world.copy.applied.lock().is_empty());
    running.stop().await;
}

#[tokio::test]
async fn what_a_projection_does_belongs_to_the_trace_of_its_event() {
    const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let world = World::new();
    world.truth.set(1, 10).await;
    world.truth.set(2, 20).await;
    let mut events = world.truth.outbox().read_after(&cx(), 0, 10).await.unwrap();
    events[1].traceparent = Some(TRACE.to_owned());
    world.log.publish(&cx(), 0, &events).await.unwrap();
    let runner = world.runner();
    let running = Running::runner(&runner);
    world.applied(&runner, 2).await;
    running.stop().await;
    assert_eq!(*world.copy.traces.lock(), [TraceContext::parse(TRACE)], "one batch, in the only trace it has");

    world.copy.traces.lock().clear();
    let letter = DeadLetter {
        id: 0,
        consumer: "copy".to_owned(),
        event: events.remove(1),
        reason: "test".to_owned(),
        tries: 1,
        at: world.env.now(),
    };
    let id = world.log.put_dead_letter(&cx(), &letter).await.unwrap();
    replay_dead_letter(&*world.copy, &*world.log, &cx(), id).await.unwrap();
    assert_eq!(*world.copy.traces.lock(), [TraceContext::parse(TRACE)]);
}
