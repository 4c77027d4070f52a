//! Feeds in the process's memory, bounded by the number of entries.

mod answers;
mod feed;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use async_trait::async_trait;
use parking_lot::{Mutex, RwLock};
use plaza_core::{AccountId, Cx, Env, PostId, RequestKey, Result, Timestamp};
use plaza_stores::Gauge;

use self::answers::Answers;
use self::feed::Feed;
use super::{FeedStore, Reading, Ticket};
use crate::domain::{Entry, Window};

const SHARDS: usize = 64;
/// An eviction makes this much more room than is needed, so that it is seldom: one in so many parts of the bound.
const SLACK_PART: usize = 20;

/// What a feed takes besides its entries, in entries: its place in a map. Without it, feeds with nothing in them, or
/// whose build never ends, would not count and never go.
pub const FEED_WEIGHT: usize = 10;

/// The bounds of the store.
#[derive(Clone, Copy, Debug)]
pub struct MemoryOptions {
    /// The most entries of one feed.
    pub cap: usize,
    /// The most entries of all feeds, each feed counting as [`FEED_WEIGHT`] more; beyond, those not read for the
    /// longest go cold.
    pub max_entries: usize,
    /// A feed that was not read for this long goes cold when something is pushed to it, in milliseconds.
    pub active_ms: i64,
}

type Shard = Mutex<HashMap<AccountId, Feed>>;

/// The engine. Each feed is a sorted deque in one of 64 locked maps; no lock is held across an await.
pub struct MemoryFeeds {
    options: MemoryOptions,
    env: Env,
    shards: Box<[Shard]>,
    /// Feeds that are warm or being built.
    feeds: AtomicUsize,
    entries: AtomicUsize,
    tickets: AtomicU64,
    celebrities: RwLock<Arc<HashSet<AccountId>>>,
    answers: Mutex<Answers>,
    evicting: Mutex<()>,
    evicted: AtomicU64,
    inactive: AtomicU64,
}

impl std::fmt::Debug for MemoryFeeds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryFeeds").field("options", &self.options).finish_non_exhaustive()
    }
}

impl MemoryFeeds {
    /// An empty store.
    #[must_use]
    pub fn new(options: MemoryOptions, env: Env) -> Self {
        Self {
            options,
            env,
            shards: (0..SHARDS).map(|_| Shard::default()).collect(),
            feeds: AtomicUsize::new(0),
            entries: AtomicUsize::new(0),
            tickets: AtomicU64::new(0),
            celebrities: RwLock::default(),
            answers: Mutex::default(),
            evicting: Mutex::new(()),
            evicted: AtomicU64::new(0),
            inactive: AtomicU64::new(0),
        }
    }

    fn shard(&self, owner: AccountId) -> &Shard {
        // The low bits of an id are random; the factor spreads hand-made ones in tests as well.
        let hash = owner.0.cast_unsigned().wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58;
        &self.shards[usize::try_from(hash).unwrap_or_default() % SHARDS]
    }

    /// Changes the owner's feed, if anything is held of it, and keeps the figures. What holds nothing any more goes.
    fn change<T>(&self, owner: AccountId, change: impl FnOnce(&mut Feed) -> T) -> Option<T> {
        let mut shard = self.shard(owner).lock();
        let feed = shard.get_mut(&owner)?;
        let before = feed.weight();
        let result = change(feed);
        let (after, empty) = (feed.weight(), feed.is_cold());
        if empty {
            shard.remove(&owner);
            self.feeds.fetch_sub(1, Ordering::SeqCst);
        }
        drop(shard);
        self.weighed(before, after);
        Some(result)
    }

    fn weighed(&self, before: usize, after: usize) {
        if after > before {
            self.entries.fetch_add(after - before, Ordering::Relaxed);
        } else if before > after {
            self.entries.fetch_sub(before - after, Ordering::Relaxed);
        }
    }

    /// How much of the bound is taken.
    fn taken(&self) -> usize {
        self.entries.load(Ordering::Relaxed) + self.feeds.load(Ordering::Relaxed) * FEED_WEIGHT
    }

    /// Makes feeds cold until the bound is kept again, those not read for the longest first. The feed of `spared`, whose
    /// build begins, stays: were it as old as the others by the clock, its build could never end.
    fn evict(&self, spared: Option<AccountId>) {
        if self.taken() <= self.options.max_entries {
            return;
        }
        let Some(_alone) = self.evicting.try_lock() else { return };
        let mut feeds: Vec<(Timestamp, AccountId)> = Vec::new();
        for shard in &self.shards {
            feeds.extend(shard.lock().iter().map(|(owner, feed)| (feed.used_at(), *owner)));
        }
        feeds.retain(|(_, owner)| Some(*owner) != spared);
        feeds.sort_unstable();
        let enough = self.options.max_entries - self.options.max_entries / SLACK_PART;
        for (used_at, owner) in feeds {
            if self.taken() <= enough {
                return;
            }
            let evicted = self.change(owner, |feed| {
                // Read since it was listed: not among the oldest any more.
                let stale = feed.used_at() == used_at;
                if stale {
                    feed.clear();
                }
                stale
            });
            self.evicted.fetch_add(u64::from(evicted == Some(true)), Ordering::Relaxed);
        }
    }
}

