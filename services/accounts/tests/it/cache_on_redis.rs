//! Replicas with a cache in common.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use plaza_accounts::Config;
use plaza_core::{Error, reason};
use plaza_events::projection::{AuditOptions, audit, repair};
use plaza_proto::accounts::v1::*;
use plaza_stores::StoreAddress;
use plaza_testkit::{RedisKeys, Server, Store, wait};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::world::{World, guest, request_id, service, user};

/// Several processes on one store.
struct Replicas {
    folder: TempDir,
    /// Each draws numbers of its own.
    made: AtomicU64,
}

impl Replicas {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), made: AtomicU64::new(1) }
    }

    async fn replica(&self, cache: &str) -> World {
        let store = StoreAddress::sqlite(self.folder.path().join("accounts.db"));
        let config = Config { store, cache: cache.parse().unwrap(), ..Config::ephemeral() };
        World::seeded(config, self.made.fetch_add(1, Ordering::SeqCst)).await
    }
}

async fn bio(w: &World, account_id: i64) -> Result<String, Error> {
    w.get(&guest(), account_id).await.map(|account| account.bio)
}

async fn edit(w: &World, account_id: i64, n: u128, bio: &str) {
    let account = Some(Account { bio: bio.to_owned(), ..Account::default() });
    let update_mask = Some(prost_types::FieldMask { paths: vec!["bio".to_owned()] });
    let request =
        UpdateProfileRequest { request_id: request_id(n), account_id, account, update_mask, etag: String::new() };
    w.client.update_profile(&user(account_id), request).await.unwrap();
}

/// Waits until the cache answers, and holds the account.
async fn cached(w: &World, account_id: i64) {
    let projection = w.app.projections().remove(0).0;
    wait::within(Duration::from_secs(10), "a copy", || async {
        bio(w, account_id).await.unwrap();
        projection.digests(&service(), &[account_id]).await.unwrap()[0]
    })
    .await;
}

#[tokio::test]
async fn what_one_replica_writes_another_shows_at_once() {
    let Some(keys) = RedisKeys::on(Store::RedisCache) else { return };
    let replicas = Replicas::new();
    let (one, two) = (replicas.replica(&keys.address()).await, replicas.replica(&keys.address()).await);
    let ada = one.join("ada").await.account_id;
    for w in [&one, &two] {
        cached(w, ada).await;
    }
    for n in 1..=20 {
        let (writer, reader) = if n % 2 == 0 { (&one, &two) } else { (&two, &one) };
        edit(writer, ada, n, &format!("round {n}")).await;
        assert_eq!(bio(reader, ada).await.unwrap(), format!("round {n}"));
    }
    let by_handle = || GetAccountByHandleRequest { handle: "ada".to_owned() };
    two.client.get_account_by_handle(&guest(), by_handle()).await.unwrap();
    let delete = DeleteAccountRequest { request_id: request_id(99), account_id: ada };
    one.client.delete_account(&user(ada), delete).await.unwrap();
    assert!(bio(&two, ada).await.unwrap_err().is(reason::ACCOUNT_NOT_FOUND));
    let gone = two.client.get_account_by_handle(&guest(), by_handle()).await.unwrap_err();
    assert!(gone.is(reason::ACCOUNT_NOT_FOUND));
}

#[tokio::test]
async fn without_redis_accounts_are_read_and_written_and_no_old_copy_comes_back() {
    let Some(mut server) = Server::start(Store::Redis).await else { return };
    let replicas = Replicas::new();
    let one = replicas.replica(&server.address()).await;
    let ada = one.join("ada").await.account_id;
    cached(&one, ada).await;
    server.kill().await;
    let start = Instant::now();
    for n in 1..=20 {
        edit(&one, ada, n, &format!("round {n}")).await;
        assert_eq!(bio(&one, ada).await.unwrap(), format!("round {n}"));
    }
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    server.restart().await;
    cached(&one, ada).await;
    assert_eq!(bio(&one, ada).await.unwrap(), "round 20");
    server.pause();
    let start = Instant::now();
    for n in 21..=40 {
        edit(&one, ada, n, &format!("round {n}")).await;
        assert_eq!(bio(&one, ada).await.unwrap(), format!("round {n}"));
    }
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    server.resume();
    cached(&one, ada).await;
    assert_eq!(bio(&one, ada).await.unwrap(), "round 40");
}

#[tokio::test]
async fn what_a_process_could_not_tell_the_cache_its_event_tells() {
    let Some(keys) = RedisKeys::on(Store::RedisCache) else { return };
    let replicas = Replicas::new();
    let one = replicas.replica(&keys.address()).await;
    let (ada, bob) = (one.join("ada").await.account_id, one.join("bob").await.account_id);
    for id in [ada, bob] {
        cached(&one, id).await;
    }
    // A process that knows nothing of the cache is one that died before it told it.
    let mute = replicas.replica("memory:").await;
    for (n, id) in [(1, ada), (2, bob)] {
        edit(&mute, id, n, "new").await;
        assert_eq!(bio(&one, id).await.unwrap(), "", "an old copy");
    }
    let (projection, _) = one.app.projections().remove(0);
    let told = one.app.outbox().read_after(&service(), 0, 100).await.unwrap();
    let of_ada: Vec<_> = told.into_iter().filter(|event| event.aggregate_id == ada).collect();
    projection.apply(&service(), &of_ada).await.unwrap();
    assert_eq!((bio(&one, ada).await.unwrap(), bio(&one, bob).await.unwrap()), ("new".to_owned(), String::new()));

    // What no event came for, an audit finds.
    let options = AuditOptions::default();
    let drifted = audit(&*projection, &one.env, &options).await.unwrap().keys();
    assert_eq!(drifted, [bob]);
    repair(&*projection, &drifted, &options).await.unwrap();
    assert_eq!(bio(&one, bob).await.unwrap(), "new");
    assert!(mute.app.projections().is_empty());
}
