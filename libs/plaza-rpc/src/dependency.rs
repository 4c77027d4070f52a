//! What a process needs besides itself: asked in the background whether it is there, told to operators and to health.
//!
//! A service whose own truth is away cannot answer: its health turns NOT_SERVING. A peer or a derived store that is away
//! makes no service NOT_SERVING, as it goes on without, and one process that is away would take all others with it.
//! Whether the process lives never depends on any of it: a restart brings no store back.

use std::sync::Arc;
use std::time::Duration;

use futures::future::{BoxFuture, join_all};
use parking_lot::Mutex;
use plaza_core::{Cx, Result};
use tokio_util::sync::CancellationToken;

use crate::Health;
use crate::metrics::Gauge;

/// How long after an answer the next question comes.
const EVERY: Duration = Duration::from_secs(1);
/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(1);
/// So many failures in a row make a dependency missing that was there: one may be a hiccup.
const FAILURES: u32 = 2;

/// Asks whether something is there.
type Check = Box<dyn for<'a> Fn(&'a Cx) -> BoxFuture<'a, Result<()>> + Send + Sync>;

/// Something that a process needs.
pub struct Dependency {
    name: String,
    critical_to: Option<&'static str>,
    check: Check,
}

impl std::fmt::Debug for Dependency {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dependency").field("name", &self.name).finish_non_exhaustive()
    }
}

impl Dependency {
    /// A dependency that is there while `check` succeeds.
    pub fn new<F>(name: impl Into<String>, check: F) -> Self
    where
        F: for<'a> Fn(&'a Cx) -> BoxFuture<'a, Result<()>> + Send + Sync + 'static,
    {
        Self { name: name.into(), critical_to: None, check: Box::new(check) }
    }

    /// Without it, the service of this full name serves nothing.
    #[must_use]
    pub fn critical_to(mut self, service: &'static str) -> Self {
        self.critical_to = Some(service);
        self
    }
}

/// What is known of a dependency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DependencyStatus {
    /// Its name.
    pub name: String,
    /// The service that cannot do without it.
    pub critical_to: Option<&'static str>,
    /// Whether it is there; `None` before it was first asked.
    pub up: Option<bool>,
    /// The reason of the last failure, if it is missing.
    pub reason: String,
}

struct Entry {
    dependency: Dependency,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    up: Option<bool>,
    failures: u32,
    reason: String,
}

/// The dependencies of a process, and the health that follows from them.
pub struct Dependencies {
    entries: Vec<Entry>,
    health: Health,
}

impl std::fmt::Debug for Dependencies {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.status()).finish()
    }
}

impl Dependencies {
    /// What `health` depends on.
    #[must_use]
    pub fn new(health: &Health, dependencies: Vec<Dependency>) -> Arc<Self> {
        let entry = |dependency| Entry { dependency, known: Mutex::default() };
        Arc::new(Self { entries: dependencies.into_iter().map(entry).collect(), health: health.clone() })
    }

    /// Asks each again and again until `stop`.
    pub async fn run(&self, stop: CancellationToken) {
        let all = join_all(self.entries.iter().map(|entry| self.follow(entry)));
        tokio::select! {
            _ = all => stop.cancelled().await,
            () = stop.cancelled() => {}
        }
    }

    /// The health of the process.
    #[must_use]
    pub fn health(&self) -> &Health {
        &self.health
    }

    /// What is known of each.
    #[must_use]
    pub fn status(&self) -> Vec<DependencyStatus> {
        let status = |entry: &Entry| {
            let known = entry.known.lock();
            let Dependency { name, critical_to, .. } = &entry.dependency;
            let (name, reason) = (name.clone(), known.reason.clone());
            DependencyStatus { name, critical_to: *critical_to, up: known.up, reason }
        };
        self.entries.iter().map(status).collect()
    }

    /// `plaza_dependency_up` of each that was asked.
    #[must_use]
    pub fn gauges(&self) -> Vec<Gauge> {
        let gauge = |status: DependencyStatus| {
            let labels = vec![("dependency".to_owned(), status.name)];
            Some(("plaza_dependency_up".to_owned(), labels, f64::from(u8::from(status.up?))))
        };
        self.status().into_iter().filter_map(gauge).collect()
    }

    async fn follow(&self, entry: &Entry) {
        loop {
            let cx = Cx::background("health", TIMEOUT);
            let answer = cx.within((entry.dependency.check)(&cx)).await;
            self.note(entry, answer);
            tokio::time::sleep(EVERY).await;
        }
    }