#[async_trait]
impl FeedStore for MemoryFeeds {
    async fn page(&self, _: &Cx, owner: AccountId, before: Option<PostId>, limit: usize) -> Result<Option<Reading>> {
        let now = self.env.now();
        let page = {
            let mut shard = self.shard(owner).lock();
            shard.get_mut(&owner).and_then(|feed| feed.read(now)).map(|window| window.page(before, limit))
        };
        // Marks after the window: who was marked before the window was read is among them.
        Ok(page.map(|page| Reading { page, celebrities: self.celebrities.read().clone() }))
    }

    async fn windows(&self, _: &Cx, owners: &[AccountId]) -> Result<Vec<Option<Window>>> {
        let window = |owner: &AccountId| self.shard(*owner).lock().get(owner).and_then(|feed| feed.window().cloned());
        Ok(owners.iter().map(window).collect())
    }

    async fn held(&self, _: &Cx, owners: &[AccountId]) -> Result<Vec<AccountId>> {
        Ok(owners.iter().copied().filter(|owner| self.shard(*owner).lock().contains_key(owner)).collect())
    }

    async fn is_idle(&self, _: &Cx) -> Result<bool> {
        Ok(self.feeds.load(Ordering::SeqCst) == 0)
    }

    async fn push(&self, _: &Cx, owners: &[AccountId], entries: &[Entry]) -> Result<()> {
        let now = self.env.now();
        let forgotten = now.plus_ms(-self.options.active_ms);
        for owner in owners {
            let left = self.change(*owner, |feed| {
                let left = feed.expire(forgotten, now);
                feed.push(entries, self.options.cap);
                left
            });
            self.inactive.fetch_add(u64::from(left == Some(true)), Ordering::Relaxed);
        }
        self.evict(None);
        Ok(())
    }

    async fn remove(&self, _: &Cx, owners: &[AccountId], posts: &[PostId]) -> Result<()> {
        for owner in owners {
            self.change(*owner, |feed| feed.remove(posts, self.options.cap));
        }
        Ok(())
    }

    async fn merge(&self, _: &Cx, owner: AccountId, entries: &[Entry], floor: PostId) -> Result<()> {
        self.change(owner, |feed| feed.merge(entries, floor, self.options.cap));
        self.evict(None);
        Ok(())
    }

    async fn purge(&self, _: &Cx, owner: AccountId, authors: &[AccountId]) -> Result<()> {
        self.change(owner, |feed| feed.purge(authors, self.options.cap));
        Ok(())
    }

    async fn begin_build(&self, _: &Cx, owner: AccountId) -> Result<Ticket> {
        let ticket = Ticket(self.tickets.fetch_add(1, Ordering::Relaxed) + 1);
        let now = self.env.now();
        let mut shard = self.shard(owner).lock();
        let feed = shard.entry(owner).or_insert_with(|| {
            self.feeds.fetch_add(1, Ordering::SeqCst);
            Feed::new(now)
        });
        let before = feed.weight();
        feed.begin(ticket, now);
        let after = feed.weight();
        drop(shard);
        self.weighed(before, after);
        self.evict(Some(owner));
        Ok(ticket)
    }

    async fn finish_build(
        &self,
        _: &Cx,
        owner: AccountId,
        ticket: Ticket,
        entries: &[Entry],
        floor: PostId,
    ) -> Result<Option<usize>> {
        let (now, cap) = (self.env.now(), self.options.cap);
        let built = self.change(owner, |feed| feed.finish(ticket, Window::new(entries, floor, cap), cap, now));
        self.evict(None);
        Ok(built.flatten())
    }

    async fn drop_feeds(&self, _: &Cx, owners: &[AccountId]) -> Result<()> {
        for owner in owners {
            self.change(*owner, Feed::clear);
        }
        Ok(())
    }

    async fn mark_celebrities(&self, _: &Cx, authors: &[AccountId]) -> Result<()> {
        let mut marked = self.celebrities.write();
        if !authors.iter().all(|author| marked.contains(author)) {
            *marked = Arc::new(marked.iter().chain(authors).copied().collect());
        }
        Ok(())
    }

    async fn celebrities(&self, _: &Cx) -> Result<Arc<HashSet<AccountId>>> {
        Ok(self.celebrities.read().clone())
    }

