//! Writes at the same time.

use futures::future::join_all;
use plaza_core::{AccountId, Env, ManualClock, PostId, Timestamp};

use super::{Subject, cx, like, new, reply, unlike};
use crate::domain::Counts;

pub(super) async fn a_thousand_likes_of_one_post_at_once(s: Subject) {
    let id = s.publish(new(1, "hot")).await.post;
    let calls = (0..1_000).map(|n| {
        let s = s.clone();
        async move {
            let (account, cx) = (100 + n, cx());
            s.store.set_like(&cx, like(account, id)).await.unwrap();
            match n % 10 {
                // Some change their mind, some twice, some say it twice.
                0 => drop(s.store.set_like(&cx, unlike(account, id)).await.unwrap()),
                1 => {
                    s.store.set_like(&cx, unlike(account, id)).await.unwrap();
                    s.store.set_like(&cx, like(account, id)).await.unwrap();
                }
                2 => drop(s.store.set_like(&cx, like(account, id)).await.unwrap()),
                3 => assert!(s.post(id).await.is_some()),
                _ => {}
            }
        }
    });
    join_all(calls).await;
    assert_eq!(s.counts(id).await, Some(Counts { likes: 900, replies: 0 }));
}

/// Readers in between fill the cache, if there is one; what they store must never outlive a write.
pub(super) async fn writers_and_readers_at_once_leave_exact_counts(s: Subject) {
    let mut targets = Vec::new();
    for _ in 0..5 {
        targets.push(s.publish(new(1, "target")).await.post);
    }
    let env = Env::manual(ManualClock::new(Timestamp(1_800_000_000_000)), 5);
    let tasks = (0..16).map(|task| {
        let (s, targets, env) = (s.clone(), targets.clone(), env.clone());
        tokio::spawn(async move {
            for _ in 0..60 {
                step(&s, &env, 10 + task, &targets).await;
            }
        })
    });
    for task in join_all(tasks.collect::<Vec<_>>()).await {
        task.unwrap();
    }
    for target in targets {
        assert!(s.counts(target).await.is_some());
    }
}

async fn step(s: &Subject, env: &Env, account: i64, targets: &[PostId]) {
    let target = targets[usize::try_from(env.below(5)).unwrap()];
    match env.below(5) {
        0 => drop(s.store.set_like(&cx(), like(account, target)).await.unwrap()),
        1 => drop(s.store.set_like(&cx(), unlike(account, target)).await.unwrap()),
        2 => {
            let id = s.publish(reply(account, "reply", target)).await.post;
            if env.below(2) == 0 {
                s.store.delete(&cx(), AccountId(account), id).await.unwrap();
                assert_eq!(s.post(id).await, None);
            }
        }
        _ => assert!(s.store.posts(&cx(), targets).await.unwrap().iter().all(Option::is_some)),
    }
}
