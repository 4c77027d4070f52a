//! Two processes on one database.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::join_all;
use plaza_core::{AccountId, Cx, Env, Error, PostId, RequestKey, reason};
use plaza_events::Outbox;
use plaza_proto::posts::v1::{PostLiked, PostUnliked};
use plaza_testkit::wait;
use uuid::Uuid;

use super::support::{Schema, clock, cx, like, new, number, reply, unlike};
use crate::domain::Counts;
use crate::store::{PostStore, PostgresPosts};

type Two = [Arc<PostgresPosts>; 2];

async fn two(schema: &Schema) -> Two {
    [schema.process().await, schema.process().await]
}

/// What nothing may leave behind, whatever raced with what.
async fn assert_sound(schema: &Schema, store: &PostgresPosts) {
    let mut conn = schema.connect().await;
    let living: Vec<i64> =
        sqlx::query_scalar("SELECT id FROM posts WHERE deleted_at IS NULL").fetch_all(&mut conn).await.unwrap();
    for id in living.into_iter().map(PostId) {
        let kept = store.posts(&cx(), &[id]).await.unwrap().remove(0).unwrap();
        assert_eq!(Some(kept.counts), store.recount(&cx(), id).await.unwrap(), "counters of {id}");
    }
    for of_the_dead in [
        "SELECT count(*) FROM post_counts JOIN posts ON id = post_id WHERE deleted_at IS NOT NULL",
        "SELECT count(*) FROM hashtags JOIN posts ON id = post_id WHERE deleted_at IS NOT NULL",
        "SELECT count(*) FROM marks JOIN posts ON posts.id = post_id WHERE deleted_at IS NOT NULL",
        "SELECT count(*) FROM posts WHERE deleted_at IS NOT NULL AND text <> ''",
    ] {
        assert_eq!(number(&mut conn, of_the_dead).await, 0, "{of_the_dead}");
    }
    assert_eq!(liked(&mut conn).await, told(&*store.outbox()).await, "events against rows");
}

/// Who likes which living post.
async fn liked(conn: &mut sqlx::PgConnection) -> BTreeSet<(i64, i64)> {
    let rows = "SELECT post_id, account_id FROM marks JOIN posts ON posts.id = post_id WHERE deleted_at IS NULL";
    sqlx::query_as(rows).fetch_all(conn).await.unwrap().into_iter().collect()
}

/// Who likes which living post, by the events alone, each of which must change something.
async fn told(outbox: &dyn Outbox) -> BTreeSet<(i64, i64)> {
    let (mut living, mut after) = (BTreeMap::<i64, BTreeSet<i64>>::new(), 0);
    let last = outbox.last_position(&cx()).await.unwrap();
    while after < last {
        let events = wait::until("events to be readable", async || {
            Some(outbox.read_after(&cx(), after, 500).await.unwrap()).filter(|events| !events.is_empty())
        });
        for event in events.await {
            assert!(event.position > after);
            after = event.position;
            let post = event.aggregate_id;
            match event.type_.rsplit('.').next().unwrap() {
                "PostCreated" => assert_eq!(living.insert(post, BTreeSet::new()), None),
                "PostDeleted" => assert!(living.remove(&post).is_some()),
                "PostLiked" => {
                    let account = event.decode::<PostLiked>().unwrap().unwrap().account_id;
                    assert!(living.get_mut(&post).unwrap().insert(account), "{account} liked {post} twice");
                }
                _ => {
                    let account = event.decode::<PostUnliked>().unwrap().unwrap().account_id;
                    assert!(living.get_mut(&post).unwrap().remove(&account), "{account} did not like {post}");
                }
            }
        }
    }
    living.into_iter().flat_map(|(post, accounts)| accounts.into_iter().map(move |account| (post, account))).collect()
}

/// Errors that a race may bring about; any other fails the test.
fn expected(error: &Error) -> bool {
    [reason::POST_NOT_FOUND, reason::REPLY_TARGET_NOT_FOUND, reason::ACCOUNT_NOT_FOUND].iter().any(|r| error.is(*r))
}

