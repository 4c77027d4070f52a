//! What the engine on Neo4j promises beyond the contract: several processes at once, hot accounts, lost commits.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use futures::future::join_all;
use plaza_core::{AccountId, Cx, Env, RequestKey, Timestamp, reason};
use plaza_events::{Event, Outbox};
use plaza_graph::Config;
use plaza_graph::domain::{Counts, Direction, EdgeKey, Write};
use plaza_graph::store::conformance::model::assert_consistent;
use plaza_graph::store::conformance::{cx, write};
use plaza_graph::store::{GraphStore, Neo4jGraph};
use plaza_stores::StoreAddress;
use plaza_testkit::wait;
use uuid::Uuid;

use crate::ground::on_neo4j;
use crate::support::World;

/// Reads the outbox while others write, as a relay does, until `total` events were seen.
async fn follow_outbox(outbox: Arc<dyn Outbox>, done: Arc<AtomicBool>) -> Vec<Event> {
    let mut seen: Vec<Event> = Vec::new();
    loop {
        let finished = done.load(Ordering::SeqCst);
        let after = seen.last().map_or(0, |event| event.position);
        let page = outbox.read_after(&cx(), after, 50).await.unwrap();
        if page.is_empty() && finished {
            return seen;
        }
        seen.extend(page);
        tokio::task::yield_now().await;
    }
}

