//! The log on NATS JetStream: the suite, and what comes of several processes and of a broker that fails.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use plaza_core::{Cx, Env, Position, Token};
use plaza_stores::{ServerKind, StoreAddress};
use plaza_testkit::{Proxy, Server, Store};
use tokio::time::Instant;

use super::support::{Copy, QUICK, Running, Truth, cx, eventually};
use crate::log::conformance::{self, sample, samples};
use crate::log::{Consumer, EventLog, NatsLog, NatsOptions};
use crate::projection::replay_dead_letter;
use crate::{Event, Marks, Relay, RelayOptions, Runner, RunnerOptions};

/// A stream that is not there again after this long will not be.
const BROKEN: Duration = Duration::from_secs(5);
/// As much as one read takes.
const MANY: usize = 1_000;

/// A process's handle on the log of this prefix.
pub(super) async fn open(address: &str, prefix: &str) -> NatsLog {
    let address: StoreAddress = address.parse().unwrap();
    let options = NatsOptions { prefix: prefix.to_owned(), ..NatsOptions::default() };
    NatsLog::connect(address.server(ServerKind::Nats).unwrap(), options, Env::system()).await.unwrap()
}

/// The driver of another client, to damage what the log keeps.
async fn jetstream(address: &str) -> async_nats::jetstream::Context {
    async_nats::jetstream::new(async_nats::connect(address).await.unwrap())
}

/// Deletes what a log left on a server that others use too.
pub(super) async fn clean(address: &str, prefix: &str) {
    delete(address, prefix, &["EVENTS", "DEAD", "TURNS"]).await;
}

/// Deletes these streams of a log.
pub(super) async fn delete(address: &str, prefix: &str, which: &[&str]) {
    let js = jetstream(address).await;
    for stream in which {
        js.delete_stream(stream_name(prefix, stream)).await.unwrap();
    }
}

fn stream_name(prefix: &str, stream: &str) -> String {
    let bucket = if stream == "TURNS" { "KV_" } else { "" };
    format!("{bucket}{}_{stream}", prefix.to_uppercase())
}

/// Deletes these streams of a log that is in use, until `again` says that they are there again.
///
/// The server may remove the folder of a deleted stream after the next one of this name was made, which then cannot be
/// written to (seen on 2.15.1): such a one is deleted as well.
async fn lose(address: &str, prefix: &str, which: &[&str], what: &str, mut again: impl AsyncFnMut() -> bool) {
    delete(address, prefix, which).await;
    let mut deleted = Instant::now();
    eventually(what, async || {
        if deleted.elapsed() > BROKEN {
            let js = jetstream(address).await;
            for stream in which {
                let _ = js.delete_stream(stream_name(prefix, stream)).await;
            }
            deleted = Instant::now();
        }
        again().await
    })
    .await;
}

fn relay(truth: &Truth, log: &NatsLog) -> Arc<Relay> {
    let options =
        RelayOptions { batch: 50, backoff: QUICK, poll: Duration::from_millis(100), ..RelayOptions::default() };
    Arc::new(Relay::new(truth.outbox(), Arc::new(log.clone()), Env::system(), options))
}

fn runner(copy: &Arc<Copy>, log: &NatsLog) -> Arc<Runner> {
    let options = RunnerOptions { backoff: QUICK, grace: Duration::from_millis(20), ..RunnerOptions::default() };
    Arc::new(Runner::new(copy.clone(), Arc::new(log.clone()), Env::system(), options))
}

async fn shows(marks: &Marks, position: Position) {
    let mut token = Token::default();
    token.require("things", position);
    marks.wait(&cx(), &token).await.unwrap();
}

