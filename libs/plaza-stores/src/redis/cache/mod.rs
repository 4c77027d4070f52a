//! A cache that many processes share, which never keeps a row that a write has just replaced.
//!
//! A reader that misses loads the row and then wants to store it. If a write commits in between, the row is old. So a miss
//! gives a lease, to one reader at a time; forgetting a copy ends its lease; and a copy is stored only by who holds the
//! lease. A lease expires, should its holder never come back.
//!
//! Forget after the commit, by [`SharedCache::forget`], and wait for [`SharedCache::settle`] before the answer. While the
//! server is away readers go to the store, and what is to be forgotten is remembered: until the server has forgotten it,
//! this process does not read it from there. Another process may, for as long as it reaches the server and this one does
//! not; who cannot bear that lets events forget as well, by [`SharedCache::forget_now`].
//!
//! Any failure of the server is a miss: a cache fails nobody's call.

mod pending;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use fred::types::Value;
use plaza_core::{Cx, Env, Result};
use tokio::task::JoinHandle;

use super::{Redis, Script, ScriptCall};
use crate::Gauge;
use crate::flights::Flights;

use pending::{Pending, Work};

macro_rules! script {
    ($file:literal) => {
        LazyLock::new(|| Script::new(concat!(include_str!("epoch.lua"), include_str!($file))))
    };
}

static READ: LazyLock<Script> = script!("read.lua");
static KEEP: LazyLock<Script> = script!("keep.lua");
static FORGET: LazyLock<Script> = script!("forget.lua");

/// How long a reader may take to load what it then stores.
const LEASE_MS: i64 = 3_000;
/// How long a write waits for the server to forget.
const PATIENCE: Duration = Duration::from_millis(250);
/// How long the server may take to forget a batch, and how long to wait before it is asked again.
const FORGET_TIMEOUT: Duration = Duration::from_secs(1);
const AGAIN: Duration = Duration::from_millis(20);
/// How many names one script reads.
const AT_ONCE: usize = 500;

/// What a cache holds and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SharedCacheOptions {
    /// Name for keys and metrics. What is held in another form, by another version, needs another name.
    pub name: &'static str,
    /// How long a copy is served at most.
    pub ttl: Duration,
    /// Each copy lives shorter by a random time up to this, so that copies made together do not expire together.
    pub jitter: Duration,
}

/// How values are written and read.
pub struct Codec<V> {
    /// Writes a value.
    pub encode: fn(&V) -> Vec<u8>,
    /// Reads one; `None` for what is none.
    pub decode: fn(&[u8]) -> Option<V>,
}

/// The cache. Its sweeper ends with it.
pub struct SharedCache<V> {
    shared: Arc<Shared>,
    codec: Codec<V>,
    flights: Flights<String>,
    sweeper: JoinHandle<()>,
    hits: AtomicU64,
    misses: AtomicU64,
}

struct Shared {
    redis: Redis,
    env: Env,
    options: SharedCacheOptions,
    base: String,
    pending: Pending,
}

impl<V> std::fmt::Debug for SharedCache<V> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SharedCache").field("options", &self.shared.options).finish_non_exhaustive()
    }
}

/// What the server says of a name.
enum Found<V> {
    Copy(V),
    Lease,
    Nothing,
}

impl<V> Found<V> {
    fn copy(self) -> Option<V> {
        match self {
            Self::Copy(value) => Some(value),
            Self::Lease | Self::Nothing => None,
        }
    }
}

impl<V: Clone> SharedCache<V> {
    /// A cache on this server, whose commands should time out soon. Needs a runtime around it.
    #[must_use]
    pub fn new(redis: Redis, options: SharedCacheOptions, env: Env, codec: Codec<V>) -> Self {
        let base = redis.key(&format!("{}:", options.name));
        let shared = Arc::new(Shared { redis, env, options, base, pending: Pending::new() });
        let sweeper = tokio::spawn(shared.clone().sweep());
        let (hits, misses) = Default::default();
        Self { shared, codec, flights: Flights::default(), sweeper, hits, misses }
    }

