//! A bounded read-through cache that never keeps a row which a write has just replaced.
//!
//! A reader that misses loads the row and then wants to store it. If a write commits in between, the row is old, and
//! storing it would hide the write until the entry expires. So each shard of keys has an epoch: [`Cache::invalidate`]
//! raises it and removes the entry, and a loaded row is stored only if the epoch is what it was before the load. Both
//! happen under the shard's lock, which hits never take.
//!
//! Invalidate after the commit and before the answer. With SQLite that is the `after` of
//! [`crate::Sqlite::write_then`], which also runs when the caller has given up.

use std::collections::HashMap;
use std::future::Future;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use plaza_core::{Env, Result};

use crate::Gauge;
use crate::flights::Flights;

const SHARDS: usize = 256;

/// How big a cache is and how long entries live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheOptions {
    /// Name for metrics.
    pub name: &'static str,
    /// The most that all entries may weigh; an entry weighs 1 unless [`Cache::weighted`] says otherwise.
    pub max_weight: u64,
    /// How long an entry is served at most.
    pub ttl: Duration,
    /// Each entry lives shorter by a random time up to this, so that entries made together do not expire together.
    pub jitter: Duration,
}

#[derive(Clone)]
struct Entry<V> {
    value: V,
    /// Milliseconds since the Unix epoch.
    expires_at: i64,
}

/// The cache. `V` is cloned on each hit: make it cheap, such as an `Arc`. For negative entries let `V` be an `Option`.
pub struct Cache<K, V> {
    options: CacheOptions,
    env: Env,
    entries: moka::sync::Cache<K, Entry<V>>,
    hasher: RandomState,
    epochs: Box<[Mutex<u64>]>,
    flights: Flights<K>,
    hits: AtomicU64,
    misses: AtomicU64,
}

impl<K, V> std::fmt::Debug for Cache<K, V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cache").field("options", &self.options).finish_non_exhaustive()
    }
}