/// Events for a consumer that has, or gets, the turn; waits until there are some.
async fn some(consumer: &mut dyn Consumer) -> Vec<Event> {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        assert!(Instant::now() < deadline, "no events come");
        // A broken consumer is made anew by the next call.
        if let Ok(delivery) = consumer.next(&cx(), MANY, Duration::from_millis(200)).await
            && !delivery.events.is_empty()
        {
            return delivery.events;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_nats_log_conforms() {
    let Some(address) = Store::Nats.address() else { return };
    let prefixes = Mutex::new(Vec::new());
    let fresh = || async {
        let prefix = Store::unique_name();
        let log = open(&address, &prefix).await;
        prefixes.lock().push(prefix);
        Arc::new(log) as Arc<dyn EventLog>
    };
    conformance::run(fresh).await.unwrap();
    for prefix in prefixes.into_inner() {
        clean(&address, &prefix).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_process_at_a_time_applies_and_all_know_what_is_applied() {
    let Some(address) = Store::Nats.address() else { return };
    let prefix = Store::unique_name();
    let logs = [open(&address, &prefix).await, open(&address, &prefix).await];
    let truth = Truth::new(&Env::system());
    let relays: Vec<_> = logs.iter().map(|log| Running::relay(&relay(&truth, log))).collect();
    let copies = [Copy::of(&truth), Copy::of(&truth)];
    let runners: Vec<_> = copies.iter().zip(&logs).map(|(copy, log)| runner(copy, log)).collect();
    let mut running: Vec<_> = runners.iter().map(Running::runner).collect();
    for id in 1..=100 {
        let position = truth.set(id, id).await;
        for runner in &runners {
            shows(&runner.marks(), position).await;
        }
    }
    let applied = |copy: &Copy| copy.applied.lock().concat();
    let (first, second) = (applied(&copies[0]), applied(&copies[1]));
    let (busy, idle) = if first.is_empty() { (1, 0) } else { (0, 1) };
    assert_eq!(applied(&copies[busy]), (1..=100).collect::<Vec<_>>(), "each once, in order, from two relays");
    assert!(first.is_empty() || second.is_empty(), "the other stands by");

    // The one that has the turn stops in good order: the other goes on at once.
    let stopped = Instant::now();
    running.remove(busy).stop().await;
    let position = truth.set(1, 7).await;
    shows(&runners[idle].marks(), position).await;
    assert!(stopped.elapsed() < Duration::from_secs(3), "{:?}", stopped.elapsed());
    assert_eq!(applied(&copies[idle]), [101], "what was committed does not come again");
    for part in running.into_iter().chain(relays) {
        part.stop().await;
    }
    clean(&address, &prefix).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_a_process_dies_another_takes_over_and_leaves_nothing_out() {
    let Some(address) = Store::Nats.address() else { return };
    let prefix = Store::unique_name();
    let (one, other) = (open(&address, &prefix).await, open(&address, &prefix).await);
    let truth = Truth::new(&Env::system());
    let relaying = Running::relay(&relay(&truth, &other));
    let (dying, heir) = (Copy::of(&truth), Copy::of(&truth));
    let first = runner(&dying, &one);
    let running = Running::runner(&first);
    for id in 1..=20 {
        truth.set(id, 1).await;
    }
    shows(&first.marks(), 20).await;
    // It dies with a batch in hand.
    dying.faults.hold();
    for id in 1..=20 {
        truth.set(id, 2).await;
    }
    eventually("a batch is in hand", async || dying.applied.lock().concat().contains(&21)).await;
    let second = runner(&heir, &other);
    let inheriting = Running::runner(&second);
    eventually("it hears what is applied", async || second.marks().applied("things") == 20).await;
    let died = Instant::now();
    running.kill().await;
    shows(&second.marks(), 40).await;
    assert!(died.elapsed() < Duration::from_secs(10), "{:?}", died.elapsed());
    assert_eq!(heir.held(), truth.all().await);
    let applied: BTreeSet<_> = heir.applied.lock().concat().into_iter().collect();
    assert!((21..=40).all(|position| applied.contains(&position)), "{applied:?}");
    inheriting.stop().await;
    relaying.stop().await;
    clean(&address, &prefix).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_was_paused_past_its_turn_does_no_harm() {
    let Some(address) = Store::Nats.address() else { return };
    let prefix = Store::unique_name();
    let upstream = address.trim_start_matches("nats://").parse().unwrap();
    let proxy = Proxy::start(upstream).await;
    let (paused, other) = (open(&format!("nats://{}", proxy.address()), &prefix).await, open(&address, &prefix).await);
    other.publish(&cx(), 0, &samples("things", 1..=10)).await.unwrap();
    let sources = ["things"];
    let mut old = paused.consumer(&cx(), "copy", &sources).await.unwrap();
    assert_eq!(some(&mut *old).await.len(), 10);
    assert!(old.has_turn());
    // Nothing of it gets through for longer than a turn lasts.
    proxy.delay(Duration::from_secs(60));
    proxy.cut();
    let mut new = other.consumer(&cx(), "copy", &sources).await.unwrap();
    let again = some(&mut *new).await;
    assert_eq!(again, samples("things", 1..=10), "what was not committed comes again");
    assert!(new.has_turn() && !old.has_turn());
    new.commit(&cx(), &[("things".to_owned(), 10)]).await.unwrap();
    proxy.delay(Duration::ZERO);
    proxy.cut();
    old.commit(&cx(), &[("things".to_owned(), 3)]).await.unwrap();
    other.publish(&cx(), 10, &samples("things", 11..=20)).await.unwrap();
    let short = Cx::background("test", Duration::from_secs(5));
    let stands_by = old.next(&short, MANY, Duration::ZERO).await;
    assert!(stands_by.is_ok_and(|delivery| delivery.events.is_empty()) || !old.has_turn());
    assert_eq!(some(&mut *new).await, samples("things", 11..=20));
    new.commit(&cx(), &[("things".to_owned(), 20)]).await.unwrap();
    new.leave(&cx()).await.unwrap();
    eventually("the old one gets the marks and the turn", async || {
        let delivery = old.next(&cx(), MANY, Duration::ZERO).await;
        assert!(delivery.as_ref().is_err() || delivery.as_ref().unwrap().events.is_empty(), "{delivery:?}");
        delivery.is_ok_and(|delivery| delivery.applied == [("things".to_owned(), 20)]) && old.has_turn()
    })
    .await;
    clean(&address, &prefix).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_that_are_gone_are_made_again_and_filled_from_the_outbox() {
    let Some(address) = Store::Nats.address() else { return };
    let prefix = Store::unique_name();
    let log = open(&address, &prefix).await;
    let truth = Truth::new(&Env::system());
    let relay = relay(&truth, &log);
    let relaying = Running::relay(&relay);
    let copy = Copy::of(&truth);
    let runner = runner(&copy, &log);
    let running = Running::runner(&runner);
    let mut tail = log.tail(&cx(), &["things"]).await.unwrap();
    for id in 1..=60 {
        truth.set(id, 1).await;
    }
    shows(&runner.marks(), 60).await;
    for lost in [vec!["EVENTS"], vec!["EVENTS", "DEAD", "TURNS"], vec!["TURNS"]] {
        while !tail.next(&cx(), MANY, Duration::ZERO).await.unwrap().events.is_empty() {}
        copy.applied.lock().clear();
        copy.held.lock().clear();
        let mut position = 0;
        lose(&address, &prefix, &lost, "all is in the log again", async || {
            if position == 0 {
                position = truth.set(61, 1).await;
            }
            log.last_position(&cx(), "things").await.is_ok_and(|last| last == position)
        })
        .await;
        eventually("all is applied again", async || copy.held() == truth.all().await).await;
        let everything = conformance::read_all(&log, &["things"], MANY).await.unwrap();
        let positions: Vec<_> = everything.iter().map(|event| event.position).collect();
        assert_eq!(positions, (1..=position).collect::<Vec<_>>(), "{lost:?}: each once and in order");
        if lost.contains(&"EVENTS") {
            let (mut missed, mut heard) = (false, BTreeSet::new());
            eventually("the tail says that it missed events", async || {
                if let Ok(more) = tail.next(&cx(), MANY, Duration::ZERO).await {
                    missed |= more.missed;
                    heard.extend(more.events.iter().map(|event| event.position));
                }
                missed && heard.contains(&position)
            })
            .await;
        }
    }
    running.stop().await;
    relaying.stop().await;
    clean(&address, &prefix).await;
}

/// A log that was lost and filled again has other events at the numbers that a consumer had passed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_was_filled_again_in_another_order_is_read_from_its_beginning() {
    let Some(address) = Store::Nats.address() else { return };
    for commits in [true, false] {
        let prefix = Store::unique_name();
        let (log, other) = (open(&address, &prefix).await, open(&address, &prefix).await);
        log.publish(&cx(), 0, &samples("posts", 1..=5)).await.unwrap();
        log.publish(&cx(), 0, &samples("graph", 1..=5)).await.unwrap();
        let sources = ["posts", "graph"];
        let mut consumer = log.consumer(&cx(), "copy", &sources).await.unwrap();
        let mut tail = log.tail(&cx(), &["graph"]).await.unwrap();
        assert_eq!(some(&mut *consumer).await.len(), 10);
        assert_eq!(tail.next(&cx(), MANY, Duration::ZERO).await.unwrap().events.len(), 1);
        if commits {
            consumer.commit(&cx(), &[("posts".to_owned(), 5), ("graph".to_owned(), 5)]).await.unwrap();
            // Another process takes over, and only then the log is lost.
            consumer.leave(&cx()).await.unwrap();
            consumer = other.consumer(&cx(), "copy", &sources).await.unwrap();
        }
        lose(&address, &prefix, &["EVENTS"], "the log is there", async || {
            log.publish(&cx(), 0, &samples("graph", 1..=10)).await.is_ok()
        })
        .await;
        log.publish(&cx(), 0, &samples("posts", 1..=5)).await.unwrap();
        let mut got = Vec::new();
        eventually("everything comes again", async || {
            got.extend(consumer.next(&cx(), MANY, Duration::ZERO).await.map(|d| d.events).unwrap_or_default());
            got.len() >= 15
        })
        .await;
        assert_eq!(got[..10], samples("graph", 1..=10), "{commits}");
        assert_eq!(got[10..], samples("posts", 1..=5), "{commits}");
        let mut missed = false;
        eventually("the tail says so", async || {
            missed |= tail.next(&cx(), MANY, Duration::ZERO).await.is_ok_and(|heard| heard.missed);
            missed
        })
        .await;
        clean(&address, &prefix).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_that_ends_is_made_again_where_it_was() {
    let Some(address) = Store::Nats.address() else { return };
    let prefix = Store::unique_name();
    let log = open(&address, &prefix).await;
    log.publish(&cx(), 0, &samples("things", 1..=10)).await.unwrap();
    let mut consumer = log.consumer(&cx(), "copy", &["things"]).await.unwrap();
    assert_eq!(consumer.next(&cx(), 4, Duration::ZERO).await.unwrap().events, samples("things", 1..=4));
    let js = jetstream(&address).await;
    let stream = js.get_stream(format!("{}_EVENTS", prefix.to_uppercase())).await.unwrap();
    stream.delete_consumer("copy").await.unwrap();
    assert_eq!(some(&mut *consumer).await, samples("things", 5..=10));

    // A delivery that somebody else took is a gap in what comes next: nothing is handed out past it.
    log.publish(&cx(), 10, &samples("things", 11..=14)).await.unwrap();
    let thief: async_nats::jetstream::consumer::PullConsumer = stream.get_consumer("copy").await.unwrap();
    let mut stolen = thief.fetch().max_messages(2).messages().await.unwrap();
    assert!(futures::StreamExt::next(&mut stolen).await.unwrap().is_ok());
    assert_eq!(some(&mut *consumer).await, samples("things", 11..=14));
    consumer.commit(&cx(), &[]).await.unwrap();
    assert!(consumer.has_turn());
    clean(&address, &prefix).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_server_gives_up_goes_to_the_dead_letters() {
    let Some(address) = Store::Nats.address() else { return };
    let prefix = Store::unique_name();
    let log = open(&address, &prefix).await;
    let truth = Truth::new(&Env::system());
    truth.set(1, 10).await;
    relay(&truth, &log).replay().await.unwrap();
    let mut consumer = log.consumer(&cx(), "copy", &["things"]).await.unwrap();
    assert_eq!(some(&mut *consumer).await.len(), 1);
    let stream = format!("{}_EVENTS", prefix.to_uppercase());
    let subject = format!("$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.{stream}.copy");
    let advisory = format!(r#"{{"stream":"{stream}","consumer":"copy","stream_seq":1,"deliveries":20}}"#);
    let client = async_nats::connect(&address).await.unwrap();
    client.publish(subject, advisory.into()).await.unwrap();
    client.flush().await.unwrap();
    let mut letters = Vec::new();
    eventually("it is a dead letter", async || {
        consumer.next(&cx(), MANY, Duration::ZERO).await.unwrap();
        letters = log.dead_letters(&cx(), Some("copy"), 0, 10).await.unwrap();
        !letters.is_empty()
    })
    .await;
    assert_eq!((letters.len(), letters[0].tries, letters[0].event.position), (1, 20, 1));
    let copy = Copy::of(&truth);
    replay_dead_letter(&*copy, &log, &cx(), letters[0].id).await.unwrap();
    assert_eq!(copy.held(), truth.all().await);
    clean(&address, &prefix).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_batch_keeps_its_turn_and_comes_once() {
    let Some(address) = Store::Nats.address() else { return };
    let prefix = Store::unique_name();
    let server: StoreAddress = address.parse().unwrap();
    let options = NatsOptions {
        prefix: prefix.clone(),
        ack_wait: Duration::from_millis(600),
        max_deliver: 4,
        ..NatsOptions::default()
    };
    let log = NatsLog::connect(server.server(ServerKind::Nats).unwrap(), options, Env::system()).await.unwrap();
    log.publish(&cx(), 0, &samples("things", 1..=10)).await.unwrap();
    let (mut at_work, mut idle) = (
        log.consumer(&cx(), "copy", &["things"]).await.unwrap(),
        log.consumer(&cx(), "copy", &["things"]).await.unwrap(),
    );
    assert_eq!(some(&mut *at_work).await.len(), 10);
    // Longer than a turn, and than the server waits for all deliveries of an event.
    let until = Instant::now() + Duration::from_secs(8);
    while Instant::now() < until {
        let delivery = idle.next(&cx(), MANY, Duration::from_millis(500)).await.unwrap();
        assert!(delivery.events.is_empty() && !idle.has_turn());
    }
    assert!(at_work.has_turn());
    at_work.commit(&cx(), &[("things".to_owned(), 10)]).await.unwrap();
    assert!(at_work.next(&cx(), MANY, Duration::ZERO).await.unwrap().events.is_empty());
    assert!(log.dead_letters(&cx(), None, 0, 10).await.unwrap().is_empty());
    let heard = idle.next(&cx(), MANY, Duration::ZERO).await.unwrap();
    assert_eq!(heard.applied, [("things".to_owned(), 10)]);
    clean(&address, &prefix).await;
}

/// Two of everything, a broker that is killed, paused and wiped: nothing is lost, and everybody hears of everything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_goes_away_and_comes_back_loses_nothing() {
    let Some(mut server) = Server::start(Store::Nats).await else { return };
    let prefix = Store::unique_name();
    let logs = [open(&server.address(), &prefix).await, open(&server.address(), &prefix).await];
    let truth = Truth::new(&Env::system());
    let copy = Copy::of(&truth);
    let mut parts: Vec<_> = logs.iter().map(|log| Running::relay(&relay(&truth, log))).collect();
    let runners: Vec<_> = logs.iter().map(|log| runner(&copy, log)).collect();
    parts.extend(runners.iter().map(Running::runner));
    let mut last = 0;
    for fault in ["none", "killed", "paused", "wiped"] {
        match fault {
            "killed" => server.kill().await,
            "paused" => server.pause(),
            "wiped" => {
                server.kill().await;
                server.wipe();
            }
            _ => {}
        }
        for id in 1..=50 {
            last = truth.set(id, last).await;
        }
        if fault == "killed" || fault == "paused" {
            let called = Instant::now();
            let short = Cx::background("test", Duration::from_millis(700));
            assert!(logs[0].publish(&short, 0, &[sample("other", 1)]).await.is_err());
            assert!(called.elapsed() < Duration::from_secs(1), "no call waits past its deadline");
        }
        server.resume();
        server.restart().await;
        let back = Instant::now();
        for runner in &runners {
            let mut token = Token::default();
            token.require("things", last);
            runner.marks().wait(&cx(), &token).await.unwrap_or_else(|behind| panic!("{fault}: {behind}"));
        }
        assert!(back.elapsed() < Duration::from_secs(12), "{fault}: {:?}", back.elapsed());
        eventually("the log has all", async || {
            logs[0].last_position(&cx(), "things").await.is_ok_and(|position| position == last)
        })
        .await;
        assert_eq!(copy.held(), truth.all().await, "{fault}");
    }
    let all = conformance::read_all(&logs[1], &["things"], MANY).await.unwrap();
    let positions: Vec<_> = all.iter().map(|event| event.position).collect();
    assert_eq!(positions, (1..=last).collect::<Vec<_>>(), "each once and in order");
    for part in parts {
        part.stop().await;
    }
}