fn settle<T>(result: Result<T, Error>) -> Option<T> {
    result.map_err(|error| assert!(expected(&error), "{error:?}")).ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_replicas_leave_counts_that_equal_a_recount() {
    let Some(schema) = Schema::new() else { return };
    let stores = two(&schema).await;
    let mut targets = Vec::new();
    for author in 1..=12 {
        targets.push(stores[0].publish(&cx(), new(author, "#hot")).await.unwrap().post);
    }
    let env = Env::system();
    let tasks = (0..64_i64).map(|task| {
        let (stores, targets, env) = (stores.clone(), targets.clone(), env.clone());
        tokio::spawn(async move {
            for _ in 0..60 {
                let store = &stores[usize::try_from(env.below(2)).unwrap()];
                step(store, &env, 1 + task % 20, &targets).await;
            }
        })
    });
    for task in join_all(tasks.collect::<Vec<_>>()).await {
        task.unwrap();
    }
    assert_sound(&schema, &stores[1]).await;
}

async fn step(store: &PostgresPosts, env: &Env, account: i64, targets: &[PostId]) {
    let target = targets[usize::try_from(env.below(12)).unwrap()];
    match env.below(20) {
        0..=7 => drop(settle(store.set_mark(&cx(), like(account, target)).await)),
        8..=12 => drop(settle(store.set_mark(&cx(), unlike(account, target)).await)),
        13..=17 => {
            let published = settle(store.publish(&cx(), reply(account, "#reply", target)).await);
            if let Some(published) = published.filter(|_| env.below(3) == 0) {
                settle(store.delete(&cx(), AccountId(account), published.post).await);
            }
        }
        18 if env.below(4) == 0 => drop(settle(store.delete(&cx(), AccountId(account), target).await)),
        _ if env.below(30) == 0 => {
            store.erase_posts(&cx(), AccountId(account), 50).await.unwrap();
            store.erase_marks(&cx(), AccountId(account), 50).await.unwrap();
        }
        _ => drop(store.posts(&cx(), targets).await.unwrap()),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_erasure_leaves_nothing_of_what_was_under_way() {
    let Some(schema) = Schema::new() else { return };
    let stores = two(&schema).await;
    let target = stores[0].publish(&cx(), new(1, "target")).await.unwrap().post;
    for account in 100..120 {
        let writes = (0..24).map(|n| {
            let store = stores[n % 2].clone();
            tokio::spawn(async move {
                settle(store.publish(&cx(), reply(account, "a", target)).await);
                settle(store.set_mark(&cx(), like(account, target)).await);
            })
        });
        let writes: Vec<_> = writes.collect();
        let erasure = async |store: &PostgresPosts| {
            while store.erase_posts(&cx(), AccountId(account), 5).await.unwrap() >= 5 {}
            while store.erase_marks(&cx(), AccountId(account), 5).await.unwrap() >= 5 {}
        };
        tokio::join!(erasure(&stores[0]), erasure(&stores[1]));
        assert_eq!(stores[0].held_among(&cx(), &[AccountId(account)]).await.unwrap(), []);
        for write in writes {
            write.await.unwrap();
        }
        assert_eq!(stores[0].held_among(&cx(), &[AccountId(account)]).await.unwrap(), [], "nothing comes late");
    }
    assert_eq!(stores[1].recount(&cx(), target).await.unwrap(), Some(Counts::default()));
    assert_sound(&schema, &stores[0]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deletion_is_not_kept_waiting_by_likes_and_replies_without_end() {
    let Some(schema) = Schema::new() else { return };
    let stores = two(&schema).await;
    for round in 0..5 {
        let hot = stores[0].publish(&cx(), new(1, "hot")).await.unwrap().post;
        let ended = Arc::new(AtomicBool::new(false));
        let busy = (0..32_i64).map(|n| {
            let (store, ended) = (stores[usize::try_from(n % 2).unwrap()].clone(), ended.clone());
            tokio::spawn(async move {
                for turn in 0_i64.. {
                    if ended.load(Ordering::Relaxed) {
                        return;
                    }
                    let (account, is_like) = (10 + n, turn % 2 == 0);
                    let change = if is_like { like(account, hot) } else { unlike(account, hot) };
                    settle(store.set_mark(&cx(), change).await);
                    settle(store.publish(&cx(), reply(account, "a", hot)).await);
                }
            })
        });
        let busy: Vec<_> = busy.collect();
        wait::until("likes and replies", async || {
            let counts = stores[0].recount(&cx(), hot).await.unwrap().unwrap();
            (counts.likes > 0 && counts.replies > 20).then_some(())
        })
        .await;
        let soon = Cx::background("test", Duration::from_secs(5));
        stores[1].delete(&soon, AccountId(1), hot).await.unwrap();
        let late = stores[round % 2].set_mark(&cx(), like(9, hot)).await.unwrap_err();
        assert!(late.is(reason::POST_NOT_FOUND));
        ended.store(true, Ordering::Relaxed);
        join_all(busy).await;
    }
    assert_sound(&schema, &stores[0]).await;
}

/// However the clocks of the processes differ, a call that begins after another was answered gets the higher id.
#[tokio::test]
async fn ids_rise_from_one_replica_to_the_next_whatever_their_clocks_say() {
    let Some(schema) = Schema::new() else { return };
    let (right, ahead) = (clock(), clock());
    ahead.advance(3_600_000);
    let stores = [schema.open(&right, 1).await, schema.open(&ahead, 2).await];
    let (mut last, mut first) = (PostId(0), None);
    for n in 0..60 {
        let store = &stores[n * n % 7 % 2];
        let published = match first {
            Some(target) if n % 5 == 0 => store.publish(&cx(), reply(2, "b", target)).await.unwrap(),
            _ => store.publish(&cx(), new(1, "a")).await.unwrap(),
        };
        assert!(published.post > last, "{n}");
        last = published.post;
        first.get_or_insert(published.post);
        right.advance(7);
    }
    assert!(last.time() < ahead_by(&ahead), "ids stay near the highest, however many are drawn above it");
}

fn ahead_by(clock: &plaza_core::ManualClock) -> plaza_core::Timestamp {
    plaza_core::Clock::now(clock).plus_ms(100)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_request_to_two_replicas_has_one_effect() {
    let Some(schema) = Schema::new() else { return };
    let stores = two(&schema).await;
    let with = |n: u128, method, digest| {
        let key = RequestKey { caller: 1, request_id: Uuid::from_u128(n), method, digest: [digest; 16] };
        cx().with_request(Some(key))
    };
    for n in 0..10_u128 {
        let calls = (0..12).map(|call| {
            let (store, cx) = (stores[call % 2].clone(), with(n, "CreatePost", 1));
            tokio::spawn(async move { store.publish(&cx, new(1, "once")).await.unwrap() })
        });
        let answers: Vec<_> = join_all(calls).await.into_iter().map(Result::unwrap).collect();
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
        let other = stores[1].publish(&with(n, "CreatePost", 2), new(1, "other")).await.unwrap_err();
        assert!(other.is(reason::REQUEST_ID_REUSED));
    }
    let mut conn = schema.connect().await;
    assert_eq!(number(&mut conn, "SELECT count(*) FROM posts").await, 10);
    assert_sound(&schema, &stores[0]).await;
}
