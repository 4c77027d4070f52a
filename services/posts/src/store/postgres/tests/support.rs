//! A schema of its own for each test.

use std::sync::Arc;
use std::time::Duration;

use plaza_core::{AccountId, Cx, Env, ManualClock, PostId, Timestamp};
use plaza_stores::postgres::Scratch;
use plaza_stores::{ServerAddress, ServerKind, StoreAddress};
use plaza_testkit::Store;
use sqlx::PgConnection;

use crate::domain::Mark;
use crate::store::{Cached, Changed, Changes, MarkChange, NewPost, PostCache, PostgresPosts};

/// No cache to keep up.
pub(super) struct Nobody;

impl Changes for Nobody {
    fn changed(&self, _: &Changed) {}
}

/// A schema that goes with the test, if there is a server to test on.
pub(super) struct Schema {
    scratch: Scratch,
    pub(super) address: ServerAddress,
}

impl Schema {
    pub(super) fn new() -> Option<Self> {
        Some(Self::on(&Store::Postgres.address()?))
    }

    pub(super) fn on(server: &str) -> Self {
        let scratch = Scratch::new(server, Store::unique_name());
        let address = address(&scratch.address().unwrap());
        Self { scratch, address }
    }

    pub(super) async fn open(&self, clock: &Arc<ManualClock>, seed: u64) -> PostgresPosts {
        let env = Env::manual(clock.clone(), seed);
        PostgresPosts::open(&self.address, None, env, Arc::new(Nobody)).await.unwrap()
    }

    /// A store as a process of its own has it: with the machine's clock and chance.
    pub(super) async fn process(&self) -> Arc<PostgresPosts> {
        let store = PostgresPosts::open(&self.address, None, Env::system(), Arc::new(Nobody)).await;
        Arc::new(store.unwrap())
    }

    pub(super) async fn cached(&self, clock: &Arc<ManualClock>) -> Cached<PostgresPosts> {
        let env = Env::manual(clock.clone(), 1);
        let cache = PostCache::new(env.clone(), 1 << 20, Duration::from_secs(600));
        let engine = PostgresPosts::open(&self.address, None, env, cache.clone()).await.unwrap();
        Cached::new(engine, cache)
    }

    /// A connection that sees the schema's tables.
    pub(super) async fn connect(&self) -> PgConnection {
        self.scratch.connect().await.unwrap()
    }
}

pub(super) fn address(store: &StoreAddress) -> ServerAddress {
    store.server(ServerKind::Postgres).unwrap().clone()
}

pub(super) fn clock() -> Arc<ManualClock> {
    ManualClock::new(Timestamp(1_800_000_000_000))
}

pub(super) fn cx() -> Cx {
    Cx::background("test", Duration::from_secs(60))
}

/// What a statement without parameters finds in the schema's tables.
pub(super) async fn number(conn: &mut PgConnection, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(conn).await.unwrap()
}

pub(super) fn like(account: i64, post: PostId) -> MarkChange {
    MarkChange { mark: Mark::Like, post, account: AccountId(account), set: true }
}

pub(super) fn unlike(account: i64, post: PostId) -> MarkChange {
    MarkChange { set: false, ..like(account, post) }
}

pub(super) fn reply(author: i64, text: &str, to: PostId) -> NewPost {
    NewPost { reply_to: Some(to), ..new(author, text) }
}

pub(super) fn new(author: i64, text: &str) -> NewPost {
    NewPost::new(AccountId(author), text)
}
