//! The projection `posts-erasure`.

use std::sync::Arc;

use plaza_core::{Error, reason};
use plaza_events::projection::{AuditOptions, RebuildOptions, audit, rebuild, repair};
use plaza_events::{Event, NewEvent, Projection};
use plaza_proto::accounts::v1::{AccountDeleted, ProfileUpdated};

use crate::support::{World, nobody, service, user};

fn erasure(w: &World) -> Arc<dyn Projection> {
    w.app.projections().remove(0).0
}

fn deleted(w: &World, position: i64, account_id: i64) -> Event {
    NewEvent::new(&w.env, None, "account", account_id, &AccountDeleted { account_id }).placed("accounts", position)
}

/// Account 2 has a post that everybody likes and replies to; account 5 has more posts and likes than one batch.
async fn populate(w: &World) -> (i64, Vec<i64>) {
    let target = w.post(2, w.text("target")).await;
    let mut own = Vec::new();
    for _ in 0..7 {
        own.push(w.post(5, w.reply("#own", target)).await);
    }
    for id in own.iter().chain([&target]) {
        w.like(5, *id).await.unwrap();
        w.like(3, *id).await.unwrap();
    }
    (target, own)
}

async fn assert_erased(w: &World, target: i64, own: &[i64]) {
    assert_eq!(w.batch(&user(3), own).await.unwrap(), []);
    let post = w.get(&user(3), target).await.unwrap();
    assert_eq!((post.like_count, post.reply_count, post.liked), (1, 0, true));
    assert_eq!(w.recount(target).await, Some((1, 0)));
}

#[tokio::test]
async fn a_deleted_account_is_erased_once() {
    let w = World::new().await;
    let erasure = erasure(&w);
    assert_eq!((erasure.name(), erasure.sources()), ("posts-erasure", &["accounts"][..]));
    let (target, own) = populate(&w).await;
    // Fills the cache.
    assert_eq!(w.batch(&user(3), &own).await.unwrap().len(), 7);
    w.accounts.delete(5);
    let before = w.told().await.len();
    let event = deleted(&w, 9, 5);
    erasure.apply(&service(), &[event.clone(), event.clone()]).await.unwrap();
    erasure.apply(&service(), &[event]).await.unwrap();
    assert_erased(&w, target, &own).await;
    let mut told = w.told().await.split_off(before);
    told.sort();
    let mut expected: Vec<_> = own.iter().map(|id| ("PostDeleted".to_owned(), *id)).collect();
    expected.push(("PostUnliked".to_owned(), target));
    assert_eq!(told, expected);
    assert!(w.create(5, w.text("late")).await.unwrap_err().is(reason::ACCOUNT_NOT_FOUND));
}

#[tokio::test]
async fn an_account_that_stands_keeps_everything() {
    let w = World::new().await;
    let (target, own) = populate(&w).await;
    let told = w.told().await;
    let other = NewEvent::new(&w.env, None, "account", 5, &ProfileUpdated { account_id: 5 }).placed("accounts", 1);
    erasure(&w).apply(&service(), &[other]).await.unwrap();
    erasure(&w).project(&service(), &[2, 3, 5]).await.unwrap();
    assert_eq!(w.told().await, told);
    assert_eq!(w.batch(&nobody(), &own).await.unwrap().len(), 7);
    assert_eq!(w.recount(target).await, Some((2, 7)));
}

#[tokio::test]
async fn without_accounts_a_repair_erases_nothing_and_the_next_does_it() {
    let w = World::new().await;
    let (target, own) = populate(&w).await;
    w.accounts.delete(5);
    let told = w.told().await;
    w.accounts.faults.fail_next(1, Error::new(reason::PEER_UNAVAILABLE));
    assert!(erasure(&w).project(&service(), &[5]).await.unwrap_err().is(reason::PEER_UNAVAILABLE));
    assert_eq!(w.told().await, told);
    erasure(&w).project(&service(), &[5]).await.unwrap();
    assert_erased(&w, target, &own).await;
}

#[tokio::test]
async fn an_audit_finds_and_a_rebuild_erases_what_no_event_told() {
    let w = World::new().await;
    let (erasure, options) = (erasure(&w), AuditOptions::default());
    let (target, own) = populate(&w).await;
    assert_eq!(audit(&*erasure, &w.env, &options).await.unwrap().keys(), Vec::<i64>::new());
    w.accounts.delete(5);
    let drifted = audit(&*erasure, &w.env, &options).await.unwrap().keys();
    assert_eq!(drifted, [5]);
    repair(&*erasure, &drifted, &options).await.unwrap();
    assert_erased(&w, target, &own).await;
    assert_eq!(audit(&*erasure, &w.env, &options).await.unwrap().keys(), Vec::<i64>::new());
    w.accounts.delete(2);
    rebuild(&*erasure, &w.env, &RebuildOptions::default(), 0, |_| {}).await.unwrap();
    assert!(w.get(&nobody(), target).await.unwrap_err().is(reason::POST_NOT_FOUND));
}
