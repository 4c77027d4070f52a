//! The suite on the engine, bare and behind its cache.

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use plaza_core::{Env, ManualClock};
use plaza_graph::store::cached::Circles;
use plaza_graph::store::conformance::{Subject, cases};
use plaza_graph::store::{CachedGraph, GraphStore, SqliteGraph};
use plaza_stores::{CacheOptions, StoreAddress};

use crate::ground::{Ground, on_neo4j};
use crate::support::START;

pub(crate) fn bare() -> Subject {
    let clock = ManualClock::new(START);
    let env = Env::manual(clock.clone(), 1);
    let store = SqliteGraph::open(&StoreAddress::Memory, env, Arc::new(|_| {})).unwrap();
    Subject { store: Arc::new(store), clock }
}

/// Behind a cache that holds sides of up to `side_limit` edges and accounts of up to `max_weight` bytes in all.
pub(crate) fn cached(side_limit: usize, max_weight: u64) -> Subject {
    let clock = ManualClock::new(START);
    let env = Env::manual(clock.clone(), 1);
    let (ttl, jitter) = (Duration::from_secs(600), Duration::from_secs(60));
    let options = CacheOptions { name: "circles", max_weight, ttl, jitter };
    let circles = Circles::new(options, side_limit, env.clone());
    let engine = SqliteGraph::open(&StoreAddress::Memory, env, circles.invalidation()).unwrap();
    let store: Arc<dyn GraphStore> = Arc::new(CachedGraph::new(engine, circles));
    Subject { store, clock }
}

async fn run(subject: impl Fn() -> Subject) {
    for case in cases() {
        println!("{}", case.name);
        (case.run)(subject()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_keeps_the_contract() {
    run(bare).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_behind_the_cache_keeps_the_contract() {
    run(|| cached(1_000, 1 << 20)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_behind_a_tiny_cache_keeps_the_contract() {
    run(|| cached(2, 1_000)).await;
}

/// Each case on the emptied namespace.
async fn run_on_neo4j(subject: impl for<'g> Fn(&'g Ground) -> BoxFuture<'g, Subject>) {
    on_neo4j(async |ground| {
        for case in cases() {
            println!("{}", case.name);
            let subject = subject(&ground).await;
            (case.run)(subject.clone()).await;
            subject.store.close().await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neo4j_keeps_the_contract() {
    run_on_neo4j(|ground| Box::pin(ground.bare())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neo4j_behind_the_cache_keeps_the_contract() {
    run_on_neo4j(|ground| Box::pin(ground.cached(1_000, 1 << 20))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neo4j_behind_a_tiny_cache_keeps_the_contract() {
    run_on_neo4j(|ground| Box::pin(ground.cached(2, 1_000))).await;
}

#[tokio::test]
async fn a_file_keeps_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let address = StoreAddress::sqlite(folder.path().join("graph.db"));
    let env = Env::manual(ManualClock::new(START), 1);
    let open = || SqliteGraph::open(&address, env.clone(), Arc::new(|_| {})).unwrap();
    let (cx, store) = (plaza_graph::store::conformance::cx(), open());
    store.follow(&cx, plaza_graph::store::conformance::write(1, 2, 5)).await.unwrap();
    store.close().await;
    let again = open();
    let relations = again.relations(&cx, 1.into(), &[2.into()]).await.unwrap();
    assert!(relations[0].following);
    assert_eq!(again.outbox().last_position(&cx).await.unwrap(), 1);
}
