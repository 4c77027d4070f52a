//! Settings.

use std::time::Duration;

use plaza_core::{Result, Violations};
use plaza_stores::StoreAddress;
use serde::{Deserialize, Serialize};

use crate::domain::Limits;

/// The settings of the graph service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where follows, blocks and mutes are kept.
    pub store: StoreAddress,
    /// How many bytes the cache of accounts' edges may take.
    pub cache_bytes: u64,
    /// An account with more edges of one kind than this is not cached; questions about it go to the store.
    pub cache_edges_per_side: usize,
    /// How long a cached account is served at most, in seconds; writes of another process show sooner.
    pub cache_ttl_seconds: u64,
    /// How many edges one transaction of an erasure ends; other writes wait for it.
    pub erase_batch: usize,
    /// How many accounts one account may follow.
    pub max_following: u32,
    /// How many of one account's requests to follow may wait for an answer.
    pub max_follow_requests: u32,
    /// How many accounts one account may mute.
    pub max_mutes: u32,
    /// How many hashtags one account may follow.
    pub max_followed_hashtags: u32,
    /// How many words one account may mute.
    pub max_muted_words: u32,
    /// How many lists one account may have.
    pub max_lists: u32,
    /// How many accounts may be on one list.
    pub max_list_members: u32,
    /// How many dismissed suggestions of one account are remembered; the oldest make room.
    pub max_dismissed_suggestions: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            store: StoreAddress::sqlite("plaza-data/graph.db"),
            cache_bytes: 64 << 20,
            cache_edges_per_side: 2_000,
            cache_ttl_seconds: 600,
            erase_batch: 1_000,
            max_following: 100_000,
            max_follow_requests: 1_000,
            max_mutes: 10_000,
            max_followed_hashtags: 500,
            max_muted_words: 500,
            max_lists: 100,
            max_list_members: 1_000,
            max_dismissed_suggestions: 1_000,
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
        if self.cache_bytes > 1 << 40 {
            wrong.push("cache_bytes", "must be a number of bytes up to 1 TiB, such as 67108864 for 64 MiB");
        }
        if self.cache_edges_per_side > 100_000 {
            wrong.push("cache_edges_per_side", "must be at most 100000; 2000 serves most accounts");
        }
        if !(1..=86_400).contains(&self.cache_ttl_seconds) {
            wrong.push("cache_ttl_seconds", "must be 1 to 86400 seconds, such as 600");
        }
        if !(1..=10_000).contains(&self.erase_batch) {
            wrong.push("erase_batch", "must be 1 to 10000, such as 1000");
        }
        if self.max_following == 0 {
            wrong.push("max_following", "must be at least 1, such as 100000");
        }
        wrong.into_result()
    }

    /// What one account may have at most.
    #[must_use]
    pub fn limits(&self) -> Limits {
        Limits {
            following: self.max_following.into(),
            requests: self.max_follow_requests.into(),
            mutes: self.max_mutes.into(),
            hashtags: self.max_followed_hashtags.into(),
            words: self.max_muted_words.into(),
            lists: self.max_lists.into(),
            members: self.max_list_members.into(),
            dismissed: self.max_dismissed_suggestions.into(),
        }
    }

    /// How long a cached account is served.
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
            cache_edges_per_side: 1 << 40,
            cache_ttl_seconds: 0,
            erase_batch: 0,
            max_following: 0,
            ..Config::default()
        };
        let error = wrong.check().unwrap_err();
        let named: Vec<&str> = error.violations().iter().map(|v| v.field.as_str()).collect();
        assert_eq!(named, ["cache_bytes", "cache_edges_per_side", "cache_ttl_seconds", "erase_batch", "max_following"]);
    }

    #[test]
    fn an_unknown_setting_is_refused() {
        let error = serde_json::from_str::<Config>(r#"{"cache_byte": 1}"#).unwrap_err().to_string();
        assert!(error.contains("cache_byte") && error.contains("cache_bytes"), "{error}");
        let config: Config = serde_json::from_str(r#"{"store": "memory:"}"#).unwrap();
        assert_eq!(config, Config { store: StoreAddress::Memory, ..Config::default() });
    }
}
