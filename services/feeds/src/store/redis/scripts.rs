//! The scripts, and the run of the server that they are for.
//!
//! A server that comes back from its disk, or a replica that takes over, may lack what was pushed last, and a feed that
//! lacks a push looks whole when it is not. So all that is kept carries the *run*: the identity that a server draws anew
//! each time it starts. The text of each script names the run, so a server that was started since does not know the
//! script, by whomever it is sent: nothing of an earlier run is read or written before its caller has asked for the run.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fred::bytes::Bytes;
use fred::error::Error as DriverError;
use fred::interfaces::ClientLike as _;
use fred::types::{ClusterHash, CustomCommand, FromValue, InfoKind, Value};
use futures::FutureExt as _;
use parking_lot::RwLock;
use plaza_core::{Cx, Error, Result};
use plaza_stores::redis::{Connection, Redis, map_err, pipeline, unavailable};
use tokio::sync::Mutex;

/// A server that changes more often while one call is made cannot be used.
const TRIES: usize = 3;
/// How much of the server's identity stands in a script: 64 bits.
const RUN: usize = 16;
/// How many scripts go out at once.
const PIPELINE: usize = 8;

const PRELUDE: &str = include_str!("lua/prelude.lua");

macro_rules! scripts {
    ($($name:ident: $file:literal),* $(,)?) => {
        /// A script, by what it does.
        #[derive(Clone, Copy, Debug)]
        pub(super) enum Script {
            $($name),*
        }

        const SOURCES: &[&str] = &[$(include_str!(concat!("lua/", $file))),*];
    };
}

scripts! {
    Page: "page.lua",
    Windows: "windows.lua",
    Held: "held.lua",
    Push: "push.lua",
    Remove: "remove.lua",
    Merge: "merge.lua",
    Purge: "purge.lua",
    Begin: "begin.lua",
    Finish: "finish.lua",
    Mark: "mark.lua",
    Marks: "marks.lua",
}

/// What a script is run with.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) keys: Vec<String>,
    pub(super) args: Vec<Value>,
}

/// Runs scripts on a server, whichever run it is in.
pub(super) struct Scripts {
    redis: Redis,
    loaded: RwLock<Option<Arc<Loaded>>>,
    loading: Mutex<()>,
    loads: AtomicU64,
}

/// The hashes of the scripts of one run, in the order of [`SOURCES`].
struct Loaded(Vec<String>);

impl Scripts {
    pub(super) fn new(redis: Redis) -> Self {
        Self { redis, loaded: RwLock::default(), loading: Mutex::default(), loads: AtomicU64::new(0) }
    }

    /// How often the scripts were loaded: at least once for each run of the server.
    pub(super) fn loads(&self) -> u64 {
        self.loads.load(Ordering::Relaxed)
    }

    /// Runs a script once.
    pub(super) async fn run<T: FromValue>(&self, cx: &Cx, script: Script, call: Call) -> Result<T> {
        let mut answers = self.run_all(cx, script, vec![call]).await?;
        answers.pop().ok_or_else(|| Error::internal("a script was not answered"))
    }

    /// Runs an idempotent script for each call, pipelined; answers in the order of the calls. After an error any of them
    /// may have been run.
    pub(super) async fn run_all<T: FromValue>(&self, cx: &Cx, script: Script, calls: Vec<Call>) -> Result<Vec<T>> {
        let mut answers = Vec::with_capacity(calls.len());
        for calls in calls.chunks(PIPELINE) {
            // Boxed: the driver's futures are too deep to be nested by type.
            answers.append(&mut self.run_some(cx, script, calls).boxed().await?);
        }
        answers.into_iter().map(|answer| answer.convert().map_err(map_err)).collect()
    }

    async fn run_some(&self, cx: &Cx, script: Script, calls: &[Call]) -> Result<Vec<Value>> {
        let mut unknown = None;
        for _ in 0..TRIES {
            let loaded = self.loaded(cx, unknown.as_ref()).await?;
            let hash = &loaded.0[script as usize];
            let sent = self.redis.call(cx, |connection| async move { known(send(connection, hash, calls).await) });
            match sent.await? {
                Some(answers) => return Ok(answers),
                None => unknown = Some(loaded),
            }
        }
        Err(unavailable())
    }

