//! Copies in Redis, for all replicas. While Redis is away, reads go to the store.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, Env, Result};
use plaza_stores::redis::{Codec, Redis, RedisOptions, SharedCache, SharedCacheOptions};
use plaza_stores::{Gauge, ServerAddress};
use prost::Message;

use super::{AccountCache, load};
use crate::config::Config;
use crate::domain::{Account, Handle, Preferences};
use crate::store::{AccountStore, Changed};

/// Nobody waits longer for a copy: the store is there too.
const TIMEOUT: Duration = Duration::from_millis(250);

pub(crate) struct RedisCache {
    redis: Redis,
    accounts: SharedCache<Option<Arc<Account>>>,
    handles: SharedCache<Option<AccountId>>,
}

/// An account as it stands in Redis. A change of its fields' meaning needs another name of the cache.
#[derive(Clone, PartialEq, Message)]
struct AccountCopy {
    /// 0 if there is no such account.
    #[prost(int64, tag = "1")]
    id: i64,
    #[prost(string, tag = "2")]
    handle: String,
    #[prost(string, tag = "3")]
    email: String,
    #[prost(string, tag = "4")]
    display_name: String,
    #[prost(string, tag = "5")]
    bio: String,
    #[prost(int64, tag = "6")]
    version: i64,
    #[prost(int64, tag = "7")]
    created_at: i64,
    #[prost(int64, tag = "8")]
    updated_at: i64,
    #[prost(string, tag = "9")]
    avatar: String,
    #[prost(string, tag = "10")]
    header: String,
    #[prost(bool, tag = "11")]
    protected: bool,
    #[prost(bool, tag = "12")]
    discoverable: bool,
    #[prost(string, tag = "13")]
    language: String,
    #[prost(int32, tag = "14")]
    default_visibility: i32,
    #[prost(int64, optional, tag = "15")]
    deactivated_at: Option<i64>,
    #[prost(int64, optional, tag = "16")]
    delete_at: Option<i64>,
    #[prost(bool, tag = "17")]
    email_verified: bool,
    #[prost(string, repeated, tag = "18")]
    reading_languages: Vec<String>,
}

impl RedisCache {
    pub(crate) fn open(address: &ServerAddress, config: &Config, env: &Env) -> Result<Self> {
        let options = RedisOptions { command_timeout: TIMEOUT, ..RedisOptions::new("accounts-cache") };
        let redis = Redis::open(address, options)?;
        let (ttl, jitter) = config.cache_ttl();
        let options = |name| SharedCacheOptions { name, ttl, jitter };
        let accounts = Codec { encode: encode_account, decode: decode_account };
        let handles = Codec { encode: encode_id, decode: decode_id };
        Ok(Self {
            accounts: SharedCache::new(redis.clone(), options("accounts3"), env.clone(), accounts),
            handles: SharedCache::new(redis.clone(), options("handles"), env.clone(), handles),
            redis,
        })
    }

    #[cfg(test)]
    pub(super) async fn connected(&self, cx: &Cx) {
        self.redis.connected(cx).await.unwrap();
    }
}

fn name(id: AccountId) -> String {
    id.to_string()
}

#[async_trait]
impl AccountCache for RedisCache {
    async fn get(&self, cx: &Cx, store: &dyn AccountStore, id: AccountId) -> Result<Option<Arc<Account>>> {
        self.accounts.get_or_load(cx, name(id), || store.get(cx, id)).await
    }

    async fn batch_get(&self, cx: &Cx, store: &dyn AccountStore, ids: &[AccountId]) -> Result<Vec<Arc<Account>>> {
        let mut ids = ids.to_vec();
        ids.sort_unstable();
        ids.dedup();
        let names: Vec<String> = ids.iter().copied().map(name).collect();
        let missing = |at: Vec<usize>| {
            let missing: Vec<AccountId> = at.into_iter().map(|at| ids[at]).collect();
            async move { load(cx, store, &missing).await }
        };
        let accounts = self.accounts.get_many(cx, &names, missing).await?;
        Ok(accounts.into_iter().flatten().collect())
    }

    async fn id_by_handle(&self, cx: &Cx, store: &dyn AccountStore, handle: &Handle) -> Result<Option<AccountId>> {
        self.handles.get_or_load(cx, handle.key().to_owned(), || store.id_by_handle(cx, handle)).await
    }

    fn forget(&self, changed: &Changed) {
        self.accounts.forget([name(changed.id)]);
        self.handles.forget(changed.handle_keys.clone());
    }

    async fn settle(&self, cx: &Cx) {
        tokio::join!(self.accounts.settle(cx), self.handles.settle(cx));
    }

    async fn forget_now(&self, cx: &Cx, changed: &Changed) -> Result<()> {
        self.accounts.forget_now(cx, &[name(changed.id)]).await?;
        match changed.handle_keys.as_slice() {
            [] => Ok(()),
            keys => self.handles.forget_now(cx, keys).await,
        }
    }