    /// The copy, or what `load` gives, which is then kept. Of several callers of this process that miss the same name at
    /// once one loads and the others wait for it; if that leaves no copy, they load for themselves.
    ///
    /// # Errors
    /// What `load` returns; errors are not kept.
    pub async fn get_or_load<F>(&self, cx: &Cx, name: String, load: impl FnOnce() -> F) -> Result<V>
    where
        F: Future<Output = Result<V>>,
    {
        let names = [name];
        if let Some(Some(copy)) = self.peek(cx, &names).await.pop() {
            self.count(1, 0);
            return Ok(copy);
        }
        if !self.shared.usable(&names) {
            self.count(0, 1);
            return load().await;
        }
        let _lead = self.flights.join(&names[0]).await;
        // Whoever led before may have left a copy.
        let mine = self.shared.token();
        let found = self.read(cx, &names, &mine, LEASE_MS).await.pop();
        if let Some(Found::Copy(copy)) = found {
            self.count(1, 0);
            return Ok(copy);
        }
        self.count(0, 1);
        let value = load().await?;
        if let Some(Found::Lease) = found {
            let [name] = names;
            self.keep(cx, mine, [(name, &value)]).await;
        }
        Ok(value)
    }

    /// For each name its copy, or what `load` gives for it. `load` gets the indexes of all that are missing, each name one
    /// time, and must give a value for each in the same order.
    ///
    /// # Errors
    /// What `load` returns.
    pub async fn get_many<F>(&self, cx: &Cx, names: &[String], load: impl FnOnce(Vec<usize>) -> F) -> Result<Vec<V>>
    where
        F: Future<Output = Result<Vec<V>>>,
    {
        let mine = self.shared.token();
        let (mut values, mut first, mut missing, mut leased) = (Vec::new(), HashMap::new(), Vec::new(), Vec::new());
        for (at, found) in self.read(cx, names, &mine, LEASE_MS).await.into_iter().enumerate() {
            let absent = !matches!(found, Found::Copy(_));
            if absent && *first.entry(&names[at]).or_insert(at) == at {
                missing.push(at);
            }
            leased.push(matches!(found, Found::Lease));
            values.push(found.copy());
        }
        self.count(names.len() - missing.len(), missing.len());
        if !missing.is_empty() {
            let loaded = load(missing.clone()).await?;
            let kept = missing.iter().zip(&loaded).filter(|(at, _)| leased[**at]);
            self.keep(cx, mine, kept.map(|(at, value)| (names[*at].clone(), value)).collect::<Vec<_>>()).await;
            for (at, value) in missing.into_iter().zip(loaded) {
                values[at] = Some(value);
            }
        }
        let of = |at: usize| values[at].clone().or_else(|| values[*first.get(&names[at])?].clone());
        let all: Option<Vec<V>> = (0..names.len()).map(of).collect();
        all.ok_or_else(|| plaza_core::Error::internal("a load gave fewer values than were missing"))
    }

    /// The copies that there are; nothing is loaded.
    pub async fn peek(&self, cx: &Cx, names: &[String]) -> Vec<Option<V>> {
        let found = self.read(cx, names, &self.shared.token(), 0).await;
        found.into_iter().map(Found::copy).collect()
    }

    /// Forgets copies, and keeps loads that are under way from storing what they read before. Call it after the commit.
    /// Returns at once: see [`SharedCache::settle`].
    pub fn forget(&self, names: impl IntoIterator<Item = String>) {
        self.shared.pending.add(names);
    }

    /// Forgets everything; returns at once.
    pub fn clear(&self) {
        self.shared.pending.add_all();
    }

    /// Waits until the server has forgotten what it should so far, but not for long, and not if it is known to be away;
    /// whether it has.
    pub async fn settle(&self, cx: &Cx) -> bool {
        self.shared.settle(cx, PATIENCE).await
    }

    /// Forgets copies now.
    ///
    /// # Errors
    /// The server's; then they are forgotten later.
    pub async fn forget_now(&self, cx: &Cx, names: &[String]) -> Result<()> {
        self.forget(names.iter().cloned());
        match self.shared.settle(cx, FORGET_TIMEOUT).await {
            true => Ok(()),
            false => Err(super::unavailable()),
        }
    }

