//! Settings.

use std::time::Duration;

use plaza_core::{Result, Violations};
use plaza_stores::{ServerKind, StoreAddress};
use serde::{Deserialize, Serialize};

use crate::domain::{CatchUpOptions, LiveOptions, MAX_REFS, MOST_POSTS, Weights};
use crate::store::memory::FEED_WEIGHT;

/// The settings of the feeds service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where feeds are kept: `memory:`, or `redis://HOST` to share them among replicas. All in it is derived.
    pub store: StoreAddress,
    /// Where read positions are kept, which are truth: a file for one process, or `postgres://HOST` for several.
    pub positions: StoreAddress,
    /// How many of a home feed's newest entries are kept; older ones are read from the posts service.
    pub cap: usize,
    /// Posts of an author with more followers are not written to feeds but merged in when a feed is read.
    pub celebrity_threshold: usize,
    /// Feeds not read for this many days are dropped, and built again when their owners return.
    pub active_days: u32,
    /// The most entries of all feeds together in `memory:`, 24 bytes each, a feed itself counting as ten of them; the
    /// feeds not read for the longest go first. Redis keeps to its own bounds.
    pub max_entries: usize,
    /// How long a command may take in Redis, in milliseconds, before the reader's page comes from the posts service.
    pub store_timeout_ms: u64,
    /// How many ids the lists of followers may hold together, 8 bytes each.
    pub follower_cache_ids: u64,
    /// How many ids the lists of followed accounts may hold together, 8 bytes each.
    pub following_cache_ids: u64,
    /// How many recent posts of authors above the threshold may be held together.
    pub recent_cache_posts: u64,
    /// How many bytes what readers chose to be spared may take together: who is on their exclusive lists, words, languages.
    pub choices_cache_bytes: u64,
    /// How many feeds are built at once.
    pub builds: usize,
    /// How long building a feed may take, in milliseconds.
    pub build_timeout_ms: u64,
    /// How many hashtags of each kind (any of, all of, none of) the feed of hashtags takes.
    pub max_hashtags: usize,
    /// How long a read waits at most for the writes its token names, in milliseconds.
    pub consistency_wait_ms: u64,
    /// How many live feeds may be open.
    pub live_readers: usize,
    /// How many live feeds of one account may be open.
    pub live_readers_per_account: usize,
    /// How many changes wait for one live reader before it misses some.
    pub live_queue: usize,
    /// How many reposts in one live reader's feed are remembered, to tell when their posts are edited or deleted.
    pub live_places: usize,
    /// How many events a live reader may have been away for to be told what changed; after more it reads its feed anew.
    pub live_resume_events: usize,
    /// After how long without anything to tell a live feed says that it is alive, in milliseconds.
    pub live_heartbeat_ms: u64,
    /// How much likes count for who catches up, in hundredths: the natural logarithm of one more than there are.
    pub catch_up_likes: u32,
    /// The same of reposts.
    pub catch_up_reposts: u32,
    /// The same of replies.
    pub catch_up_replies: u32,
    /// How much it counts who brings a post, in hundredths: half of it for who is followed alone, all for who follows back,
    /// and up to half more for authors of posts that the reader likes.
    pub catch_up_closeness: u32,
    /// After how many minutes a post counts half for who catches up.
    pub catch_up_half_life_minutes: u32,
    /// How many of the newest places are looked at for who catches up.
    pub catch_up_candidates: usize,
    /// How many posts are shown to who catches up.
    pub catch_up_posts: usize,
    /// How many days back who catches up is shown posts.
    pub catch_up_days: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            store: StoreAddress::Memory,
            positions: StoreAddress::sqlite("plaza-data/feeds.db"),
            cap: 800,
            celebrity_threshold: 10_000,
            active_days: 30,
            max_entries: 10_000_000,
            store_timeout_ms: 250,
            follower_cache_ids: 5_000_000,
            following_cache_ids: 5_000_000,
            recent_cache_posts: 1_000_000,
            choices_cache_bytes: 33_554_432,
            builds: 32,
            build_timeout_ms: 10_000,
            max_hashtags: 10,
            consistency_wait_ms: 2_000,
            live_readers: 10_000,
            live_readers_per_account: 16,
            live_queue: 64,
            live_places: 200,
            live_resume_events: 5_000,
            live_heartbeat_ms: 30_000,
            catch_up_likes: 100,
            catch_up_reposts: 200,
            catch_up_replies: 150,
            catch_up_closeness: 300,
            catch_up_half_life_minutes: 1_440,
            catch_up_candidates: 400,
            catch_up_posts: 100,
            catch_up_days: 7,
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
        if self.store != StoreAddress::Memory && self.store.server(ServerKind::Redis).is_none() {
            wrong.push("store", "feeds are kept in `memory:` or `redis://HOST:PORT/DATABASE?prefix=TEXT`");
        }
        if let StoreAddress::Server(server) = &self.positions
            && server.kind() != ServerKind::Postgres
        {
            wrong.push("positions", "are kept in `sqlite:PATH`, `memory:` or `postgres://HOST/DATABASE?schema=TEXT`");
        }
        if !(1..MAX_REFS).contains(&self.cap) {
            wrong.push("cap", "must be 1 to 999, such as 800");
        }
        if self.celebrity_threshold > 1_000_000 {
            wrong.push("celebrity_threshold", "must be at most 1000000, such as 10000");
        }
        if !(1..=3_650).contains(&self.active_days) {
            wrong.push("active_days", "must be 1 to 3650 days, such as 30");
        }
        if self.max_entries < self.cap.saturating_add(FEED_WEIGHT) {
            wrong.push("max_entries", "must have room for at least one feed of `cap` entries, such as 10000000");
        }
        if !(10..=10_000).contains(&self.store_timeout_ms) {
            wrong.push("store_timeout_ms", "must be 10 to 10000 milliseconds, such as 250");
        }
        if !(1..=10_000).contains(&self.builds) {
            wrong.push("builds", "must be 1 to 10000, such as 32");
        }
        if !(100..=300_000).contains(&self.build_timeout_ms) {
            wrong.push("build_timeout_ms", "must be 100 to 300000 milliseconds, such as 10000");
        }
        if !(1..=10).contains(&self.max_hashtags) {
            wrong.push("max_hashtags", "must be 1 to 10");
        }
        if self.consistency_wait_ms > 60_000 {
            wrong.push("consistency_wait_ms", "must be at most 60000 milliseconds, such as 2000");
        }
        if self.live_readers_per_account == 0 || self.live_readers < self.live_readers_per_account {
            wrong.push("live_readers_per_account", "must be 1 up to `live_readers`, such as 16");
        }
        if !(1..=10_000).contains(&self.live_queue) {
            wrong.push("live_queue", "must be 1 to 10000, such as 64");
        }
        if self.live_places > 10_000 {
            wrong.push("live_places", "must be at most 10000, such as 200");
        }
        if self.live_resume_events > 100_000 {
            wrong.push("live_resume_events", "must be at most 100000, such as 5000");
        }
        if !(100..=3_600_000).contains(&self.live_heartbeat_ms) {
            wrong.push("live_heartbeat_ms", "must be 100 to 3600000 milliseconds, such as 30000");
        }
        self.check_catch_up(&mut wrong);
        wrong.into_result()
    }

    fn check_catch_up(&self, wrong: &mut Violations) {
        let weights = [
            ("catch_up_likes", self.catch_up_likes),
            ("catch_up_reposts", self.catch_up_reposts),
            ("catch_up_replies", self.catch_up_replies),
            ("catch_up_closeness", self.catch_up_closeness),
        ];
        for (name, _) in weights.into_iter().filter(|(_, weight)| *weight > 1_000_000) {
            wrong.push(name, "must be at most 1000000 hundredths, such as 100");
        }
        if !(1..=5_256_000).contains(&self.catch_up_half_life_minutes) {
            wrong.push("catch_up_half_life_minutes", "must be 1 to 5256000 minutes, such as 1440");
        }
        if !(1..MAX_REFS).contains(&self.catch_up_candidates) {
            wrong.push("catch_up_candidates", "must be 1 to 999, such as 400");
        }
        if !(1..=MOST_POSTS).contains(&self.catch_up_posts) {
            wrong.push("catch_up_posts", "must be 1 to 100");
        }
        if !(1..=365).contains(&self.catch_up_days) {
            wrong.push("catch_up_days", "must be 1 to 365, such as 7");
        }
    }

    pub(crate) fn catch_up(&self) -> CatchUpOptions {
        let weight = |hundredths: u32| f64::from(hundredths) / 100.0;
        let weights = Weights {
            likes: weight(self.catch_up_likes),
            reposts: weight(self.catch_up_reposts),
            replies: weight(self.catch_up_replies),
            closeness: weight(self.catch_up_closeness),
            half_life_hours: f64::from(self.catch_up_half_life_minutes) / 60.0,
        };
        let (candidates, posts) = (self.catch_up_candidates, self.catch_up_posts);
        CatchUpOptions { weights, candidates, posts, age_ms: i64::from(self.catch_up_days) * 86_400_000 }
    }

    pub(crate) fn store_timeout(&self) -> Duration {
        Duration::from_millis(self.store_timeout_ms)
    }

    pub(crate) fn build_timeout(&self) -> Duration {
        Duration::from_millis(self.build_timeout_ms)
    }

    pub(crate) fn consistency_wait(&self) -> Duration {
        Duration::from_millis(self.consistency_wait_ms)
    }

    pub(crate) fn live_options(&self) -> LiveOptions {
        LiveOptions {
            readers: self.live_readers,
            readers_per_account: self.live_readers_per_account,
            queue: self.live_queue,
            places: self.live_places,
        }
    }

    pub(crate) fn live_heartbeat(&self) -> Duration {
        Duration::from_millis(self.live_heartbeat_ms)
    }

    /// How long a feed stays without being read, in milliseconds.
    pub(crate) fn active_ms(&self) -> i64 {
        i64::from(self.active_days) * 24 * 60 * 60 * 1_000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_right_and_wrong_settings_are_named() {
        Config::default().check().unwrap();
        let wrong = Config { cap: 0, active_days: 0, max_entries: 0, live_queue: 0, builds: 0, ..Config::default() };
        let fields: Vec<String> = wrong.check().unwrap_err().violations().iter().map(|v| v.field.clone()).collect();
        assert_eq!(fields, ["cap", "active_days", "max_entries", "builds", "live_queue"]);
        let redis = Config { store: "redis://cache:6379/0?prefix=t:".parse().unwrap(), ..Config::default() };
        redis.check().unwrap();
        let elsewhere = Config { positions: "redis://cache".parse().unwrap(), ..Config::default() };
        assert_eq!(elsewhere.check().unwrap_err().violations()[0].field, "positions");
        let small = Config { max_entries: 809, store: "sqlite:x".parse().unwrap(), ..Config::default() };
        assert_eq!(small.check().unwrap_err().violations().len(), 2);
    }
}
