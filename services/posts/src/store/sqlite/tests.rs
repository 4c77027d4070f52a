//! The embedded engine against the contract, and what only it can tell of itself.

use std::sync::Arc;
use std::time::Duration;

use plaza_core::{AccountId, Cx, Env, ManualClock, PostId, Timestamp};
use plaza_stores::{SqlResultExt as _, Sqlite, StoreAddress};

use super::{MIGRATIONS, SqlitePosts};
use crate::domain::{Mark, Visibility};
use crate::store::conformance::{GRACE, Subject, cases, cases_with_grace};
use crate::store::{Cached, Changed, Changes, NewPost, Place, PostCache, PostStore};

/// No cache to keep up.
struct Nobody;

impl Changes for Nobody {
    fn changed(&self, _: &Changed) {}
}

fn env() -> (Arc<ManualClock>, Env) {
    let clock = ManualClock::new(Timestamp(1_800_000_000_000));
    (clock.clone(), Env::manual(clock, 1))
}

fn bare() -> (SqlitePosts, Arc<ManualClock>) {
    let (clock, env) = env();
    (SqlitePosts::open(&StoreAddress::Memory, env, Arc::new(Nobody)).unwrap(), clock)
}

fn cached() -> Subject {
    let (clock, env) = env();
    let cache = PostCache::new(env.clone(), 1 << 20, Duration::from_secs(600));
    let engine = SqlitePosts::open(&StoreAddress::Memory, env, cache.clone()).unwrap();
    Subject { store: Arc::new(Cached::new(engine, cache)), clock }
}

