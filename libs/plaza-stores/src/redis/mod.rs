//! Redis, or Valkey, as a service's store.
//!
//! A few connections are shared by all calls. Every call ends at its own deadline and at the command timeout, whichever
//! is first; while no connection answers, calls are refused at once. A command is sent once: if its connection ends before
//! the answer came, it may or may not have been performed, and its caller decides what to do about that.
//!
//! All keys begin with the prefix that the address names (`redis://HOST/0?prefix=plaza:`); get them by [`Redis::key`].
//!
//! ```no_run
//! # async fn example(cx: &plaza_core::Cx, address: &plaza_stores::ServerAddress) -> plaza_core::Result<()> {
//! use std::sync::LazyLock;
//!
//! use fred::interfaces::KeysInterface as _;
//! use plaza_stores::redis::{Redis, RedisOptions, Script, ScriptCall};
//!
//! static ADD: LazyLock<Script> = LazyLock::new(|| Script::new("return redis.call('INCRBY', KEYS[1], ARGV[1])"));
//! let redis = Redis::open(address, RedisOptions::new("notes"))?;
//! redis.connected(cx).await?;
//! let key = redis.key("counter");
//! let sum: i64 = redis.run(cx, &ADD, &ScriptCall::new(vec![key.clone()], vec![5.into()])).await?;
//! let read: Option<i64> = redis.call(cx, |connection| async move { connection.get(key).await }).await?;
//! # Ok(()) }
//! ```

mod cache;
mod errors;
mod gcra;
mod link;
mod options;
mod script;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use fred::clients::{Client, Pipeline, WithOptions};
use fred::error::Error as DriverError;
use fred::interfaces::ClientLike as _;
use fred::types::FromValue;
use plaza_core::{Cx, Error, Result, reason};
use tokio::sync::watch;

use crate::{Gauge, ServerAddress};

pub use cache::{Codec, SharedCache, SharedCacheOptions};
pub use errors::{map_err, unavailable};
pub use gcra::{Gcra, Taken};
pub use options::RedisOptions;
pub use script::{Script, ScriptCall};

use link::{Link, Plan};
use options::Target;

/// A connection as one call has it: what is sent on it ends with the call.
pub type Connection = WithOptions<Client>;

/// How many scripts go out in one pipeline.
const PIPELINE: usize = 256;

/// A server's store. Clones share the connections, which end with the last of them, or by [`Redis::close`].
#[derive(Clone)]
pub struct Redis(Arc<Inner>);

struct Inner {
    options: RedisOptions,
    prefix: String,
    /// For messages: without the password.
    address: String,
    links: Vec<Link>,
    next: AtomicUsize,
    closed: AtomicBool,
    changed: watch::Receiver<u64>,
    failed: AtomicU64,
    refused: AtomicU64,
}

impl std::fmt::Debug for Redis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Inner { address, prefix, .. } = &*self.0;
        f.debug_struct("Redis").field("address", address).field("prefix", prefix).finish_non_exhaustive()
    }
}

impl Redis {
    /// Begins to connect, and does not wait for it: see [`Redis::connected`]. Needs a runtime around it.
    ///
    /// # Errors
    /// `INVALID_FIELDS` with a message for the operator if the address is not right.
    pub fn open(address: &ServerAddress, options: RedisOptions) -> Result<Self> {
        let Target { config, prefix } = Target::of(address)?;
        let plan = Arc::new(Plan { config, options });
        let (sender, changed) = watch::channel(0);
        let links = (0..options.connections.max(1)).map(|_| Link::start(plan.clone(), sender.clone())).collect();
        Ok(Self(Arc::new(Inner {
            options,
            prefix,
            address: address.redacted(),
            links,
            next: AtomicUsize::new(0),
            closed: AtomicBool::new(false),
            changed,
            failed: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        })))
    }

    /// Waits until the server answers: for stores of truth, at start.
    ///
    /// # Errors
    /// `STORE_UNAVAILABLE` with a message for the operator if it does not by the deadline.
    pub async fn connected(&self, cx: &Cx) -> Result<()> {
        let mut changed = self.0.changed.clone();
        let up = async {
            while !self.is_up() {
                changed.changed().await.map_err(|_| closed())?;
            }
            Ok(())
        };
        let silent = || unavailable().message(format!("redis does not answer at {}", self.0.address));
        cx.within(up).await.map_err(|error| if error.is(reason::DEADLINE_EXCEEDED) { silent() } else { error })
    }

    /// Whether a call would reach the server now.
    #[must_use]
    pub fn is_up(&self) -> bool {
        !self.0.closed.load(Ordering::Acquire) && self.0.links.iter().any(Link::is_up)
    }

    /// The key of this name, with the store's prefix.
    #[must_use]
    pub fn key(&self, name: &str) -> String {
        format!("{}{name}", self.0.prefix)
    }

    /// Runs `work` on a connection. It is to send one command or one pipeline ([`pipeline`]), as it is not repeated.
    ///
    /// # Errors
    /// `STORE_UNAVAILABLE` if the server does not answer, at once if that is known; `OVERLOADED` if too many calls wait;
    /// `DEADLINE_EXCEEDED` when time runs out. After the first and the last a write may or may not have been performed.
    pub async fn call<T, F>(&self, cx: &Cx, work: impl FnOnce(Connection) -> F) -> Result<T>
    where
        F: Future<Output = std::result::Result<T, DriverError>>,
    {
        self.answered(cx, work).await?.map_err(map_err).inspect_err(|_| self.failed())
    }

