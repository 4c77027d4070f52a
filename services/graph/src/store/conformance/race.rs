//! Writes at the same time.

use std::sync::Arc;

use futures::future::join_all;
use plaza_core::{AccountId, Env, ManualClock, Timestamp, reason};

use super::model::{Op, action, assert_consistent, random_ops, write_of};
use super::{Subject, cx};
use crate::domain::Relation;
use crate::store::GraphStore;

async fn perform(store: Arc<dyn GraphStore>, op: Op, at: i64) {
    let (refused, cx) = ([reason::BLOCKED, reason::ACCOUNT_NOT_FOUND, reason::FOLLOW_REQUEST_NOT_FOUND], cx());
    let done = match op {
        Op::Erase(..) => Ok(()),
        op => store.change(&cx, action(op, at), write_of(op, at)).await.map(drop),
    };
    if let Err(error) = done {
        assert!(refused.iter().any(|reason| error.is(*reason)), "{op:?}: {error}");
    }
    // Readers in between fill the caches, if there are any.
    store.relations(&cx, AccountId(1), &[AccountId(2), AccountId(3)]).await.unwrap();
}

pub(super) async fn writes_of_one_pair_at_once_stay_consistent(s: Subject) {
    let env = Env::manual(ManualClock::new(Timestamp(1_800_000_000_000)), 11);
    let tasks = (0..24).map(|task| {
        let (store, ops) = (s.store.clone(), random_ops(&env, 3, 40));
        tokio::spawn(async move {
            for op in ops {
                perform(store.clone(), op, task).await;
            }
        })
    });
    for task in join_all(tasks.collect::<Vec<_>>()).await {
        task.unwrap();
    }
    assert_consistent(&*s.store, 3).await;
}

pub(super) async fn a_follow_never_stands_across_a_block(s: Subject) {
    for round in 0..50 {
        let (a, b) = (2 * round + 1, 2 * round + 2);
        let tasks = [
            tokio::spawn(perform(s.store.clone(), Op::Follow(a, b), round)),
            tokio::spawn(perform(s.store.clone(), Op::Block(b, a), round)),
            tokio::spawn(perform(s.store.clone(), Op::Follow(b, a), round)),
        ];
        for task in join_all(tasks).await {
            task.unwrap();
        }
        let relation = s.store.relations(&cx(), AccountId(a), &[AccountId(b)]).await.unwrap();
        assert_eq!(relation, [Relation { blocked_by: true, ..Relation::default() }], "round {round}");
    }
    assert_consistent(&*s.store, 100).await;
}
