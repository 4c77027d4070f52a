//! Figures, on demand: `cargo test --release -p plaza-posts figures -- --ignored --nocapture`.

use std::time::Duration;

use futures::future::join_all;
use plaza_core::PostId;
use tokio::time::Instant;

use super::support::{Schema, cx, like, new, number};
use crate::store::PostStore;

const CALLERS: usize = 64;
const TIME: Duration = Duration::from_secs(5);

/// Has as many callers as there are call without a pause; says how often they did in a second.
async fn rate(what: &str, call: impl AsyncFn(usize, usize)) -> usize {
    let begin = Instant::now();
    let callers = (0..CALLERS).map(|caller| {
        let call = &call;
        async move {
            let mut turn = 0;
            while begin.elapsed() < TIME {
                call(caller, turn).await;
                turn += 1;
            }
            turn
        }
    });
    let calls: usize = join_all(callers).await.into_iter().sum();
    let seconds = begin.elapsed().as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "counts of calls are small")]
    let (rate, each) = (calls as f64 / seconds, seconds * 1e3 * CALLERS as f64 / calls as f64);
    println!("{what}: {rate:.0}/s, {each:.2} ms each");
    calls
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "measures for half a minute"]
async fn figures() {
    let Some(schema) = Schema::new() else { return };
    let (one, two) = (schema.process().await, schema.process().await);
    let mut conn = schema.connect().await;
    let number_of = |n: usize| i64::try_from(n).unwrap();
    rate("publish", async |caller, _| {
        one.publish(&cx(), new(number_of(caller), "some words of a post, with a #tag or two")).await.unwrap();
    })
    .await;
    let batches = number(&mut conn, "SELECT count(DISTINCT xmin::text) FROM posts").await;
    println!("  {} posts in {batches} transactions", number(&mut conn, "SELECT count(*) FROM posts").await);
    let ids: Vec<i64> = sqlx::query_scalar("SELECT id FROM posts LIMIT 1000").fetch_all(&mut conn).await.unwrap();
    let ids: Vec<PostId> = ids.into_iter().map(PostId).collect();
    let account = |caller: usize, turn: usize| number_of(1_000_000 + caller * 1_000_000 + turn);
    rate("likes of one post, one process", async |caller, turn| {
        one.set_mark(&cx(), like(account(caller, turn), ids[0])).await.unwrap();
    })
    .await;
    rate("likes of one post, two processes", async |caller, turn| {
        let store = if caller % 2 == 0 { &one } else { &two };
        store.set_mark(&cx(), like(account(caller, turn), ids[1])).await.unwrap();
    })
    .await;
    rate("likes of a thousand posts, two processes", async |caller, turn| {
        let store = if caller % 2 == 0 { &one } else { &two };
        let post = ids[(caller * 31 + turn * 7) % ids.len()];
        store.set_mark(&cx(), like(account(caller, turn), post)).await.unwrap();
    })
    .await;
    rate("hydrate ten posts", async |caller, turn| {
        let at = (caller * 13 + turn * 10) % (ids.len() - 10);
        assert_eq!(one.posts(&cx(), &ids[at..at + 10]).await.unwrap().len(), 10);
    })
    .await;
}
