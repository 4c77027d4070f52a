//! Writes at the same time.

use futures::future::join_all;
use plaza_core::{AccountId, Env, ManualClock, PostId, Timestamp, reason};

use super::{Subject, Told, cx, like, new, reply, request, unlike};
use crate::domain::Counts;

pub(super) async fn a_thousand_likes_of_one_post_at_once(s: Subject) {
    let id = s.publish(new(1, "hot")).await.post;
    let calls = (0..1_000).map(|n| {
        let s = s.clone();
        async move {
            let (account, cx) = (100 + n, cx());
            s.store.set_mark(&cx, like(account, id)).await.unwrap();
            match n % 10 {
                // Some change their mind, some twice, some say it twice.
                0 => drop(s.store.set_mark(&cx, unlike(account, id)).await.unwrap()),
                1 => {
                    s.store.set_mark(&cx, unlike(account, id)).await.unwrap();
                    s.store.set_mark(&cx, like(account, id)).await.unwrap();
                }
                2 => drop(s.store.set_mark(&cx, like(account, id)).await.unwrap()),
                3 => assert!(s.post(id).await.is_some()),
                _ => {}
            }
        }
    });
    join_all(calls).await;
    assert_eq!(s.counts(id).await, Some(Counts { likes: 900, replies: 0, ..Counts::default() }));
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
        0 => drop(s.store.set_mark(&cx(), like(account, target)).await.unwrap()),
        1 => drop(s.store.set_mark(&cx(), unlike(account, target)).await.unwrap()),
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

/// Calls of one account about one post, all at once: whatever their order is, each finds what the one before left.
pub(super) async fn likes_taken_back_at_once_are_told_in_turn(s: Subject) {
    let id = s.publish(new(1, "a")).await.post;
    let calls = (0..60).map(|n| {
        let s = s.clone();
        async move {
            let change = if n % 3 == 0 { unlike(2, id) } else { like(2, id) };
            s.store.set_mark(&cx(), change).await.unwrap().position.is_some()
        }
    });
    let changed = join_all(calls).await.into_iter().filter(|changed| *changed).count();
    let told: Vec<Told> = s.told().await.into_iter().skip(1).map(|(_, told)| told).collect();
    assert_eq!(told.len(), changed);
    for (n, told) in told.iter().enumerate() {
        assert_eq!(matches!(told, Told::Liked(..)), n % 2 == 0, "{n} of {changed}");
    }
    let likes = i64::try_from(changed % 2).unwrap();
    assert_eq!(s.counts(id).await, Some(Counts { likes, ..Counts::default() }));
}

pub(super) async fn one_request_many_times_at_once_has_one_effect(s: Subject) {
    let calls = (0..40).map(|n| {
        let s = s.clone();
        async move {
            let (digest, text) = if n % 4 == 3 { (2, "other") } else { (1, "first") };
            s.store.publish(&request(1, "CreatePost", digest), new(1, text)).await
        }
    });
    let (done, refused): (Vec<_>, Vec<_>) = join_all(calls).await.into_iter().partition(Result::is_ok);
    let done: Vec<_> = done.into_iter().map(Result::unwrap).collect();
    assert!(done.iter().all(|published| *published == done[0]));
    assert!(refused.iter().all(|refusal| refusal.as_ref().unwrap_err().is(reason::REQUEST_ID_REUSED)));
    assert!([10, 30].contains(&refused.len()), "{} of one request were refused", refused.len());
    assert_eq!(s.told().await.len(), 1);
}

/// What is liked and replied to is deleted meanwhile, by its author and by an erasure.
pub(super) async fn deletions_at_any_moment_leave_exact_counts(s: Subject) {
    let root = s.publish(new(9, "root")).await.post;
    for round in 0..6 {
        let author = 100 + round;
        let target = s.publish(reply(author, "target", root)).await.post;
        let writers = (0..24).map(|n| {
            let s = s.clone();
            async move {
                let account = 10 + n;
                let liked = s.store.set_mark(&cx(), like(account, target)).await;
                let replied = s.store.publish(&cx(), reply(account, "reply", target)).await;
                assert!(liked.is_ok() || replied.is_err(), "what is gone does not come back");
                s.store.set_mark(&cx(), like(account, root)).await.unwrap();
            }
        });
        let deletion = async {
            if round % 2 == 0 {
                s.store.delete(&cx(), AccountId(author), target).await.unwrap();
            } else {
                assert_eq!(s.store.erase_posts(&cx(), AccountId(author), 10).await.unwrap(), 1);
            }
        };
        futures::join!(join_all(writers), deletion);
        assert_eq!(s.counts(target).await, None);
        assert_eq!(s.counts(root).await, Some(Counts { likes: 24, replies: 0, ..Counts::default() }));
    }
    let mut dead = Vec::new();
    for (_, told) in s.told().await {
        match told {
            Told::Deleted(post, ..) => dead.push(post),
            Told::Liked(post, ..) => assert!(!dead.contains(&post), "{post} is liked after its end"),
            _ => {}
        }
    }
}