    async fn answered(&self, _: &Cx, request: &RequestKey) -> Result<Option<usize>> {
        self.answers.lock().get(request, self.env.now())
    }

    async fn remember(&self, _: &Cx, request: &RequestKey, entries: usize) -> Result<()> {
        self.answers.lock().put(request, entries, self.env.now());
        Ok(())
    }

    async fn ping(&self, _: &Cx) -> Result<()> {
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    fn observe(&self) -> Vec<Gauge> {
        let gauge = |name, value: f64| Gauge::new(name, "engine", "memory", value);
        vec![
            gauge("feeds_held", self.feeds.load(Ordering::Relaxed) as f64),
            gauge("feeds_entries", self.entries.load(Ordering::Relaxed) as f64),
            gauge("feeds_evicted_total", self.evicted.load(Ordering::Relaxed) as f64),
            gauge("feeds_inactive_total", self.inactive.load(Ordering::Relaxed) as f64),
            gauge("feeds_celebrities", self.celebrities.read().len() as f64),
        ]
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use plaza_core::ManualClock;

    use super::*;
    use crate::store::conformance::{self, CAP};

    fn feeds(options: MemoryOptions) -> (Arc<ManualClock>, MemoryFeeds) {
        let clock = ManualClock::new(Timestamp(1_800_000_000_000));
        (clock.clone(), MemoryFeeds::new(options, Env::manual(clock, 1)))
    }

    const OPTIONS: MemoryOptions = MemoryOptions { cap: CAP, max_entries: 100_000, active_ms: 1_000 };

    fn cx() -> Cx {
        Cx::background("feeds", Duration::from_secs(5))
    }

    async fn warm(feeds: &MemoryFeeds, owner: i64, entries: usize) {
        let ticket = feeds.begin_build(&cx(), AccountId(owner)).await.unwrap();
        let entries: Vec<Entry> = (1..=entries).map(|p| Entry::post(PostId(p as i64), AccountId(owner))).collect();
        feeds.finish_build(&cx(), AccountId(owner), ticket, &entries, PostId(0)).await.unwrap();
    }

    async fn held(feeds: &MemoryFeeds, owners: &[i64]) -> Vec<i64> {
        let owners: Vec<AccountId> = owners.iter().map(|o| AccountId(*o)).collect();
        feeds.held(&cx(), &owners).await.unwrap().iter().map(|o| o.0).collect()
    }

    #[tokio::test]
    async fn it_conforms() {
        for (name, case) in conformance::cases() {
            println!("{name}");
            case(Arc::new(feeds(OPTIONS).1)).await;
        }
    }

    #[tokio::test]
    async fn the_feed_not_read_for_the_longest_is_evicted_when_room_is_short() {
        let (clock, feeds) = feeds(MemoryOptions { max_entries: 3 * (6 + FEED_WEIGHT) + 2, ..OPTIONS });
        for owner in 1..=3 {
            warm(&feeds, owner, 6).await;
            clock.advance(1);
        }
        feeds.page(&cx(), AccountId(1), None, 1).await.unwrap().unwrap();
        clock.advance(1);
        warm(&feeds, 4, 6).await;
        assert_eq!(held(&feeds, &[1, 2, 3, 4]).await, [1, 3, 4]);
        assert_eq!(feeds.entries.load(Ordering::Relaxed), 18);
        assert!(feeds.page(&cx(), AccountId(2), None, 1).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn feeds_without_entries_and_builds_that_never_end_are_bounded_too() {
        let (clock, feeds) = feeds(MemoryOptions { max_entries: 10 * FEED_WEIGHT, ..OPTIONS });
        for owner in 1..=100 {
            warm(&feeds, owner, 0).await;
            clock.advance(1);
        }
        for owner in 101..=200 {
            feeds.begin_build(&cx(), AccountId(owner)).await.unwrap();
            clock.advance(1);
        }
        assert!(feeds.feeds.load(Ordering::Relaxed) <= 10);
        assert_eq!(held(&feeds, &[1, 200]).await, [200]);
    }

    #[tokio::test]
    async fn a_feed_that_nobody_reads_goes_cold_at_the_next_push() {
        let (clock, feeds) = feeds(OPTIONS);
        warm(&feeds, 1, 3).await;
        clock.advance(600);
        feeds.page(&cx(), AccountId(1), None, 1).await.unwrap().unwrap();
        clock.advance(600);
        let entry = Entry::post(PostId(9), AccountId(1));
        feeds.push(&cx(), &[AccountId(1)], &[entry]).await.unwrap();
        assert_eq!(held(&feeds, &[1]).await, [1]);
        clock.advance(1_001);
        feeds.push(&cx(), &[AccountId(1)], &[entry]).await.unwrap();
        assert!(feeds.is_idle(&cx()).await.unwrap());
        assert_eq!(feeds.entries.load(Ordering::Relaxed), 0);
    }
}
