//! Reads from a replica: here a second schema that gets the rows of the first when the test says so.

use std::sync::Arc;
use std::time::Duration;

use plaza_core::{AccountId, Cx, Env, ManualClock, PostId, Token};
use sqlx::AssertSqlSafe;

use super::support::{Nobody, Schema, address, clock, cx, like, new, unlike};
use crate::domain::{Mark, PostRef, Sight};
use crate::store::{END, PostStore, PostgresPosts};

const AUTHOR: AccountId = AccountId(1);

struct Pair {
    primary: Schema,
    replica: Schema,
    store: PostgresPosts,
    clock: Arc<ManualClock>,
}

impl Pair {
    async fn new() -> Option<Self> {
        let (primary, replica, clock) = (Schema::new()?, Schema::new()?, clock());
        // Makes the tables.
        replica.open(&clock, 1).await.close().await;
        let env = Env::manual(clock.clone(), 2);
        let store = PostgresPosts::open(&primary.address, Some(&replica.address), env, Arc::new(Nobody)).await.unwrap();
        Some(Self { primary, replica, store, clock })
    }

    /// Brings the replica up to date.
    async fn replay(&self) {
        let schema = "SELECT current_schema()::text";
        let mut to = self.replica.connect().await;
        let from: String = sqlx::query_scalar(schema).fetch_one(&mut self.primary.connect().await).await.unwrap();
        let copy = |table| format!("TRUNCATE {table}; INSERT INTO {table} SELECT * FROM {from}.{table};");
        let sql: String = ["posts", "marks"].map(copy).concat();
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut to).await.unwrap();
    }

    async fn publish(&self) -> PostId {
        self.clock.advance(10_000);
        self.store.publish(&cx(), new(AUTHOR.0, "a")).await.unwrap().post
    }

    async fn page(&self, cx: &Cx, before: PostId) -> Vec<PostId> {
        let ids = self.store.ids_by_author(cx, AUTHOR, Sight::Everything, before, 10).await.unwrap();
        let refs = self.store.refs(cx, &[AUTHOR], before, 10).await.unwrap();
        assert_eq!(refs, ids.iter().map(|post| PostRef { post: *post, author: AUTHOR }).collect::<Vec<_>>());
        ids
    }
}

/// A call whose caller has seen a write.
fn seen() -> Cx {
    let mut token = Token::default();
    token.require("posts", 1);
    cx().with_token(token)
}

#[tokio::test]
async fn a_replica_serves_what_it_is_sure_of_to_calls_without_a_token() {
    let Some(pair) = Pair::new().await else { return };
    let mut posts = Vec::new();
    for _ in 0..4 {
        posts.push(pair.publish().await);
    }
    pair.replay().await;
    // So that it can be told who answers: on the primary the first post is gone.
    pair.store.delete(&cx(), AUTHOR, posts[0]).await.unwrap();
    assert_eq!(pair.page(&cx(), posts[1]).await, [posts[0]], "from the replica");
    let seen = seen();
    assert_eq!(pair.page(&seen, posts[1]).await, [], "a token asks for the primary");
    assert_eq!(pair.page(&cx(), posts[3]).await, [posts[2], posts[1]], "the replica may not have all below");
    let newest = pair.publish().await;
    assert_eq!(pair.page(&cx(), END).await, [newest, posts[3], posts[2], posts[1]], "the newest may be kept in caches");
    assert_eq!(pair.page(&cx(), newest).await, [posts[3], posts[2], posts[1]], "nor that it is behind");
}

#[tokio::test]
async fn posts_come_from_the_primary_and_likes_without_a_token_from_the_replica() {
    let Some(pair) = Pair::new().await else { return };
    let post = pair.publish().await;
    pair.store.set_mark(&cx(), like(7, post)).await.unwrap();
    pair.replay().await;
    pair.store.set_mark(&cx(), unlike(7, post)).await.unwrap();
    assert_eq!(pair.store.marked(&cx(), AccountId(7), &[post]).await.unwrap(), [(post, Mark::Like)]);
    let seen = seen();
    assert_eq!(pair.store.marked(&seen, AccountId(7), &[post]).await.unwrap(), []);
    assert_eq!(pair.store.posts(&cx(), &[post]).await.unwrap().remove(0).unwrap().counts.likes, 0);
}

#[tokio::test]
async fn without_its_replica_the_primary_answers() {
    let Some(schema) = Schema::new() else { return };
    let (clock, nowhere) = (clock(), address(&"postgres://postgres@127.0.0.1:1/postgres".parse().unwrap()));
    let env = Env::manual(clock.clone(), 1);
    let store = PostgresPosts::open(&schema.address, Some(&nowhere), env, Arc::new(Nobody)).await.unwrap();
    let post = store.publish(&cx(), new(AUTHOR.0, "a")).await.unwrap().post;
    clock.advance(60_000);
    let soon = || Cx::background("test", Duration::from_secs(5));
    let before = store.publish(&cx(), new(2, "b")).await.unwrap().post;
    assert_eq!(store.ids_by_author(&soon(), AUTHOR, Sight::Everything, before, 10).await.unwrap(), [post]);
    assert_eq!(store.marked(&soon(), AUTHOR, &[post]).await.unwrap(), []);
}
