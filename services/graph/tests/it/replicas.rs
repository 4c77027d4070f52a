//! Two replicas with a cache each over one store: what one writes, the other shows.

use std::path::Path;
use std::time::Duration;

use plaza_core::{AccountId, Cx, Env, Position, Token};
use plaza_events::{Follow as _, Followed, Freshness};
use plaza_graph::domain::{Limits, Relation, Write};
use plaza_graph::projections::CachedCircles;
use plaza_graph::store::cached::Circles;
use plaza_graph::store::{CachedGraph, GraphStore, SqliteGraph};
use plaza_stores::{CacheOptions, StoreAddress};
use tokio::time::Instant;

use super::support::START;

const ONE: AccountId = AccountId(1);
const OTHER: AccountId = AccountId(2);

fn cx() -> Cx {
    Cx::background("test", Duration::from_secs(10))
}

struct Replica {
    store: CachedGraph<SqliteGraph>,
    follow: CachedCircles,
    followed: Followed,
}

impl Replica {
    fn open(file: &Path) -> Self {
        let (ttl, jitter) = (Duration::from_secs(600), Duration::from_secs(60));
        let options = CacheOptions { name: "circles", max_weight: 1 << 20, ttl, jitter };
        let circles = Circles::new(options, 1_000, Env::system());
        let engine = SqliteGraph::open(&StoreAddress::sqlite(file), Env::system(), circles.invalidation()).unwrap();
        let freshness = Freshness::of(true, &["graph"]);
        let followed = freshness.followed().unwrap().clone();
        followed.heard(Instant::now());
        let store = CachedGraph::new(engine, circles.clone()).with_freshness(freshness);
        Self { store, follow: CachedCircles::new(circles), followed }
    }

    /// Takes in all events that there are, as its follower does.
    async fn follow(&self) {
        let events = self.store.outbox().read_after(&cx(), 0, 1_000).await.unwrap();
        self.follow.apply(&cx(), &events).await.unwrap();
        self.followed.raise(events.iter().map(|event| (event.source.as_str(), event.position)));
        self.followed.heard(Instant::now());
    }

    /// How each of the two stands to the other.
    async fn relations(&self, cx: &Cx) -> [Relation; 2] {
        let there = self.store.relations(cx, ONE, &[OTHER]).await.unwrap()[0];
        [there, self.store.relations(cx, OTHER, &[ONE]).await.unwrap()[0]]
    }
}

#[tokio::test]
async fn a_token_gets_past_the_cache_and_events_clear_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("graph.db");
    let (writer, reader) = (Replica::open(&file), Replica::open(&file));
    let mut now = reader.relations(&cx()).await;
    let (actor, target, limits) = (ONE, OTHER, Limits::NONE);
    let write = Write { actor, target, target_exists: true, target_protected: false, at: START, limits };
    for step in 0..5 {
        let written = match step {
            0 | 2 => writer.store.follow(&cx(), write).await,
            1 => writer.store.unfollow(&cx(), write).await,
            3 => writer.store.block(&cx(), write).await,
            _ => writer.store.unblock(&cx(), write).await,
        };
        written.unwrap();
        let position: Position = writer.store.outbox().last_position(&cx()).await.unwrap();
        let with_token = cx().with_token(Token::parse(&format!("graph={position}")).unwrap());
        let then = writer.relations(&cx()).await;
        assert_ne!(then, now, "{step}");
        assert_eq!(reader.relations(&cx()).await, now, "{step}: whoever did not write may get what is kept");
        assert_eq!(reader.relations(&with_token).await, then, "{step}: whoever wrote gets what is");
        reader.follow().await;
        assert_eq!(reader.relations(&cx()).await, then, "{step}: the event made it forget");
        now = then;
    }
    writer.store.follow(&cx(), write).await.unwrap();
    assert_eq!(reader.relations(&cx()).await, now);
    reader.follow.forget_all();
    assert_eq!(reader.relations(&cx()).await, writer.relations(&cx()).await, "events were missed");
}