    /// Runs a script.
    ///
    /// # Errors
    /// As [`Redis::call`]; `INTERNAL` if the script fails.
    pub async fn run<T: FromValue>(&self, cx: &Cx, script: &Script, call: &ScriptCall) -> Result<T> {
        let by_hash = self.answered(cx, |connection| async move { script.by_hash(&connection, call).await }).await?;
        match by_hash {
            // The server was restarted, or told to forget scripts; it has done nothing.
            Err(error) if errors::is_unknown_script(&error) => {
                self.call(cx, |connection| async move { script.whole(&connection, call).await }).await
            }
            answer => answer.map_err(map_err).inspect_err(|_| self.failed()),
        }
    }

    /// Runs a script for each of `calls`, in pipelines of a few hundred, in their order unless the server has just
    /// forgotten the script. Answers stand in the order of the calls; one that fails leaves the others alone.
    ///
    /// # Errors
    /// As [`Redis::call`], if a pipeline as a whole was not answered; those before it were run.
    pub async fn run_many<T: FromValue>(
        &self,
        cx: &Cx,
        script: &Script,
        calls: &[ScriptCall],
    ) -> Result<Vec<Result<T>>> {
        let mut answers = Vec::with_capacity(calls.len());
        for calls in calls.chunks(PIPELINE) {
            let answered = self.pipelined(cx, script, calls).await?;
            for (answer, call) in answered.into_iter().zip(calls) {
                answers.push(match answer {
                    Err(error) if errors::is_unknown_script(&error) => self.run(cx, script, call).await,
                    answer => answer.map_err(map_err),
                });
            }
        }
        Ok(answers)
    }

    async fn pipelined<T: FromValue>(
        &self,
        cx: &Cx,
        script: &Script,
        calls: &[ScriptCall],
    ) -> Result<Vec<std::result::Result<T, DriverError>>> {
        self.call(cx, |connection| async move {
            let pipeline = pipeline(connection);
            for call in calls {
                // Queued, not sent: there is no answer yet.
                script.by_hash::<_, ()>(&pipeline, call).await?;
            }
            let mut answers = pipeline.try_all().await;
            if answers.len() == calls.len() {
                return Ok(answers);
            }
            // Not answered at all, which the driver tells by a single error.
            let lost = || DriverError::new(fred::error::ErrorKind::Protocol, "answers are missing");
            Err(answers.pop().and_then(std::result::Result::err).unwrap_or_else(lost))
        })
        .await
    }

    /// Asks the server for a sign of life: for health.
    ///
    /// # Errors
    /// As [`Redis::call`].
    pub async fn ping(&self, cx: &Cx) -> Result<()> {
        self.call(cx, |connection| async move { connection.ping(None).await }).await
    }

    /// Connections that work, and how many calls failed or were refused, labelled with the store's name.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    pub fn observe(&self) -> Vec<Gauge> {
        let Inner { links, failed, refused, options, .. } = &*self.0;
        let figure = |what, value: u64| Gauge::new(what, "store", options.name, value as f64);
        let up = links.iter().filter(|link| link.is_up()).count();
        vec![
            figure("redis_connections_up", up as u64),
            figure("redis_connections_lost_total", links.iter().map(Link::losses).sum()),
            figure("redis_calls_failed_total", failed.load(Ordering::Relaxed)),
            figure("redis_calls_refused_total", refused.load(Ordering::Relaxed)),
        ]
    }

    /// Ends the connections. Calls under way fail, and so do those that come. Calling it again is fine.
    pub async fn close(&self) {
        if !self.0.closed.swap(true, Ordering::AcqRel) {
            for link in &self.0.links {
                link.close().await;
            }
        }
    }

    /// What the driver answers by the deadline.
    async fn answered<T, F>(
        &self,
        cx: &Cx,
        work: impl FnOnce(Connection) -> F,
    ) -> Result<std::result::Result<T, DriverError>>
    where
        F: Future<Output = std::result::Result<T, DriverError>>,
    {
        let remaining = cx.remaining();
        if remaining.is_zero() {
            return Err(Error::new(reason::DEADLINE_EXCEEDED));
        }
        let (client, _permit) = self.enter()?;
        let timeout = self.0.options.command_timeout.min(remaining);
        let answer = cx.within(async { Ok(work(client.with_options(&Plan::once(timeout))).await) }).await?;
        match answer {
            // It was the call's time that ran out, not the store's.
            Err(_) if cx.remaining().is_zero() => Err(Error::new(reason::DEADLINE_EXCEEDED)),
            answer => Ok(answer),
        }
    }

    /// The next connection that works, with leave to use it.
    fn enter(&self) -> Result<(Client, tokio::sync::OwnedSemaphorePermit)> {
        let Inner { links, next, closed: is_closed, refused, .. } = &*self.0;
        if is_closed.load(Ordering::Acquire) {
            return Err(closed());
        }
        let first = next.fetch_add(1, Ordering::Relaxed);
        let mut full = false;
        for link in (0..links.len()).map(|n| &links[first.wrapping_add(n) % links.len()]).filter(|link| link.is_up()) {
            match link.enter() {
                Some(entered) => return Ok(entered),
                None => full = true,
            }
        }
        refused.fetch_add(1, Ordering::Relaxed);
        Err(if full { errors::overloaded() } else { unavailable() })
    }

    fn failed(&self) {
        self.0.failed.fetch_add(1, Ordering::Relaxed);
    }
}

/// A pipeline on a call's connection: what is called on it goes out at once, by `all` or `try_all`.
#[must_use]
pub fn pipeline(connection: Connection) -> Pipeline<Connection> {
    Pipeline::from(connection)
}

fn closed() -> Error {
    Error::new(reason::STORE_UNAVAILABLE).message("the store is closed")
}
