//! Rebuild, audit, repair.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use plaza_core::{Env, Error, reason};

use super::support::{Copy, QUICK, Truth, env};
use crate::projection::{AuditOptions, Drift, Progress, RebuildOptions, audit, rebuild, repair};

const REBUILD: RebuildOptions =
    RebuildOptions { page: 10, timeout: std::time::Duration::from_secs(30), tries: 4, backoff: QUICK };

async fn world(things: i64) -> (Env, Truth, Arc<Copy>) {
    let (_, env) = env();
    let truth = Truth::new(&env);
    for id in 1..=things {
        truth.set(id * 3, id).await;
    }
    let copy = Copy::of(&truth);
    (env, truth, copy)
}

fn options() -> AuditOptions {
    AuditOptions { page: 10, ..AuditOptions::default() }
}

#[tokio::test]
async fn a_rebuild_goes_through_the_truth_and_resumes_where_it_failed() {
    let (env, truth, copy) = world(55).await;
    copy.poison.lock().push(35 * 3);
    let mut told = Vec::new();
    let failed = rebuild(&*copy, &env, &REBUILD, 0, |progress| told.push(progress)).await;
    assert!(!failed.unwrap_err().is_transient());
    assert_eq!(told.last(), Some(&Progress { last_key: 90, keys: 30 }));
    assert_eq!(copy.held().len(), 30);

    copy.poison.lock().clear();
    copy.faults.fail_next(3, Error::new(reason::STORE_UNAVAILABLE));
    let done = rebuild(&*copy, &env, &REBUILD, 90, |progress| told.push(progress)).await.unwrap();
    assert_eq!(done, Progress { last_key: 165, keys: 25 });
    assert_eq!(told.len(), 6);
    assert_eq!(copy.held(), truth.all().await);

    copy.faults.fail(Error::new(reason::STORE_UNAVAILABLE));
    assert!(rebuild(&*copy, &env, &REBUILD, 0, |_| {}).await.is_err(), "not for ever");
}

#[tokio::test]
async fn an_audit_finds_drift_and_a_repair_ends_it() {
    let (env, truth, copy) = world(55).await;
    rebuild(&*copy, &env, &REBUILD, 0, |_| {}).await.unwrap();
    let clean = audit(&*copy, &env, &options()).await.unwrap();
    assert_eq!((clean.checked, clean.drifts.len(), clean.truncated), (55, 0, false));

    copy.held.lock().insert(9, 1_000);
    copy.held.lock().remove(&12);
    copy.held.lock().insert(150, -1);
    let found = audit(&*copy, &env, &options()).await.unwrap();
    assert_eq!(found.keys(), [9, 150], "what is not held is no drift of a copy that fills on demand");
    copy.absence_is_drift.store(true, Ordering::SeqCst);
    let found = audit(&*copy, &env, &options()).await.unwrap();
    assert_eq!(found.keys(), [9, 12, 150]);
    assert!(matches!(found.drifts[1], Drift { key: 12, derived: None, .. }));

    repair(&*copy, &found.keys(), &options()).await.unwrap();
    assert_eq!(copy.held(), truth.all().await);
    assert!(audit(&*copy, &env, &options()).await.unwrap().drifts.is_empty());
}

#[tokio::test]
async fn an_audit_is_bounded_and_can_sample() {
    let (env, _, copy) = world(200).await;
    copy.absence_is_drift.store(true, Ordering::SeqCst);
    let bounded = audit(&*copy, &env, &AuditOptions { max_drifts: 15, ..options() }).await.unwrap();
    assert_eq!((bounded.drifts.len(), bounded.truncated, bounded.checked), (15, true, 20));
    let sampled = audit(&*copy, &env, &AuditOptions { sample_per_mille: 500, ..options() }).await.unwrap();
    assert!(sampled.checked > 0 && sampled.skipped > 0);
    assert_eq!(sampled.checked + sampled.skipped, 200);
    assert_eq!(sampled.drifts.len() as u64, sampled.checked);
}