fn request(n: i64) -> Cx {
    let request_id = Uuid::from_u128(n.unsigned_abs().into());
    cx().with_request(Some(RequestKey { caller: 1, request_id, method: "Follow", digest: [1; 16] }))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_write_at_once_and_a_reader_misses_nothing() {
    on_neo4j(async |ground| {
        let stores = [Arc::new(ground.open().await), Arc::new(ground.open().await)];
        let done = Arc::new(AtomicBool::new(false));
        let third = ground.open().await;
        let reader = tokio::spawn(follow_outbox(third.outbox(), done.clone()));
        // Everybody follows the two hubs, and half of them think better of it, through whichever process.
        let tasks = (0..8_i64).map(|task| {
            let stores = stores.clone();
            tokio::spawn(async move {
                for i in 0..40 {
                    let (store, follower) = (&stores[usize::try_from(i % 2).unwrap()], 100 + task * 40 + i);
                    for hub in [1, 2] {
                        let written = store.follow(&cx(), write(follower, hub, i)).await.unwrap();
                        assert!(written.relation.following && written.position > 0);
                    }
                    if i % 4 == 0 {
                        store.unfollow(&cx(), write(follower, 1, i)).await.unwrap();
                    }
                }
            })
        });
        for task in join_all(tasks.collect::<Vec<_>>()).await {
            task.unwrap();
        }
        done.store(true, Ordering::SeqCst);
        let seen = reader.await.unwrap();
        let positions: Vec<i64> = seen.iter().map(|event| event.position).collect();
        let expected: Vec<i64> = (1..=8 * 40 * 2 + 8 * 10).collect();
        assert_eq!(positions, expected);
        assert_eq!(seen.iter().map(|event| event.id).collect::<BTreeSet<_>>().len(), seen.len());
        let counts = stores[0].counts(&cx(), &[AccountId(1), AccountId(2)]).await.unwrap();
        assert_eq!(counts, [Counts { followers: 240, following: 0 }, Counts { followers: 320, following: 0 }]);
        assert_eq!(third.outbox().last_position(&cx()).await.unwrap(), 720);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn storms_on_hot_accounts_end_well_from_two_processes() {
    on_neo4j(async |ground| {
        let stores = [Arc::new(ground.open().await), Arc::new(ground.open().await)];
        let storm = |task: i64| {
            let store: Arc<Neo4jGraph> = stores[usize::try_from(task % 2).unwrap()].clone();
            async move {
                for i in 0..25 {
                    let (a, b) = if (task + i) % 3 == 0 { (1, 2) } else { (2, 1) };
                    let done = match (task + 2 * i) % 5 {
                        0 => store.block(&cx(), write(a, b, i)).await,
                        1 => store.unblock(&cx(), write(a, b, i)).await,
                        2 => store.unfollow(&cx(), write(a, b, i)).await,
                        _ => store.follow(&cx(), write(a, b, i)).await,
                    };
                    let circle = store.circle(&cx(), AccountId(a), 10).await.unwrap();
                    let relation = circle.relation(AccountId(b));
                    assert!(!relation.is_blocked() || !(relation.following || relation.followed_by), "{relation:?}");
                    if let Err(error) = done {
                        assert!(error.is(reason::BLOCKED), "{error}");
                    }
                }
            }
        };
        for task in join_all((0..8).map(|task| tokio::spawn(storm(task)))).await {
            task.unwrap();
        }
        assert_consistent(&*stores[0], 2).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_request_through_two_processes_has_one_effect() {
    on_neo4j(async |ground| {
        let stores = [ground.open().await, ground.open().await];
        for n in 1..=20 {
            let (one, two) = (request(n), request(n));
            let at = |at: i64| Write { at: Timestamp(1_800_000_000_000 + at), ..write(1, n + 1, 0) };
            let (first, second) = tokio::join!(stores[0].follow(&one, at(1)), stores[1].follow(&two, at(2)));
            assert_eq!(first.unwrap(), second.unwrap());
        }
        assert_eq!(stores[0].outbox().last_position(&cx()).await.unwrap(), 20);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_service_runs_on_it() {
    on_neo4j(async |ground| {
        let store = StoreAddress::Server(ground.address.clone());
        let w = World::with(Config { store, ..Config::default() }).await;
        let (relationship, token) = w.follow(1, 2).await.unwrap();
        assert!(relationship.following && token.to_string() == "graph=1");
        assert_eq!((w.counts(1).await, w.counts(2).await), ((0, 1), (1, 0)));
        w.block(2, 1).await.unwrap();
        assert!(w.follow(1, 2).await.unwrap_err().is(reason::BLOCKED));
        assert_eq!(w.told().await, ["Followed 1", "Unfollowed 1", "Blocked 2"]);
        let names: Vec<&str> = w.app.gauges().iter().map(|gauge| gauge.name).collect();
        for name in ["neo4j_connections_busy", "neo4j_breaker_open", "neo4j_write_queue_length"] {
            assert!(names.contains(&name), "{names:?}");
        }
        w.app.close().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_process_writes_leaves_the_cache_within_seconds() {
    on_neo4j(async |ground| {
        let here = ground.cached(100, 1 << 20).await.store;
        let there = ground.open().await;
        here.follow(&cx(), write(1, 2, 1)).await.unwrap();
        for round in 0..3 {
            for blocked in [true, false] {
                // Fills the cache.
                here.relations(&cx(), AccountId(1), &[AccountId(2)]).await.unwrap();
                let change = write(2, 1, round);
                if blocked { there.block(&cx(), change).await } else { there.unblock(&cx(), change).await }.unwrap();
                let shown = || async {
                    let relation = here.relations(&cx(), AccountId(1), &[AccountId(2)]).await.unwrap()[0];
                    (relation.blocked_by == blocked).then_some(())
                };
                wait::within(Duration::from_secs(5), "the other's change to show", shown).await;
            }
        }
    })
    .await;
}

/// A page of a large account must not walk its other edges: the server counts what a query touches.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_of_a_large_account_is_quick() {
    on_neo4j(async |ground| {
        let store = ground.open().await;
        let next = AtomicI64::new(10);
        let crowd = (0..64).map(|_| async {
            for _ in 0..80 {
                let follower = next.fetch_add(1, Ordering::Relaxed);
                store.follow(&cx(), write(follower, 1, follower / 3)).await.unwrap();
            }
        });
        let began = tokio::time::Instant::now();
        join_all(crowd).await;
        println!("5,120 follows of 64 callers took {:?}", began.elapsed());
        assert_eq!(store.counts(&cx(), &[AccountId(1)]).await.unwrap()[0].followers, 5_120);

        let (mut all, mut after) = (BTreeSet::new(), EdgeKey::FIRST);
        loop {
            let page = store.edges(&cx(), AccountId(1), Direction::Followers, after, 500).await.unwrap();
            let Some(last) = page.last() else { break };
            after = last.key();
            all.extend(page.iter().map(|edge| edge.other.get()));
        }
        assert_eq!(all.len(), 5_120);
        let page = store.ids(&cx(), AccountId(1), Direction::Followers, AccountId(0), 5_000).await.unwrap();
        assert_eq!(page.len(), 5_000);
        let slow = Cx::background("test", Duration::from_secs(60));
        while store.erase(&slow, AccountId(1), 1_000).await.unwrap() == 1_000 {}
        assert!(store.held(&cx(), AccountId(0), 10).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_that_panics_fails_alone() {
    on_neo4j(async |ground| {
        let armed = Arc::new(AtomicBool::new(true));
        let seen = armed.clone();
        let on_change = move |_: &[AccountId]| assert!(!seen.swap(false, Ordering::SeqCst), "armed");
        let store = ground.open_with(Env::system(), Arc::new(on_change)).await;
        let error = store.follow(&cx(), write(1, 2, 1)).await.unwrap_err();
        assert!(error.is(reason::INTERNAL), "{error}");
        assert!(store.follow(&cx(), write(1, 3, 1)).await.unwrap().relation.following);
    })
    .await;
}
