//! The projection `graph-erasure`.

use std::sync::Arc;

use plaza_core::{Error, reason};
use plaza_events::projection::{AuditOptions, RebuildOptions, audit, rebuild, repair};
use plaza_events::{Digest, Event, NewEvent, Projection};
use plaza_proto::accounts::v1::{AccountCreated, AccountDeleted};
use plaza_proto::graph::v1::Relationship;

use crate::support::{World, nobody, service, service_for, stranger, user};

fn erasure(w: &World) -> Arc<dyn Projection> {
    w.app.projections().remove(0).0
}

fn deleted(w: &World, position: i64, account_id: i64) -> Event {
    NewEvent::new(&w.env, None, "account", account_id, &AccountDeleted { account_id }).placed("accounts", position)
}

/// 5 follows 1 and 2, 1 and 3 follow 5, 5 blocks 4, 6 blocks 5; and 1 follows 2.
async fn populate(w: &World) {
    for (a, b) in [(5, 1), (5, 2), (1, 5), (3, 5), (1, 2)] {
        w.follow(a, b).await.unwrap();
    }
    w.block(5, 4).await.unwrap();
    w.block(6, 5).await.unwrap();
}

#[tokio::test]
async fn a_deleted_account_is_erased_once() {
    let w = World::new().await;
    let erasure = erasure(&w);
    assert_eq!((erasure.name(), erasure.sources()), ("graph-erasure", &["accounts"][..]));
    populate(&w).await;
    // Fills the cache.
    assert!(w.relationships(&user(1), &[5]).await[0].following);
    w.accounts.delete(5);
    let before = w.told().await.len();
    let event = deleted(&w, 9, 5);
    // Twice in one batch, and once again: the first does it.
    erasure.apply(&service(), &[event.clone(), event.clone()]).await.unwrap();
    erasure.apply(&service(), &[event]).await.unwrap();

    assert_eq!(
        w.relationships(&user(1), &[5, 2]).await,
        [stranger(5), Relationship { following: true, ..stranger(2) }]
    );
    assert_eq!(w.relationships(&service_for(4), &[5]).await, [stranger(5)]);
    assert_eq!((w.counts(5).await, w.counts(1).await, w.counts(2).await), ((0, 0), (0, 1), (1, 0)));
    let mut told = w.told().await.split_off(before);
    told.sort();
    let expected = ["Unblocked 5", "Unblocked 6", "Unfollowed 1", "Unfollowed 3", "Unfollowed 5", "Unfollowed 5"];
    assert_eq!(told, expected);
}

#[tokio::test]
async fn other_events_erase_nothing_and_the_right_one_needs_no_answer_of_accounts() {
    let w = World::new().await;
    populate(&w).await;
    let created = NewEvent::new(&w.env, None, "account", 5, &AccountCreated { account_id: 5 }).placed("accounts", 1);
    erasure(&w).apply(&service(), &[created]).await.unwrap();
    assert_eq!(w.counts(5).await, (2, 2));
    w.accounts.delete(5);
    w.accounts.faults.fail(Error::new(reason::PEER_UNAVAILABLE));
    erasure(&w).apply(&service(), &[deleted(&w, 2, 5)]).await.unwrap();
    assert_eq!(w.counts(5).await, (0, 0));
}

#[tokio::test]
async fn an_event_that_cannot_be_read_is_a_permanent_failure() {
    let w = World::new().await;
    let broken = Event { payload: vec![0xff].into(), ..deleted(&w, 1, 5) };
    assert!(erasure(&w).keys(&broken).is_empty());
    let error = erasure(&w).apply(&service(), &[broken]).await.unwrap_err();
    assert!(!error.is_transient());
}

#[tokio::test]
async fn a_follow_that_was_under_way_leaves_nothing_behind() {
    let w = World::new().await;
    w.accounts.delete(5);
    erasure(&w).apply(&service(), &[deleted(&w, 1, 5)]).await.unwrap();
    // As if the write had looked before the deletion.
    w.accounts.add([5]);
    assert!(w.follow(1, 5).await.unwrap_err().is(reason::ACCOUNT_NOT_FOUND));
    assert!(w.follow(5, 1).await.unwrap_err().is(reason::ACCOUNT_NOT_FOUND));
    assert!(w.told().await.is_empty());
}

#[tokio::test]
async fn an_audit_finds_what_an_event_missed_and_a_repair_mends_it() {
    let w = World::new().await;
    populate(&w).await;
    let (erasure, options) = (erasure(&w), AuditOptions { page: 2, ..AuditOptions::default() });
    let clean = audit(&*erasure, &w.env, &options).await.unwrap();
    assert_eq!((clean.checked, clean.drifts.len()), (6, 0));
    w.accounts.delete(5);
    w.accounts.delete(4);
    let found = audit(&*erasure, &w.env, &options).await.unwrap();
    assert_eq!(found.keys(), [4, 5]);
    assert_eq!((found.drifts[0].truth, found.drifts[0].derived), (Digest(0), Some(Digest(1))));
    repair(&*erasure, &found.keys(), &options).await.unwrap();
    let after = audit(&*erasure, &w.env, &options).await.unwrap();
    assert_eq!((after.checked, after.drifts.len()), (2, 0));
    assert_eq!(erasure.digests(&service(), &[5, 1, 4]).await.unwrap(), [None, Some(Digest(1)), None]);
}

#[tokio::test]
async fn a_rebuild_erases_all_that_are_gone() {
    let w = World::new().await;
    populate(&w).await;
    for gone in [5, 6] {
        w.accounts.delete(gone);
    }
    let options = RebuildOptions { page: 3, ..RebuildOptions::default() };
    rebuild(&*erasure(&w), &w.env, &options, 0, |_| {}).await.unwrap();
    let followers = crate::lists::followers(&w, &nobody(), 2, 10).await;
    assert_eq!(followers.iter().map(|edge| edge.account_id).collect::<Vec<_>>(), [1]);
    assert_eq!(w.counts(1).await, (0, 1));
}
