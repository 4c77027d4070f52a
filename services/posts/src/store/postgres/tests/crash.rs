//! The server killed under load.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::future::join_all;
use parking_lot::Mutex;
use plaza_core::{AccountId, Cx, PostId, RequestKey, reason};
use plaza_testkit::{Server, Store, wait};
use uuid::Uuid;

use super::support::{Schema, cx, like, new, number};
use crate::store::{PostStore, PostgresPosts, Published};

const CALLERS: u128 = 16;
/// How soon after the server is back everything works again.
const RECOVERY: Duration = Duration::from_secs(10);

/// What was acknowledged.
#[derive(Default)]
struct Answers {
    posts: BTreeMap<u128, Published>,
    likes: BTreeSet<(PostId, AccountId)>,
}

fn request(n: u128, method: &'static str) -> Cx {
    let key = RequestKey { caller: 1, request_id: Uuid::from_u128(n), method, digest: [1; 16] };
    Cx::background("test", Duration::from_secs(1)).with_request(Some(key))
}

/// Publishes and likes until told to stop; every call that gets no answer is made again with the same request.
async fn load(
    store: Arc<PostgresPosts>,
    caller: u128,
    hot: PostId,
    ended: Arc<AtomicBool>,
    answers: Arc<Mutex<Answers>>,
) {
    let mut turn = 0;
    while !ended.load(Ordering::Relaxed) {
        let n = caller + CALLERS * turn;
        let account = i64::try_from(1_000 + n).unwrap();
        turn += 1;
        let published = again(|| {
            let store = &store;
            async move { store.publish(&request(2 * n, "CreatePost"), new(account, "kept")).await }
        });
        let published = published.await;
        assert_eq!(answers.lock().posts.insert(n, published), None);
        again(|| {
            let store = &store;
            async move { store.set_mark(&request(2 * n + 1, "LikePost"), like(account, hot)).await }
        })
        .await;
        answers.lock().likes.insert((hot, AccountId(account)));
    }
}

/// Tries until there is an answer. Until then only that the server is away may be said.
async fn again<T, F: Future<Output = plaza_core::Result<T>>>(mut call: impl FnMut() -> F) -> T {
    wait::until("an answer", || {
        let answer = call();
        async move {
            match answer.await {
                Ok(answer) => Some(answer),
                Err(error) => {
                    let away = error.is(reason::STORE_UNAVAILABLE) || error.is(reason::DEADLINE_EXCEEDED);
                    assert!(away || error.is(reason::OVERLOADED), "{error:?}");
                    None
                }
            }
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_loses_nothing_acknowledged_and_nothing_happens_twice() {
    let Some(mut server) = Server::start(Store::Postgres).await else { return };
    let schema = Schema::on(&server.address());
    let stores = [schema.process().await, schema.process().await];
    let hot = stores[0].publish(&cx(), new(1, "hot")).await.unwrap().post;
    let (ended, answers) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Answers::default())));
    let callers: Vec<_> = (0..CALLERS)
        .map(|n| {
            let store = stores[usize::from(n % 2 == 0)].clone();
            tokio::spawn(load(store, n, hot, ended.clone(), answers.clone()))
        })
        .collect();
    for round in 1..=3 {
        let so_far = answers.lock().posts.len();
        wait::until("work", async || (answers.lock().posts.len() > so_far + 100).then_some(())).await;
        server.kill().await;
        let down = Cx::background("test", Duration::from_secs(1));
        let refused = wait::within(RECOVERY, "a refusal", async || stores[0].posts(&down, &[hot]).await.err()).await;
        assert!(refused.is(reason::STORE_UNAVAILABLE) || refused.is(reason::DEADLINE_EXCEEDED), "{refused:?}");
        server.restart().await;
        let all_at_work = answers.lock().posts.len() + 100;
        wait::within(RECOVERY, &format!("recovery {round}"), async || {
            (answers.lock().posts.len() > all_at_work).then_some(())
        })
        .await;
    }
    ended.store(true, Ordering::Relaxed);
    for caller in join_all(callers).await {
        caller.unwrap();
    }
    let answers = std::mem::take(&mut *answers.lock());
    check(&schema, &stores[0], hot, &answers).await;
}

async fn check(schema: &Schema, store: &PostgresPosts, hot: PostId, answers: &Answers) {
    let mut conn = schema.connect().await;
    let ids: BTreeSet<PostId> = answers.posts.values().map(|published| published.post).collect();
    assert_eq!(ids.len(), answers.posts.len());
    let stored: Vec<i64> =
        sqlx::query_scalar("SELECT id FROM posts WHERE author_id <> 1").fetch_all(&mut conn).await.unwrap();
    assert_eq!(stored.into_iter().map(PostId).collect::<BTreeSet<_>>(), ids);
    for once in [
        "SELECT count(*) FROM outbox WHERE type LIKE '%PostCreated'",
        "SELECT count(DISTINCT aggregateid) FROM outbox WHERE type LIKE '%PostCreated'",
    ] {
        assert_eq!(number(&mut conn, once).await, i64::try_from(ids.len() + 1).unwrap(), "{once}");
    }
    let likes = i64::try_from(answers.likes.len()).unwrap();
    assert_eq!(number(&mut conn, "SELECT count(*) FROM outbox WHERE type LIKE '%PostLiked'").await, likes);
    let kept = store.posts(&cx(), &[hot]).await.unwrap().remove(0).unwrap().counts;
    assert_eq!((Some(kept), kept.likes), (store.recount(&cx(), hot).await.unwrap(), likes));
}