impl<K, V> Cache<K, V>
where
    K: Hash + Eq + Clone + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// A cache of entries that weigh 1 each.
    #[must_use]
    pub fn new(options: CacheOptions, env: Env) -> Self {
        Self::weighted(options, env, |_, _| 1)
    }

    /// A cache whose entries weigh what `weigh` says.
    #[must_use]
    pub fn weighted(options: CacheOptions, env: Env, weigh: impl Fn(&K, &V) -> u32 + Send + Sync + 'static) -> Self {
        let entries = moka::sync::Cache::builder()
            .name(options.name)
            .max_capacity(options.max_weight)
            .weigher(move |key, entry: &Entry<V>| weigh(key, &entry.value))
            .build();
        Self {
            options,
            env,
            entries,
            hasher: RandomState::new(),
            epochs: (0..SHARDS).map(|_| Mutex::new(0)).collect(),
            flights: Flights::default(),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
        }
    }

    /// The entry, if there is one and it has not expired.
    #[must_use]
    pub fn get(&self, key: &K) -> Option<V> {
        let found = self.entries.get(key).filter(|entry| entry.expires_at > self.env.now().0);
        let counter = if found.is_some() { &self.hits } else { &self.misses };
        counter.fetch_add(1, Ordering::Relaxed);
        found.map(|entry| entry.value)
    }

    /// The entry, or what `load` gives, which is then kept. Of several callers that miss the same key at once one loads
    /// and the others wait for it; if its load fails or a write passed by, they load for themselves.
    ///
    /// # Errors
    /// What `load` returns; errors are not kept.
    pub async fn get_or_load<F>(&self, key: &K, load: impl FnOnce() -> F) -> Result<V>
    where
        F: Future<Output = Result<V>>,
    {
        if let Some(value) = self.get(key) {
            return Ok(value);
        }
        let leads = self.flights.join(key).await;
        if leads.is_none()
            && let Some(value) = self.get(key)
        {
            return Ok(value);
        }
        let epoch = self.epoch(key);
        let value = load().await?;
        self.insert_if(key, &value, epoch);
        Ok(value)
    }

    /// For each key its entry, or what `load` gives for it. `load` gets all the missing keys at once, each one time; a
    /// key that it returns nothing for is `None`, and nothing is kept for it.
    ///
    /// # Errors
    /// What `load` returns.
    pub async fn get_many<F>(&self, keys: &[K], load: impl FnOnce(Vec<K>) -> F) -> Result<Vec<Option<V>>>
    where
        F: Future<Output = Result<Vec<(K, V)>>>,
    {
        let mut values: Vec<Option<V>> = keys.iter().map(|key| self.get(key)).collect();
        let mut epochs = HashMap::new();
        for (key, _) in keys.iter().zip(&values).filter(|(_, value)| value.is_none()) {
            epochs.entry(key.clone()).or_insert_with(|| self.epoch(key));
        }
        if epochs.is_empty() {
            return Ok(values);
        }
        let loaded: HashMap<K, V> = load(epochs.keys().cloned().collect()).await?.into_iter().collect();
        for (key, value) in &loaded {
            if let Some(epoch) = epochs.get(key) {
                self.insert_if(key, value, *epoch);
            }
        }
        for (key, value) in keys.iter().zip(&mut values).filter(|(_, value)| value.is_none()) {
            *value = loaded.get(key).cloned();
        }
        Ok(values)
    }

    /// Forgets the key, and keeps loads that are under way from storing what they read before. Call it after the commit.
    pub fn invalidate(&self, key: &K) {
        let mut epoch = self.shard(key).lock();
        *epoch += 1;
        self.entries.invalidate(key);
    }

    /// Forgets everything.
    pub fn clear(&self) {
        for shard in &self.epochs {
            *shard.lock() += 1;
        }
        self.entries.invalidate_all();
    }

    /// Entries, hits and misses, labelled with the cache's name.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
    pub fn observe(&self) -> Vec<Gauge> {
        // Without this the count lags behind for as long as nobody writes.
        self.entries.run_pending_tasks();
        let figure = |what, value: u64| Gauge::new(what, "cache", self.options.name, value as f64);
        vec![
            figure("cache_entries", self.entries.entry_count()),
            figure("cache_hits_total", self.hits.load(Ordering::Relaxed)),
            figure("cache_misses_total", self.misses.load(Ordering::Relaxed)),
        ]
    }

    fn shard(&self, key: &K) -> &Mutex<u64> {
        let hash = usize::try_from(self.hasher.hash_one(key) % SHARDS as u64).unwrap_or_default();
        &self.epochs[hash]
    }

    fn epoch(&self, key: &K) -> u64 {
        *self.shard(key).lock()
    }

    /// Keeps the value unless its shard was invalidated since `epoch`.
    fn insert_if(&self, key: &K, value: &V, epoch: u64) {
        let jitter = self.env.below(u64::try_from(self.options.jitter.as_millis()).unwrap_or_default());
        let ttl = i64::try_from(self.options.ttl.as_millis()).unwrap_or(i64::MAX / 2);
        let expires_at = self.env.now().0.saturating_add(ttl - i64::try_from(jitter).unwrap_or_default());
        let now = self.shard(key).lock();
        if *now == epoch {
            self.entries.insert(key.clone(), Entry { value: value.clone(), expires_at });
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicUsize;

    use plaza_core::{Error, ManualClock, Timestamp, reason};
    use tokio::sync::oneshot;

    use super::*;

    fn cache(clock: &Arc<ManualClock>) -> Cache<i64, i64> {
        let second = Duration::from_secs(1);
        let options = CacheOptions { name: "test", max_weight: 100, ttl: 10 * second, jitter: 2 * second };
        Cache::new(options, Env::manual(clock.clone(), 1))
    }

    fn clock() -> Arc<ManualClock> {
        ManualClock::new(Timestamp(1_800_000_000_000))
    }

    /// Two readers (note the epoch, read the truth, store) and two writers (commit, invalidate) in every order there is:
    /// whenever no write is between commit and invalidation, the cache holds the truth or nothing.
    #[test]
    fn no_interleaving_leaves_an_old_row() {
        const STEPS: [usize; 4] = [3, 3, 2, 2];
        let clock = clock();
        let mut orders = 0;
        let mut order = Vec::new();
        each_order(&mut [0; 4], &STEPS, &mut order, &mut |order| {
            orders += 1;
            // A cache is costly to make; keys of their own do as well.
            thread_local!(static CACHE: std::cell::OnceCell<Cache<i64, i64>> = const { std::cell::OnceCell::new() });
            CACHE.with(|cell| run_order(cell.get_or_init(|| cache(&clock)), orders, order));
        });
        assert_eq!(orders, 25_200);
    }

    fn run_order(cache: &Cache<i64, i64>, key: i64, order: &[usize]) {
        let (mut truth, mut pending, mut done) = (0, 0, [0; 4]);
        let mut readers = [(0, 0); 2];
        for actor in order {
            match (actor, done[*actor]) {
                (0 | 1, 0) => readers[*actor].0 = cache.epoch(&key),
                (0 | 1, 1) => readers[*actor].1 = truth,
                (0 | 1, _) => cache.insert_if(&key, &readers[*actor].1, readers[*actor].0),
                (_, 0) => (truth, pending) = (truth + 1, pending + 1),
                _ => {
                    cache.invalidate(&key);
                    pending -= 1;
                }
            }
            done[*actor] += 1;
            if pending == 0 {
                assert!(cache.get(&key).is_none_or(|held| held == truth), "{order:?}");
            }
        }
        cache.invalidate(&key);
    }

    fn each_order(done: &mut [usize; 4], steps: &[usize; 4], order: &mut Vec<usize>, run: &mut impl FnMut(&[usize])) {
        if done == steps {
            return run(order);
        }
        for actor in 0..4 {
            if done[actor] < steps[actor] {
                done[actor] += 1;
                order.push(actor);
                each_order(done, steps, order, run);
                order.pop();
                done[actor] -= 1;
            }
        }
    }

    #[tokio::test]
    async fn a_load_that_a_write_overtakes_is_answered_and_not_kept() {
        let cache = cache(&clock());
        let old = cache.get_or_load(&1, || async {
            cache.invalidate(&1);
            Ok(10)
        });
        assert_eq!(old.await.unwrap(), 10);
        assert_eq!(cache.get(&1), None);
        let old = cache.get_many(&[1, 2], |missing| async {
            cache.invalidate(&1);
            Ok(missing.into_iter().map(|key| (key, key * 10)).collect())
        });
        assert_eq!(old.await.unwrap(), [Some(10), Some(20)]);
        assert_eq!(cache.get(&1), None);
    }

    #[tokio::test]
    async fn entries_expire_within_their_jitter() {
        let clock = clock();
        let cache = cache(&clock);
        for key in 0..50 {
            cache.get_or_load(&key, || async { Ok(key) }).await.unwrap();
        }
        let held = || (0..50).filter(|key| cache.get(key).is_some()).count();
        clock.advance(8_000);
        assert_eq!(held(), 50);
        clock.advance(1_000);
        assert!((1..50).contains(&held()), "some have expired by now: {}", held());
        clock.advance(1_000);
        assert_eq!(held(), 0);
    }

    #[tokio::test]
    async fn callers_that_miss_together_load_once() {
        let cache = Arc::new(cache(&clock()));
        let loads = Arc::new(AtomicUsize::new(0));
        let (open, opened) = oneshot::channel::<()>();
        let leader = tokio::spawn({
            let (cache, loads) = (cache.clone(), loads.clone());
            async move {
                let load = || async {
                    loads.fetch_add(1, Ordering::SeqCst);
                    opened.await.unwrap();
                    Ok(5)
                };
                cache.get_or_load(&1, load).await
            }
        });
        tokio::task::yield_now().await;
        let followers: Vec<_> = (0..10)
            .map(|_| {
                let (cache, loads) = (cache.clone(), loads.clone());
                tokio::spawn(async move {
                    let load = || async {
                        loads.fetch_add(1, Ordering::SeqCst);
                        Ok(6)
                    };
                    cache.get_or_load(&1, load).await
                })
            })
            .collect();
        tokio::task::yield_now().await;
        open.send(()).unwrap();
        assert_eq!(leader.await.unwrap().unwrap(), 5);
        for follower in followers {
            assert_eq!(follower.await.unwrap().unwrap(), 5);
        }
        assert_eq!(loads.load(Ordering::SeqCst), 1);
        assert!(cache.flights.is_empty());
    }

    #[tokio::test]
    async fn a_failed_load_is_not_kept_and_weights_bound_the_cache() {
        let cache = cache(&clock());
        let failed = cache.get_or_load(&1, || async { Err(Error::new(reason::STORE_UNAVAILABLE)) }).await;
        assert!(failed.is_err());
        assert_eq!(cache.get_or_load(&1, || async { Ok(1) }).await.unwrap(), 1);
        for key in 0..1_000 {
            cache.get_or_load(&key, || async { Ok(key) }).await.unwrap();
        }
        cache.entries.run_pending_tasks();
        assert!(cache.entries.weighted_size() <= 100);
        cache.clear();
        assert!((0..1_000).all(|key| cache.get(&key).is_none()));
    }

    #[tokio::test]
    async fn figures_are_up_to_date() {
        let cache = cache(&clock());
        cache.get_or_load(&1, || async { Ok(1) }).await.unwrap();
        assert_eq!(cache.get(&1), Some(1));
        let figures: Vec<f64> = cache.observe().into_iter().map(|figure| figure.value).collect();
        assert_eq!(figures, [1.0, 1.0, 1.0], "entries, hits, misses");
    }

    #[tokio::test]
    async fn many_keys_are_loaded_at_once_each_one_time() {
        let cache = cache(&clock());
        cache.get_or_load(&2, || async { Ok(20) }).await.unwrap();
        let load = |mut missing: Vec<i64>| async move {
            missing.sort_unstable();
            assert_eq!(missing, [1, 3]);
            Ok(vec![(1, 10)])
        };
        assert_eq!(cache.get_many(&[1, 2, 3, 1], load).await.unwrap(), [Some(10), Some(20), None, Some(10)]);
        assert_eq!(cache.get_many(&[2, 1], |_| async { unreachable!() }).await.unwrap(), [Some(20), Some(10)]);
    }
}
