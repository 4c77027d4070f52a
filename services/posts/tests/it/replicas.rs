//! Two replicas with a cache each over one store: what one writes, the other shows.

use std::path::Path;
use std::time::Duration;

use plaza_core::{AccountId, Cx, Env, Position, PostId, Token};
use plaza_events::{Follow as _, Followed, Freshness};
use plaza_posts::domain::{Counts, Mark, Sight};
use plaza_posts::projections::CachedPosts;
use plaza_posts::store::{Cached, MarkChange, NewPost, PostCache, PostStore, SqlitePosts};
use plaza_stores::StoreAddress;
use tokio::time::Instant;

const AUTHOR: AccountId = AccountId(1);
const FAR: PostId = PostId(i64::MAX);

fn cx() -> Cx {
    Cx::background("test", Duration::from_secs(10))
}

fn cx_with(position: Position) -> Cx {
    cx().with_token(Token::parse(&format!("posts={position}")).unwrap())
}

struct Replica {
    store: Cached<SqlitePosts>,
    follow: CachedPosts,
    followed: Followed,
}

impl Replica {
    fn open(file: &Path) -> Self {
        let cache = PostCache::new(Env::system(), 1 << 20, Duration::from_secs(600));
        let engine = SqlitePosts::open(&StoreAddress::sqlite(file), Env::system(), cache.clone()).unwrap();
        let freshness = Freshness::of(true, &["posts"]);
        let followed = freshness.followed().unwrap().clone();
        followed.heard(Instant::now());
        let store = Cached::new(engine, cache.clone()).with_freshness(freshness);
        Self { store, follow: CachedPosts::new(cache), followed }
    }

    /// Takes in the events up to `position`, as its follower does.
    async fn follow(&self, position: Position) {
        let mut events = self.store.outbox().read_after(&cx(), 0, 1_000).await.unwrap();
        events.retain(|event| event.position <= position);
        self.follow.apply(&cx(), &events).await.unwrap();
        self.followed.raise(events.iter().map(|event| (event.source.as_str(), event.position)));
        self.followed.heard(Instant::now());
    }

    async fn counts(&self, cx: &Cx, post: PostId) -> Option<Counts> {
        self.store.posts(cx, &[post]).await.unwrap().remove(0).map(|post| post.counts)
    }

    async fn listed(&self, cx: &Cx) -> Vec<PostId> {
        self.store.ids_by_author(cx, AUTHOR, Sight::Public, FAR, 10).await.unwrap()
    }

    /// The counts of `post` and the author's list, as a call with `cx` gets them.
    async fn shows(&self, cx: &Cx, post: PostId) -> (Option<Counts>, Vec<PostId>) {
        (self.counts(cx, post).await, self.listed(cx).await)
    }
}

fn post(reply_to: Option<PostId>) -> NewPost {
    NewPost { reply_to, ..NewPost::new(AUTHOR, "a") }
}

#[tokio::test]
async fn a_token_gets_past_the_cache_and_events_clear_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("posts.db");
    let (writer, reader) = (Replica::open(&file), Replica::open(&file));
    let first = writer.store.publish(&cx(), post(None)).await.unwrap();
    let mut now = (Some(Counts::default()), vec![first.post]);
    reader.follow(first.position).await;
    assert_eq!(reader.shows(&cx(), first.post).await, now, "and keeps it");

    let mut reply = None;
    for step in 0..4 {
        let like = MarkChange { mark: Mark::Like, post: first.post, account: AccountId(2), set: step == 0 };
        let position = match step {
            0 | 1 => writer.store.set_mark(&cx(), like).await.unwrap().position.unwrap(),
            2 => {
                let published = writer.store.publish(&cx(), post(Some(first.post))).await.unwrap();
                reply = Some(published.post);
                published.position
            }
            _ => writer.store.delete(&cx(), AUTHOR, reply.unwrap()).await.unwrap().position,
        };
        let counts = Counts { likes: i64::from(step == 0), replies: i64::from(step == 2), ..Counts::default() };
        let listed = if step == 2 { vec![reply.unwrap(), first.post] } else { vec![first.post] };
        let then = (Some(counts), listed);
        assert_eq!(reader.shows(&cx(), first.post).await, now, "{step}: whoever did not write may get what is kept");
        assert_eq!(reader.shows(&cx_with(position), first.post).await, then, "{step}: whoever wrote gets what is");
        assert_eq!(writer.shows(&cx(), first.post).await, then, "{step}: and so does the writer's replica");
        reader.follow(position).await;
        assert_eq!(reader.shows(&cx(), first.post).await, then, "{step}: the event made it forget");
        assert_eq!(reader.shows(&cx_with(position), first.post).await, then);
        now = then;
    }

    let deleted = writer.store.delete(&cx(), AUTHOR, first.post).await.unwrap();
    assert!(reader.counts(&cx(), first.post).await.is_some());
    assert_eq!(reader.shows(&cx_with(deleted.position), first.post).await, (None, Vec::new()));
    reader.follow.forget_all();
    assert_eq!(reader.shows(&cx(), first.post).await, (None, Vec::new()), "events were missed");
}

#[tokio::test]
async fn a_replica_that_hears_nothing_keeps_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("posts.db");
    let (writer, reader) = (Replica::open(&file), Replica::open(&file));
    let first = writer.store.publish(&cx(), post(None)).await.unwrap();
    reader.shows(&cx(), first.post).await;
    let like = MarkChange { mark: Mark::Like, post: first.post, account: AccountId(2), set: true };
    writer.store.set_mark(&cx(), like).await.unwrap();
    assert_eq!(reader.counts(&cx(), first.post).await, Some(Counts::default()));
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(6)).await;
    tokio::time::resume();
    assert_eq!(reader.counts(&cx(), first.post).await.unwrap().likes, 1);
}