fn cx() -> Cx {
    Cx::background("test", Duration::from_secs(60))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_engine_keeps_the_contract() {
    for case in cases() {
        let (store, clock) = bare();
        let run = tokio::spawn((case.run)(Subject { store: Arc::new(store), clock }));
        run.await.unwrap_or_else(|e| panic!("{}: {e}", case.name));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_engine_with_grace_brings_posts_back() {
    for case in cases_with_grace() {
        let (store, clock) = bare();
        let bare = Subject { store: Arc::new(store.with_grace(GRACE)), clock };
        let (clock, env) = env();
        let cache = PostCache::new(env.clone(), 1 << 20, Duration::from_secs(600));
        let engine = SqlitePosts::open(&StoreAddress::Memory, env, cache.clone()).unwrap().with_grace(GRACE);
        let cached = Subject { store: Arc::new(Cached::new(engine, cache)), clock };
        for subject in [bare, cached] {
            let run = tokio::spawn((case.run)(subject));
            run.await.unwrap_or_else(|e| panic!("{}: {e}", case.name));
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_engine_behind_the_cache_keeps_the_contract() {
    for case in cases() {
        let run = tokio::spawn((case.run)(cached()));
        run.await.unwrap_or_else(|e| panic!("{}: {e}", case.name));
    }
}

fn post(text: &str) -> NewPost {
    NewPost::new(AccountId(1), text)
}

async fn text(store: &SqlitePosts, sql: &'static str) -> String {
    let read = |conn: &rusqlite::Connection| conn.query_row(sql, [], |row| row.get(0)).sql();
    store.db.read(&cx(), read).await.unwrap()
}

#[tokio::test]
async fn a_tombstone_holds_no_text_and_no_hashtag() {
    let (store, _) = bare();
    let id = store.publish(&cx(), post("#One #two #ONE @bob")).await.unwrap().post;
    store.publish(&cx(), post("#two")).await.unwrap();
    let tags = "SELECT group_concat(tag) FROM (SELECT tag FROM hashtags ORDER BY tag, post_id)";
    assert_eq!(text(&store, tags).await, "one,two,two");
    store.delete(&cx(), AccountId(1), id).await.unwrap();
    assert_eq!(text(&store, tags).await, "two");
    let rows = "SELECT group_concat(text || ':' || coalesce(spans, '-')) FROM posts WHERE deleted_at IS NOT NULL";
    assert_eq!(text(&store, rows).await, ":-");
    assert_eq!(text(&store, "SELECT CAST(count(*) AS TEXT) FROM post_counts").await, "1");
}

/// Each statement that lists or peeks goes down an index: no scan, no sort.
#[tokio::test]
async fn lists_are_read_off_indexes() {
    let (store, _) = bare();
    for (sql, index) in [
        (
            "SELECT id FROM posts INDEXED BY posts_public_by_author
             WHERE author_id = 1 AND id < 9 AND deleted_at IS NULL AND visibility IN (1, 3) ORDER BY id DESC LIMIT 3",
            "posts_public_by_author",
        ),
        (
            "SELECT id FROM posts INDEXED BY posts_for_followers_by_author
             WHERE author_id = 1 AND id < 9 AND deleted_at IS NULL AND visibility <> 4 ORDER BY id DESC LIMIT 3",
            "posts_for_followers_by_author",
        ),
        (
            "SELECT id FROM posts INDEXED BY posts_by_author WHERE author_id = 1 AND id < 9 AND deleted_at IS NULL
             ORDER BY id DESC LIMIT 3",
            "posts_by_author",
        ),
    ] {
        let plan = |conn: &rusqlite::Connection| {
            let mut statement = conn.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).sql()?;
            let lines = statement.query_map([], |row| row.get::<_, String>(3)).sql()?;
            lines.collect::<rusqlite::Result<Vec<_>>>().sql()
        };
        let plan = store.db.read(&cx(), plan).await.unwrap();
        assert_eq!(plan, [format!("SEARCH posts USING COVERING INDEX {index} (author_id=? AND id<?)")]);
    }
}

#[tokio::test]
async fn what_is_written_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let address = StoreAddress::sqlite(folder.path().join("posts.db"));
    let open = || SqlitePosts::open(&address, env().1, Arc::new(Nobody)).unwrap();
    let store = open();
    let id = store.publish(&cx(), post("kept #tag")).await.unwrap().post;
    store.close().await;
    let found = open().posts(&cx(), &[id]).await.unwrap().remove(0).unwrap();
    assert_eq!((found.text.as_str(), found.spans.len()), ("kept #tag", 1));
}

/// A file of the first release, brought up to date: posts, spans and likes stay.
#[tokio::test]
async fn a_file_of_the_first_schema_keeps_its_posts_and_likes() {
    let folder = tempfile::tempdir().unwrap();
    let address = StoreAddress::sqlite(folder.path().join("posts.db"));
    let old = Sqlite::open(address.sqlite_options().unwrap(), &MIGRATIONS[..3]).unwrap();
    let fill = |conn: &rusqlite::Connection| {
        conn.execute_batch(
            r#"INSERT INTO posts (id, author_id, text, spans, visibility, root_id)
               VALUES (7, 1, 'old @bob', '[[2,4,8,"bob"]]', 2, 7);
               INSERT INTO post_counts (post_id, likes) VALUES (7, 2);
               INSERT INTO likes (post_id, account_id, at) VALUES (7, 3, 1800000000000), (7, 4, 1800000000000)"#,
        )
        .sql()
    };
    old.write(&cx(), fill).await.unwrap();
    old.close().await;
    let store = SqlitePosts::open(&address, env().1, Arc::new(Nobody)).unwrap();
    let post = store.posts(&cx(), &[PostId(7)]).await.unwrap().remove(0).unwrap();
    assert_eq!(
        (post.text.as_str(), post.visibility, post.spans[0].value.as_str()),
        ("old @bob", Visibility::Followers, "bob")
    );
    assert_eq!(Some(post.counts), store.recount(&cx(), PostId(7)).await.unwrap());
    let newest = Place { id: i64::MAX, of: AccountId(0) };
    let likers = store.markers(&cx(), PostId(7), Mark::Like, newest, 10).await.unwrap();
    assert_eq!(
        likers.iter().map(|place| place.of.0).collect::<Vec<_>>(),
        [4, 3],
        "the same moment, and still in pages"
    );
    assert_eq!(PostId(likers[0].id).time(), Timestamp(1_800_000_000_000));
    let next = store.markers(&cx(), PostId(7), Mark::Like, likers[0], 10).await.unwrap();
    assert_eq!(next, likers[1..]);
}