    async fn held(&self, cx: &Cx, ids: &[AccountId]) -> Vec<Option<Option<Arc<Account>>>> {
        let names: Vec<String> = ids.iter().copied().map(name).collect();
        self.accounts.peek(cx, &names).await
    }

    fn forget_own(&self) {}

    fn is_shared(&self) -> bool {
        true
    }

    fn observe(&self) -> Vec<Gauge> {
        [self.redis.observe(), self.accounts.observe(), self.handles.observe()].concat()
    }

    async fn close(&self) {
        self.accounts.close().await;
        self.handles.close().await;
        self.redis.close().await;
    }
}

fn encode_account(account: &Option<Arc<Account>>) -> Vec<u8> {
    let copy = account.as_deref().cloned().map(|a| AccountCopy {
        id: a.id.get(),
        handle: a.handle,
        email: a.email,
        display_name: a.display_name,
        bio: a.bio,
        version: a.version,
        created_at: a.created_at,
        updated_at: a.updated_at,
        avatar: a.avatar,
        header: a.header,
        protected: a.preferences.protected,
        discoverable: a.preferences.discoverable,
        language: a.preferences.language,
        default_visibility: a.preferences.default_visibility,
        deactivated_at: a.deactivated_at,
        delete_at: a.delete_at,
        email_verified: a.email_verified,
        reading_languages: a.preferences.reading_languages,
    });
    copy.unwrap_or_default().encode_to_vec()
}

fn decode_account(bytes: &[u8]) -> Option<Option<Arc<Account>>> {
    let copy = AccountCopy::decode(bytes).ok()?;
    let account = (copy.id != 0).then_some(Account {
        id: AccountId(copy.id),
        handle: copy.handle,
        email: copy.email,
        display_name: copy.display_name,
        bio: copy.bio,
        version: copy.version,
        created_at: copy.created_at,
        updated_at: copy.updated_at,
        avatar: copy.avatar,
        header: copy.header,
        preferences: Preferences {
            protected: copy.protected,
            discoverable: copy.discoverable,
            language: copy.language,
            default_visibility: copy.default_visibility,
            reading_languages: copy.reading_languages,
        },
        deactivated_at: copy.deactivated_at,
        delete_at: copy.delete_at,
        email_verified: copy.email_verified,
    });
    Some(account.map(Arc::new))
}

#[expect(clippy::ref_option, reason = "the codec of a cache whose values are options")]
fn encode_id(id: &Option<AccountId>) -> Vec<u8> {
    id.map_or(0, AccountId::get).to_be_bytes().to_vec()
}

fn decode_id(bytes: &[u8]) -> Option<Option<AccountId>> {
    let id = i64::from_be_bytes(bytes.try_into().ok()?);
    Some((id != 0).then_some(AccountId(id)))
}

#[cfg(test)]
mod tests {
    use plaza_stores::{ServerKind, StoreAddress};
    use plaza_testkit::{RedisKeys, Store};

    use super::super::conformance::{Made, cx, suite};
    use super::*;

    async fn make(env: Env) -> Option<Made> {
        let keys = RedisKeys::on(Store::RedisCache)?;
        let address: StoreAddress = keys.address().parse().unwrap();
        let mut caches: Vec<Arc<dyn AccountCache>> = Vec::new();
        for _ in 0..2 {
            let server = address.server(ServerKind::Redis).unwrap();
            let cache = RedisCache::open(server, &Config::ephemeral(), &env).unwrap();
            cache.connected(&cx()).await;
            caches.push(Arc::new(cache));
        }
        Some(Made { caches, keep: Box::new(keys) })
    }

    suite!(make);

    #[test]
    fn what_is_written_is_read() {
        let account = Account {
            id: AccountId(i64::MAX),
            handle: "Ada".to_owned(),
            email: "ada@example.org".to_owned(),
            display_name: "Ada ✿".to_owned(),
            bio: "two\nlines".to_owned(),
            version: 3,
            created_at: 1_800_000_000_000,
            updated_at: 1_800_000_000_001,
            avatar: "media_1".to_owned(),
            header: "https://example.org/a.png".to_owned(),
            preferences: Preferences {
                protected: true,
                discoverable: true,
                language: "pt-BR".to_owned(),
                default_visibility: 2,
                reading_languages: vec!["pt-BR".to_owned(), "en".to_owned()],
            },
            deactivated_at: Some(0),
            delete_at: Some(1_900_000_000_000),
            email_verified: true,
        };
        for account in [Some(Arc::new(account)), None] {
            assert_eq!(decode_account(&encode_account(&account)), Some(account));
        }
        for id in [Some(AccountId(7)), None] {
            assert_eq!(decode_id(&encode_id(&id)), Some(id));
        }
        assert_eq!((decode_account(&[0xff; 4]), decode_id(&[1, 2])), (None, None));
    }
}
