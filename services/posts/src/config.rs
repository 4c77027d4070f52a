//! Settings.

use std::time::Duration;

use plaza_core::{Result, Violations};
use plaza_stores::{ServerKind, StoreAddress};
use serde::{Deserialize, Serialize};

use crate::domain::poll::MAX_OPTIONS;

/// The settings of the posts service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where posts and their marks are kept: `sqlite:`, `memory:` or `postgres://`.
    pub store: StoreAddress,
    /// A replica of a `postgres://` store, for reads that may be a little behind; none if it is not set.
    pub read_replica: Option<StoreAddress>,
    /// How many bytes the cache of posts may take.
    pub cache_bytes: u64,
    /// How long a cached post is served, in seconds; bounds how late writes of another process show.
    pub cache_ttl_seconds: u64,
    /// How long a deleted post can be restored, in seconds; 0 for never. What it said is kept so long.
    pub restore_seconds: u64,
    /// How many posts or marks one transaction of an erasure removes; other writes wait for it.
    pub erase_batch: usize,
    /// How many drafts an account may keep, scheduled ones included.
    pub drafts: usize,
    /// How far ahead a post can be scheduled, in seconds.
    pub schedule_ahead_seconds: u64,
    /// How many options a poll may have.
    pub poll_options: usize,
    /// For how long a poll may be open, in seconds.
    pub poll_seconds: u64,
    /// How many pictures and the like a post may have.
    pub media: usize,
}

/// What the settings let callers do.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How many drafts an account may keep.
    pub drafts: usize,
    /// How far ahead a post can be scheduled.
    pub schedule_ahead: Duration,
    /// How many options a poll may have.
    pub poll_options: usize,
    /// For how long a poll may be open.
    pub poll_open: Duration,
    /// How many pictures and the like a post may have.
    pub media: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            store: StoreAddress::sqlite("plaza-data/posts.db"),
            read_replica: None,
            cache_bytes: 32 << 20,
            cache_ttl_seconds: 600,
            restore_seconds: 3_600,
            erase_batch: 200,
            drafts: 100,
            schedule_ahead_seconds: 31_622_400,
            poll_options: 6,
            poll_seconds: 2_592_000,
            media: 4,
        }
    }
}

impl Config {
    /// Refuses settings that cannot work.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` with a violation for each wrong setting, saying what would be right.
    pub fn check(&self) -> Result<()> {
        let mut wrong = Violations::default();
        let is_postgres = |address: &StoreAddress| address.server(ServerKind::Postgres).is_some();
        if matches!(self.store, StoreAddress::Server(_)) && !is_postgres(&self.store) {
            wrong.push("store", "must be `sqlite:PATH`, `memory:` or `postgres://HOST/DATABASE`");
        }
        if self.read_replica.as_ref().is_some_and(|replica| !is_postgres(replica) || !is_postgres(&self.store)) {
            wrong.push("read_replica", "must be `postgres://HOST/DATABASE`, beside a store of that kind");
        }
        if self.cache_bytes > 1 << 40 {
            wrong.push("cache_bytes", "must be a number of bytes up to 1 TiB, such as 33554432 for 32 MiB");
        }
        if !(1..=86_400).contains(&self.cache_ttl_seconds) {
            wrong.push("cache_ttl_seconds", "must be 1 to 86400 seconds, such as 600");
        }
        if self.restore_seconds > 2_592_000 {
            wrong.push("restore_seconds", "must be at most 2592000 seconds, which are 30 days; 3600 is an hour");
        }
        if !(1..=10_000).contains(&self.erase_batch) {
            wrong.push("erase_batch", "must be 1 to 10000, such as 200");
        }
        if !(1..=10_000).contains(&self.drafts) {
            wrong.push("drafts", "must be 1 to 10000, such as 100");
        }
        if !(60..=316_224_000).contains(&self.schedule_ahead_seconds) {
            wrong.push("schedule_ahead_seconds", "must be 60 to 316224000 seconds; 31622400 are 366 days");
        }
        if !(2..=MAX_OPTIONS).contains(&self.poll_options) {
            wrong.push("poll_options", format!("must be 2 to {MAX_OPTIONS}, such as 6"));
        }
        if !(300..=316_224_000).contains(&self.poll_seconds) {
            wrong.push("poll_seconds", "must be 300 to 316224000 seconds; 2592000 are 30 days");
        }
        if self.media > 16 {
            wrong.push("media", "must be at most 16, such as 4; 0 for none");
        }
        wrong.into_result()
    }

    /// What callers may do.
    #[must_use]
    pub const fn limits(&self) -> Limits {
        Limits {
            drafts: self.drafts,
            schedule_ahead: Duration::from_secs(self.schedule_ahead_seconds),
            poll_options: self.poll_options,
            poll_open: Duration::from_secs(self.poll_seconds),
            media: self.media,
        }
    }

    /// How long a deleted post can be restored.
    #[must_use]
    pub const fn restore(&self) -> Duration {
        Duration::from_secs(self.restore_seconds)
    }

    /// How long a cached post is served.
    #[must_use]
    pub const fn cache_ttl(&self) -> Duration {
        Duration::from_secs(self.cache_ttl_seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_right_and_wrong_settings_are_named() {
        Config::default().check().unwrap();
        let wrong = Config {
            cache_bytes: u64::MAX,
            cache_ttl_seconds: 0,
            restore_seconds: 1 << 40,
            erase_batch: 0,
            drafts: 0,
            schedule_ahead_seconds: 1 << 40,
            poll_options: 1,
            poll_seconds: 299,
            media: 17,
            ..Config::default()
        };
        let error = wrong.check().unwrap_err();
        let named: Vec<&str> = error.violations().iter().map(|v| v.field.as_str()).collect();
        let all = ["cache_bytes", "cache_ttl_seconds", "restore_seconds", "erase_batch", "drafts"];
        assert_eq!(named, [&all[..], &["schedule_ahead_seconds", "poll_options", "poll_seconds", "media"]].concat());
    }

    #[test]
    fn a_store_without_an_engine_is_refused() {
        let address = |text: &str| text.parse::<StoreAddress>().unwrap();
        let with = |store, replica: Option<&str>| {
            let config = Config { store: address(store), read_replica: replica.map(address), ..Config::default() };
            let named =
                config.check().err().map(|e| e.violations().iter().map(|v| v.field.clone()).collect::<Vec<_>>());
            named.unwrap_or_default()
        };
        assert_eq!(with("postgres://db/posts", Some("postgres://standby/posts")), [""; 0]);
        assert_eq!(with("redis://cache", None), ["store"]);
        assert_eq!(with("memory:", Some("postgres://standby/posts")), ["read_replica"]);
        assert_eq!(with("postgres://db/posts", Some("sqlite:a.db")), ["read_replica"]);
    }

    #[test]
    fn an_unknown_setting_is_refused() {
        let error = serde_json::from_str::<Config>(r#"{"cache_byte": 1}"#).unwrap_err().to_string();
        assert!(error.contains("cache_byte") && error.contains("cache_bytes"), "{error}");
        let config: Config = serde_json::from_str(r#"{"store": "memory:"}"#).unwrap();
        assert_eq!(config, Config { store: StoreAddress::Memory, ..Config::default() });
    }
}
