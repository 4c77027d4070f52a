//! The conformance suite, bare and behind the cache.

use std::sync::Arc;

use super::support::{Schema, clock};
use crate::store::conformance::{GRACE, Subject, cases, cases_with_grace};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_keeps_the_contract() {
    for case in cases() {
        let Some(schema) = Schema::new() else { return };
        let clock = clock();
        let store = Arc::new(schema.open(&clock, 1).await);
        let run = tokio::spawn((case.run)(Subject { store, clock }));
        run.await.unwrap_or_else(|e| panic!("{}: {e}", case.name));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_with_grace_brings_posts_back() {
    for case in cases_with_grace() {
        let Some(schema) = Schema::new() else { return };
        let clock = clock();
        let store = Arc::new(schema.open(&clock, 1).await.with_grace(GRACE));
        let run = tokio::spawn((case.run)(Subject { store, clock }));
        run.await.unwrap_or_else(|e| panic!("{}: {e}", case.name));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_behind_the_cache_keeps_the_contract() {
    for case in cases() {
        let Some(schema) = Schema::new() else { return };
        let clock = clock();
        let store = Arc::new(schema.cached(&clock).await);
        let run = tokio::spawn((case.run)(Subject { store, clock }));
        run.await.unwrap_or_else(|e| panic!("{}: {e}", case.name));
    }
}
