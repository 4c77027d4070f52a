//! Building a feed from the truth: following × recent posts.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, FutureExt as _, Shared};
use parking_lot::Mutex;
use plaza_core::{AccountId, Cx, Error, Result, TraceContext, reason};
use tokio::sync::Semaphore;

use super::peers::NAME;
use super::relations::floor;
use super::{Peers, Relations};
use crate::store::FeedStore;

/// A build that keeps failing, since follows and blocks come in between, is given up after this many tries.
const TRIES: usize = 8;
/// Builds that wait for their turn, for each that may run.
const QUEUE: usize = 64;

type Running = Shared<BoxFuture<'static, Result<usize>>>;

/// Builds feeds, each owner's one at a time. Concurrent readers of a cold feed share one build, which goes on if they
/// give up.
pub(crate) struct Builder(Arc<Inner>);

struct Inner {
    store: Arc<dyn FeedStore>,
    peers: Peers,
    relations: Arc<Relations>,
    cap: usize,
    timeout: Duration,
    most: usize,
    permits: Semaphore,
    running: Mutex<HashMap<AccountId, Running>>,
}

enum Flight {
    Joined(Running),
    Started(Running),
}

impl Builder {
    pub(crate) fn new(
        store: Arc<dyn FeedStore>,
        peers: Peers,
        relations: Arc<Relations>,
        cap: usize,
        at_once: usize,
        timeout: Duration,
    ) -> Self {
        let (permits, running) = (Semaphore::new(at_once), Mutex::default());
        Self(Arc::new(Inner { store, peers, relations, cap, timeout, most: at_once * QUEUE, permits, running }))
    }

    /// Builds the feed, or waits for the build that is under way. Returns how many entries it has.
    pub(crate) async fn shared(&self, cx: &Cx, owner: AccountId) -> Result<usize> {
        match self.join_or_start(cx.trace(), owner)? {
            Flight::Joined(running) | Flight::Started(running) => cx.within(running).await,
        }
    }

    /// Builds the feed from the truth of now: a build that began before does not do.
    pub(crate) async fn afresh(&self, cx: &Cx, owner: AccountId) -> Result<usize> {
        loop {
            match self.join_or_start(cx.trace(), owner)? {
                Flight::Started(running) => return cx.within(running).await,
                Flight::Joined(running) => {
                    // How it ends does not matter; that time may run out does.
                    cx.within(async { Ok(running.await.is_ok()) }).await?;
                }
            }
        }
    }

    fn join_or_start(&self, trace: Option<TraceContext>, owner: AccountId) -> Result<Flight> {
        let mut running = self.0.running.lock();
        if let Some(build) = running.get(&owner) {
            return Ok(Flight::Joined(build.clone()));
        }
        if running.len() >= self.0.most {
            return Err(Error::new(reason::OVERLOADED).retry_after(Duration::from_millis(200)));
        }
        let inner = self.0.clone();
        let task = tokio::spawn(async move {
            // Leaves the list of running builds however this ends.
            let _landing = Landing { inner: &inner, owner };
            let cx = Cx::background(NAME, inner.timeout).with_trace(trace);
            cx.within(inner.build(&cx, owner)).await
        });
        let ended = async move { task.await.unwrap_or_else(|e| Err(Error::internal(format!("feed build: {e}")))) };
        let build = ended.boxed().shared();
        running.insert(owner, build.clone());
        Ok(Flight::Started(build))
    }
}

struct Landing<'a> {
    inner: &'a Inner,
    owner: AccountId,
}

impl Drop for Landing<'_> {
    fn drop(&mut self) {
        self.inner.running.lock().remove(&self.owner);
    }
}

impl Inner {
    async fn build(&self, cx: &Cx, owner: AccountId) -> Result<usize> {
        let _permit = self.permits.acquire().await.map_err(|_| Error::new(reason::SHUTTING_DOWN))?;
        for _ in 0..TRIES {
            if let Some(entries) = self.build_once(cx, owner).await? {
                return Ok(entries);
            }
        }
        Err(Error::new(reason::OVERLOADED).with("feed", "changes faster than it can be built"))
    }

    /// `None` if a change came in between that what was read may not know of.
    async fn build_once(&self, cx: &Cx, owner: AccountId) -> Result<Option<usize>> {
        // The order matters: whatever is pushed after this is kept, whatever was written before it is read.
        let ticket = self.store.begin_build(cx, owner).await?;
        let celebrities = self.store.celebrities(cx).await?;
        let following = self.peers.following(cx, owner).await?;
        let pushed = following.iter().copied().filter(|author| !celebrities.contains(author));
        let authors: Vec<AccountId> = pushed.chain([owner]).collect();
        let refs = self.peers.refs(cx, &authors, None, self.cap).await?;
        let built = self.store.finish_build(cx, owner, ticket, &refs, floor(&refs, self.cap)).await?;
        // Known from now on, so that the feed can be read while graph is away.
        self.relations.learn(cx, owner).await?;
        Ok(built)
    }
}
