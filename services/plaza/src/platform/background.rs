//! What runs beside the calls: relays, consumers, the list of ended sessions, upkeep.

use std::sync::Arc;
use std::time::Duration;

use plaza_core::Env;
use plaza_events::{EventLog, Relay, RelayOptions, Runner, RunnerOptions};
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
    verifier: Arc<SessionVerifier>,
    log: Arc<dyn EventLog>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Background {
    /// Prepares a relay for each outbox and a consumer for each projection.
    pub(super) fn new(parts: &Parts, log: Arc<dyn EventLog>, env: &Env, verifier: Arc<SessionVerifier>) -> Self {
        let relay = |outbox| Arc::new(Relay::new(outbox, log.clone(), env.clone(), RelayOptions::default()));
        let relays = parts.iter().filter_map(|part| part.outbox()).map(relay).collect();
        let mut runners = Vec::new();
        for (projection, marks) in parts.iter().flat_map(|part| part.projections()) {
            let options = RunnerOptions { grace: RUNNER_GRACE, ..RunnerOptions::default() };
            let runner = Runner::new(projection, log.clone(), env.clone(), options).with_marks(marks);
            runners.push(Arc::new(runner));
        }
        Self { relays, runners, verifier, log, stop: CancellationToken::new(), tasks: TaskTracker::new() }
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
        relays.chain(runners).chain(self.verifier.gauges()).chain(self.log.observe()).collect()
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
