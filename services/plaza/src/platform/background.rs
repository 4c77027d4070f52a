//! What runs beside the calls: relays, consumers, the list of ended sessions, upkeep.

use std::sync::Arc;
use std::time::Duration;

use plaza_core::Env;
use plaza_events::{EventLog, Follower, Relay, RelayOptions, Runner, RunnerOptions};
use plaza_sessions::SessionVerifier;
use plaza_stores::Gauge;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::parts::Parts;

/// How long a consumer's batch in hand may go on after a stop.
const RUNNER_GRACE: Duration = Duration::from_secs(1);

/// The work beside the calls.
pub(super) struct Background {
    relays: Vec<Arc<Relay>>,
    pub(super) runners: Vec<Arc<Runner>>,
    followers: Vec<Arc<Follower>>,
    verifier: Arc<SessionVerifier>,
    log: Arc<dyn EventLog>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Background {
    /// Prepares a relay for each outbox, a consumer for each projection, and what follows events in this process.
    pub(super) fn new(parts: &Parts, log: Arc<dyn EventLog>, env: &Env, verifier: Arc<SessionVerifier>) -> Self {
        let relay = |outbox| Arc::new(Relay::new(outbox, log.clone(), env.clone(), RelayOptions::default()));
        let relays = parts.iter().filter_map(|part| part.outbox()).map(relay).collect();
        let mut runners = Vec::new();
        for (projection, marks) in parts.iter().flat_map(|part| part.projections()) {
            let options = RunnerOptions { grace: RUNNER_GRACE, ..RunnerOptions::default() };
            let runner = Runner::new(projection, log.clone(), env.clone(), options).with_marks(marks);
            runners.push(Arc::new(runner));
        }
        let follower = |(follow, followed)| Arc::new(Follower::new(follow, followed, log.clone(), env.clone()));
        let followers = parts.iter().flat_map(|part| part.followers()).map(follower).collect();
        Self { relays, runners, followers, verifier, log, stop: CancellationToken::new(), tasks: TaskTracker::new() }
    }

    /// Starts all of it.
    pub(super) fn start(&self, parts: &Arc<Parts>, every: Duration) {
        for relay in &self.relays {
            let (relay, stop) = (relay.clone(), self.stop.clone());
            self.tasks.spawn(async move { relay.run(stop).await });
        }
        for runner in &self.runners {
            let (runner, stop) = (runner.clone(), self.stop.clone());
            self.tasks.spawn(async move { runner.run(stop).await });
        }
        for follower in &self.followers {
            let (follower, stop) = (follower.clone(), self.stop.clone());
            self.tasks.spawn(async move { follower.run(stop).await });
        }
        let (verifier, stop) = (self.verifier.clone(), self.stop.clone());
        self.tasks.spawn(async move { verifier.run(stop.cancelled()).await });
        let (parts, stop) = (parts.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            loop {
                let round = async {
                    tokio::time::sleep(every).await;
                    parts.upkeep().await;
                };
                // Rows that are left wait for the next start.
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = round => {}
                }
            }
        });
    }

    /// Figures of all of it.
    pub(super) fn gauges(&self) -> Vec<Gauge> {
        let relays = self.relays.iter().flat_map(|relay| relay.observe());
        let runners = self.runners.iter().flat_map(|runner| runner.observe());
        let followers = self.followers.iter().map(|follower| follower.observe());
        relays.chain(runners).chain(followers).chain(self.verifier.gauges()).chain(self.log.observe()).collect()
    }

    /// Stops all of it, and waits until it has stored where it stands.
    pub(super) async fn end(&self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Closes the event log. Comes after [`Background::end`].
    pub(super) async fn close(&self) {
        self.log.close().await;
    }
}