    fn note(&self, entry: &Entry, answer: Result<()>) {
        let dependency = &*entry.dependency.name;
        let mut known = entry.known.lock();
        let before = known.up;
        match answer {
            Ok(()) => *known = Known { up: Some(true), ..Known::default() },
            Err(error) => {
                known.failures += 1;
                if before != Some(true) || known.failures >= FAILURES {
                    known.up = Some(false);
                    error.reason().clone_into(&mut known.reason);
                }
            }
        }
        let (now, reason) = (known.up, known.reason.clone());
        drop(known);
        if now == before {
            return;
        }
        match now {
            Some(false) => tracing::warn!(dependency, reason, "a dependency is missing"),
            _ if before == Some(false) => tracing::info!(dependency, "a dependency is back"),
            _ => {}
        }
        if let Some(service) = entry.dependency.critical_to {
            self.health.set(service, !self.lacks(service));
        }
    }

    /// Whether something is missing that `service` cannot do without.
    fn lacks(&self, service: &str) -> bool {
        let critical = self.entries.iter().filter(|entry| entry.dependency.critical_to == Some(service));
        critical.into_iter().any(|entry| entry.known.lock().up == Some(false))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use plaza_core::{Error, reason};

    use super::*;

    const SERVICE: &str = "plaza.sample.v1.SampleService";

    /// A dependency that is there while the switch is on.
    fn switched(name: &str) -> (Arc<AtomicBool>, Dependency) {
        let switch = Arc::new(AtomicBool::new(true));
        let on = switch.clone();
        let dependency = Dependency::new(name, move |_| {
            let on = on.load(Ordering::SeqCst);
            Box::pin(async move { if on { Ok(()) } else { Err(Error::new(reason::STORE_UNAVAILABLE)) } })
        });
        (switch, dependency)
    }

    async fn settle() {
        tokio::time::sleep(3 * EVERY).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_missing_truth_is_told_and_a_missing_peer_stops_nobody() {
        let ((store, needed), (peer, liked)) = (switched("store"), switched("peer"));
        let silent = Dependency::new("silent", |_| Box::pin(std::future::pending()));
        let shutdown = CancellationToken::new();
        let health = Health::new([SERVICE].into_iter(), shutdown.clone());
        let all = Dependencies::new(&health, vec![needed.critical_to(SERVICE), liked, silent]);
        assert!(all.gauges().is_empty() && all.status().iter().all(|status| status.up.is_none()));
        let run = tokio::spawn({
            let (all, stop) = (all.clone(), shutdown.clone());
            async move { all.run(stop).await }
        });
        let up = || all.status().into_iter().map(|status| (status.up == Some(true), status.reason)).collect::<Vec<_>>();
        let (yes, no) = (|| (true, String::new()), |reason: &str| (false, reason.to_owned()));

        settle().await;
        assert_eq!(up(), [yes(), yes(), no("DEADLINE_EXCEEDED")]);
        peer.store(false, Ordering::SeqCst);
        settle().await;
        assert_eq!(up(), [yes(), no("STORE_UNAVAILABLE"), no("DEADLINE_EXCEEDED")]);
        assert_eq!(health.is_serving(SERVICE), Some(true));
        store.store(false, Ordering::SeqCst);
        settle().await;
        assert_eq!(health.is_serving(SERVICE), Some(false));
        let values: Vec<f64> = all.gauges().into_iter().map(|(_, _, value)| value).collect();
        assert_eq!(values, [0.0, 0.0, 0.0]);
        store.store(true, Ordering::SeqCst);
        settle().await;
        assert_eq!((health.is_serving(SERVICE), up()[0].clone()), (Some(true), yes()));

        // Who shuts down does not come back for a store that does.
        store.store(false, Ordering::SeqCst);
        settle().await;
        shutdown.cancel();
        health.stop();
        all.note(&all.entries[0], Ok(()));
        assert_eq!(health.is_serving(SERVICE), Some(false));
        run.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn one_failure_is_a_hiccup() {
        let (_, needed) = switched("store");
        let health = Health::new([SERVICE].into_iter(), CancellationToken::new());
        let all = Dependencies::new(&health, vec![needed.critical_to(SERVICE)]);
        let failure = || Err(Error::new(reason::STORE_UNAVAILABLE));
        for (answer, serves) in
            [(Ok(()), true), (failure(), true), (Ok(()), true), (failure(), true), (failure(), false)]
        {
            all.note(&all.entries[0], answer);
            assert_eq!(health.is_serving(SERVICE), Some(serves));
        }
    }
}
