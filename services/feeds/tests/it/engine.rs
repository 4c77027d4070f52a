//! The engines that the service's tests run on, and what can happen to what they hold.

use std::sync::Arc;
use std::time::Duration;

use plaza_core::{AccountId, Cx, Env};
use plaza_feeds::Config;
use plaza_feeds::store::FeedStore;
use plaza_feeds::store::memory::{MemoryFeeds, MemoryOptions};
use plaza_feeds::store::redis::{RedisFeeds, RedisFeedsOptions};
use plaza_stores::{ServerKind, StoreAddress};
use plaza_testkit::redis::command;
use plaza_testkit::{RedisKeys, Server, Store};

/// Runs each test, which takes an engine, on every engine there is.
macro_rules! on_each_engine {
    ($($test:ident),* $(,)?) => {
        on_each_engine! { #[tokio::test]: $($test),* }
    };
    (#[$attribute:meta]: $($test:ident),*) => {
        mod on_memory {
            use crate::engine::Engine;
            $(on_each_engine! { @one #[$attribute] $test Engine::Memory })*
        }
        mod on_redis {
            use crate::engine::Engine;
            $(on_each_engine! { @one #[$attribute] $test Engine::Redis })*
        }
    };
    (@one #[$attribute:meta] $test:ident $engine:expr) => {
        #[$attribute]
        async fn $test() {
            if $engine.is_there() {
                super::$test($engine).await;
            }
        }
    };
}

/// An engine of the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Memory,
    /// On keys of each test's own.
    Redis,
}

/// What a server may evict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Evicted {
    Feed,
    Build,
    Marks,
}

impl Evicted {
    pub(crate) const ALL: [Self; 3] = [Self::Feed, Self::Build, Self::Marks];
}

/// A store that is open.
pub(crate) struct Opened {
    pub(crate) store: Arc<dyn FeedStore>,
    /// Where it keeps things, if it is Redis.
    keys: Option<RedisKeys>,
}

impl Engine {
    /// Whether tests can run on it; says so if not.
    pub(crate) fn is_there(self) -> bool {
        self == Self::Memory || Store::RedisCache.address().is_some()
    }

    pub(crate) async fn open(self, config: &Config, env: &Env) -> Opened {
        if self == Self::Redis {
            let keys = RedisKeys::on(Store::RedisCache).unwrap();
            let store = open_redis(&keys.address(), config, env).await;
            return Opened { store: Arc::new(store), keys: Some(keys) };
        }
        let options = MemoryOptions { cap: config.cap, max_entries: config.max_entries, active_ms: active_ms(config) };
        Opened { store: Arc::new(MemoryFeeds::new(options, env.clone())), keys: None }
    }
}

/// A store on this server, once it answers. A machine that is busy with other tests does not make it fail.
async fn open_redis(address: &str, config: &Config, env: &Env) -> RedisFeeds {
    let address: StoreAddress = address.parse().unwrap();
    let timeout = Duration::from_secs(2);
    let options = RedisFeedsOptions { cap: config.cap, active_ms: active_ms(config), timeout };
    let store = RedisFeeds::open(address.server(ServerKind::Redis).unwrap(), options, env.clone()).unwrap();
    store.connected(&Cx::background("test", Duration::from_secs(10))).await.unwrap();
    store
}

fn active_ms(config: &Config) -> i64 {
    i64::from(config.active_days) * 86_400_000
}

/// Brings the expiry of keys nearer by so many milliseconds.
const PASS: &str = "for _, key in ipairs(KEYS) do
    local left = redis.call('PTTL', key)
    if left >= 0 then redis.call('PEXPIRE', key, left - ARGV[1]) end
end
return 1";

impl Opened {
    /// A store on a server of the test's own.
    pub(crate) async fn on(server: &Server, config: &Config, env: &Env) -> Self {
        Self { store: Arc::new(open_redis(&server.address(), config, env).await), keys: None }
    }

    /// The same store, for another replica.
    pub(crate) fn beside(&self) -> Self {
        Self { store: self.store.clone(), keys: None }
    }

    /// What the server would do if so much time passed; the memory engine has the test's own clock.
    pub(crate) fn pass_ms(&self, ms: i64, accounts: i64) {
        let Some(keys) = &self.keys else { return };
        let feeds: Vec<String> = (1..=accounts).map(|account| key(keys, &format!("feeds:feed:{account}"))).collect();
        let (count, ms) = (feeds.len().to_string(), ms.to_string());
        let mut words = vec!["EVAL", PASS, &count];
        words.extend(feeds.iter().map(String::as_str));
        words.push(&ms);
        assert_eq!(command(&keys.address(), &words), ":1");
    }

    /// Lets the server evict something. Memory evicts a feed with the build of it, and marks never.
    pub(crate) async fn evict(&self, account: i64, evicted: Evicted) {
        let name = match evicted {
            Evicted::Feed => format!("feeds:feed:{account}"),
            Evicted::Build => format!("feeds:build:{account}"),
            Evicted::Marks => "feeds:marks".to_owned(),
        };
        if let Some(keys) = &self.keys {
            assert!(command(&keys.address(), &["DEL", &key(keys, &name)]).starts_with(':'));
        } else if evicted != Evicted::Marks {
            let cx = Cx::background("test", Duration::from_secs(5));
            self.store.drop_feeds(&cx, &[AccountId(account)]).await.unwrap();
        }
    }
}

/// The key of this name in the store.
fn key(keys: &RedisKeys, name: &str) -> String {
    let address = keys.address();
    let prefix = address.split_once("prefix=").map(|(_, prefix)| prefix).unwrap_or_default();
    format!("{prefix}{name}")
}