    /// The scripts as the server knows them; loads them if it does not, or did not know those of `unknown`.
    async fn loaded(&self, cx: &Cx, unknown: Option<&Arc<Loaded>>) -> Result<Arc<Loaded>> {
        let fit = |loaded: &Arc<Loaded>| unknown.is_none_or(|unknown| !Arc::ptr_eq(unknown, loaded));
        let current = || self.loaded.read().clone().filter(fit);
        if let Some(loaded) = current() {
            return Ok(loaded);
        }
        let _alone = cx.within(async { Ok(self.loading.lock().await) }).await?;
        if let Some(loaded) = current() {
            return Ok(loaded);
        }
        let loaded = Arc::new(self.load(cx).await?);
        *self.loaded.write() = Some(loaded.clone());
        self.loads.fetch_add(1, Ordering::Relaxed);
        Ok(loaded)
    }

    async fn load(&self, cx: &Cx) -> Result<Loaded> {
        let mut run = self.run_id(cx).await?;
        for _ in 0..TRIES {
            let texts: Vec<String> =
                SOURCES.iter().map(|source| format!("local RUN = '{run}'\n{PRELUDE}\n{source}")).collect();
            let hashes = self.redis.call(cx, |connection| async move { load_all(connection, &texts).await }).await?;
            // The server may have been started anew between question and answer.
            let now = self.run_id(cx).await?;
            if now == run {
                tracing::info!(%run, "feeds of other runs of redis are cold from now on");
                return Ok(Loaded(hashes));
            }
            run = now;
        }
        Err(unavailable())
    }

    /// What names this run of the server.
    async fn run_id(&self, cx: &Cx) -> Result<String> {
        let info: String =
            self.redis.call(cx, |connection| async move { connection.info(Some(InfoKind::Server)).await }).await?;
        let id = info.lines().find_map(|line| line.strip_prefix("run_id:")).map(str::trim).unwrap_or_default();
        match id.get(..RUN) {
            Some(run) if run.bytes().all(|b| b.is_ascii_alphanumeric()) => Ok(run.to_owned()),
            _ => Err(Error::internal("redis does not tell the id of its run")),
        }
    }
}

async fn load_all(connection: Connection, texts: &[String]) -> std::result::Result<Vec<String>, DriverError> {
    let pipeline = pipeline(connection);
    for text in texts {
        // Queued, not sent: there is no answer yet.
        let () = pipeline.custom(command("SCRIPT"), vec![Value::from("LOAD"), text.as_str().into()]).await?;
    }
    pipeline.all().await
}

async fn send(connection: Connection, hash: &str, calls: &[Call]) -> std::result::Result<Vec<Value>, DriverError> {
    if let [only] = calls {
        return Ok(vec![connection.custom(command("EVALSHA"), arguments(hash, only)).await?]);
    }
    let pipeline = pipeline(connection);
    for call in calls {
        let () = pipeline.custom(command("EVALSHA"), arguments(hash, call)).await?;
    }
    pipeline.try_all().await.into_iter().collect()
}

/// As a custom command, since the driver's own has no place in a pipeline with a timeout.
fn command(name: &'static str) -> CustomCommand {
    CustomCommand::new_static(name, ClusterHash::Random, false)
}

fn arguments(hash: &str, call: &Call) -> Vec<Value> {
    let mut arguments = Vec::with_capacity(2 + call.keys.len() + call.args.len());
    arguments.push(hash.into());
    arguments.push(i64::try_from(call.keys.len()).unwrap_or(i64::MAX).into());
    arguments.extend(call.keys.iter().map(|key| Value::Bytes(Bytes::copy_from_slice(key.as_bytes()))));
    arguments.extend(call.args.iter().cloned());
    arguments
}

/// `None` if the server does not know the script, which then did nothing.
fn known<T>(answer: std::result::Result<T, DriverError>) -> std::result::Result<Option<T>, DriverError> {
    match answer {
        Err(error) if error.details().starts_with("NOSCRIPT") => Ok(None),
        answer => answer.map(Some),
    }
}