    /// Hits, misses, and what is still to be forgotten, labelled with the cache's name; and the connections.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    pub fn observe(&self) -> Vec<Gauge> {
        let figure = |what, value: u64| Gauge::new(what, "cache", self.shared.options.name, value as f64);
        vec![
            figure("cache_hits_total", self.hits.load(Ordering::Relaxed)),
            figure("cache_misses_total", self.misses.load(Ordering::Relaxed)),
            figure("cache_to_forget", self.shared.pending.len() as u64),
        ]
    }

    /// Waits a moment for what is to be forgotten.
    pub async fn close(&self) {
        let cx = Cx::background(self.shared.options.name, FORGET_TIMEOUT);
        self.shared.settle(&cx, FORGET_TIMEOUT).await;
        self.sweeper.abort();
    }

    fn count(&self, hits: usize, misses: usize) {
        self.hits.fetch_add(hits as u64, Ordering::Relaxed);
        self.misses.fetch_add(misses as u64, Ordering::Relaxed);
    }

    async fn read(&self, cx: &Cx, names: &[String], mine: &str, lease_ms: i64) -> Vec<Found<V>> {
        let mut found = Vec::with_capacity(names.len());
        for names in names.chunks(AT_ONCE) {
            let answers =
                if self.shared.usable(names) { self.ask(cx, names, mine, lease_ms).await } else { Vec::new() };
            let nothing = std::iter::repeat_with(|| Value::from(0));
            found.extend(answers.into_iter().chain(nothing).take(names.len()).map(|answer| self.found(&answer)));
        }
        found
    }

    async fn ask(&self, cx: &Cx, names: &[String], mine: &str, lease_ms: i64) -> Vec<Value> {
        let args =
            [Value::from(mine), lease_ms.into()].into_iter().chain(names.iter().map(|name| name.as_str().into()));
        self.shared.run(cx, &READ, args.collect()).await.unwrap_or_else(|error| {
            tracing::debug!(%error, cache = self.shared.options.name, "a cache does not answer");
            Vec::new()
        })
    }

    fn found(&self, answer: &Value) -> Found<V> {
        if let Value::Integer(leased) = answer {
            return if *leased == 1 { Found::Lease } else { Found::Nothing };
        }
        let Some((expires_at, encoded)) = answer.as_bytes().and_then(|bytes| bytes.split_first_chunk::<8>()) else {
            return Found::Nothing;
        };
        if i64::from_be_bytes(*expires_at) <= self.shared.env.now().0 {
            return Found::Nothing;
        }
        (self.codec.decode)(encoded).map_or(Found::Nothing, Found::Copy)
    }

    async fn keep<'v>(&self, cx: &Cx, mine: String, values: impl IntoIterator<Item = (String, &'v V)>)
    where
        V: 'v,
    {
        let mut args = vec![Value::from(mine)];
        for (name, value) in values {
            let lifetime = self.shared.lifetime();
            let mut copy = self.shared.env.now().plus_ms(lifetime).0.to_be_bytes().to_vec();
            copy.extend((self.codec.encode)(value));
            args.extend([name.into(), lifetime.into(), Value::Bytes(copy.into())]);
        }
        if args.len() > 1
            && let Err(error) = self.shared.run::<i64>(cx, &KEEP, args).await
        {
            tracing::debug!(%error, cache = self.shared.options.name, "a copy is not kept");
        }
    }
}

impl<V> Drop for SharedCache<V> {
    fn drop(&mut self) {
        self.sweeper.abort();
    }
}

impl Shared {
    /// A name that nobody else has.
    fn token(&self) -> String {
        self.env.event_id().simple().to_string()
    }

    /// Whether the server may be asked for these.
    fn usable(&self, names: &[String]) -> bool {
        self.redis.is_up() && !self.pending.holds(names)
    }

    fn lifetime(&self) -> i64 {
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let ttl = ms(self.options.ttl).saturating_sub(self.env.below(ms(self.options.jitter))).max(1);
        i64::try_from(ttl).unwrap_or(i64::MAX / 2)
    }

    async fn run<T: fred::types::FromValue>(&self, cx: &Cx, script: &Script, args: Vec<Value>) -> Result<T> {
        self.redis.run(cx, script, &ScriptCall::new(vec![self.base.clone()], args)).await
    }

    /// Tells the server what to forget, until it has.
    async fn sweep(self: Arc<Self>) {
        loop {
            let work = self.pending.next().await;
            let cx = Cx::background(self.options.name, FORGET_TIMEOUT);
            match self.tell(&cx, &work).await {
                Ok(_) => self.pending.finish(&work),
                Err(error) => {
                    tracing::debug!(%error, cache = self.options.name, "what is to be forgotten waits");
                    tokio::time::sleep(AGAIN).await;
                    // At once when the server is back; else it is asked again when the time of this is over.
                    let _ = self.redis.connected(&cx).await;
                }
            }
        }
    }

    async fn tell(&self, cx: &Cx, work: &Work) -> Result<i64> {
        let mut args = vec![Value::from(self.token())];
        if let Work::Names(names) = work {
            args.extend(names.iter().map(|(name, _)| Value::from(name.as_str())));
        }
        self.run(cx, &FORGET, args).await
    }

    async fn settle(&self, cx: &Cx, patience: Duration) -> bool {
        let (mark, mut progress) = (self.pending.mark(), self.pending.progress());
        let settled = async {
            while self.pending.waits(mark) {
                if !self.redis.is_up() || progress.changed().await.is_err() {
                    return false;
                }
            }
            true
        };
        tokio::time::timeout(patience.min(cx.remaining()), settled).await.unwrap_or(false)
    }
}
