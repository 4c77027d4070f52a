//! Which machine of a peer a call goes to: the one with the least in hand of those that answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use parking_lot::{Mutex, RwLock};
use tokio::time::Instant;

use super::ChannelConfig;
use super::address::Target;
use super::backend::{Backend, State};
use super::resolve::Resolver;

/// Names are not looked up more often than this, however many connections fail.
const RESOLVE_AGAIN: Duration = Duration::from_secs(1);
/// No look-up is waited for longer.
const RESOLVE_TIMEOUT: Duration = Duration::from_secs(3);
/// No peer has more machines; the rest of a longer answer is not used.
const MAX_BACKENDS: usize = 64;

/// The machines of one peer.
pub(super) struct Balancer {
    targets: Vec<Target>,
    has_names: bool,
    resolver: Arc<dyn Resolver>,
    config: ChannelConfig,
    backends: RwLock<Arc<[Arc<Backend>]>>,
    next: AtomicUsize,
    /// When the names were last looked up; `None` for never.
    resolved: Mutex<Option<Instant>>,
    resolving: tokio::sync::Mutex<()>,
    refreshing: AtomicBool,
}

impl Balancer {
    pub(super) fn new(targets: Vec<Target>, config: ChannelConfig, resolver: Arc<dyn Resolver>) -> Self {
        let has_names = targets.iter().any(|target| target.number().is_none());
        let numbers = targets.iter().filter_map(|target| Some((target.number()?, target)));
        let backends = numbers.map(|(address, target)| Backend::new(address, target.origin.clone(), config));
        let backends: Arc<[_]> = backends.collect();
        Self {
            targets,
            has_names,
            resolver,
            config,
            backends: RwLock::new(backends),
            next: AtomicUsize::new(0),
            resolved: Mutex::new(None),
            resolving: tokio::sync::Mutex::new(()),
            refreshing: AtomicBool::new(false),
        }
    }

    /// All machines there are.
    pub(super) fn all(&self) -> Arc<[Arc<Backend>]> {
        self.backends.read().clone()
    }

    /// The machine for a call that was tried on `tried` without being begun there; `None` if there is none to try.
    pub(super) async fn pick(self: &Arc<Self>, tried: &[SocketAddr]) -> Option<Arc<Backend>> {
        if self.has_names {
            match self.age() {
                None => self.resolve_unless_younger(Duration::MAX).await,
                Some(age) if age >= self.config.resolve_every => self.refresh(),
                Some(_) => {}
            }
        }
        let picked = self.best(tried);
        let hopeless = picked.as_ref().is_none_or(|backend| backend.state() >= State::Refusing);
        if !(hopeless && self.has_names && self.age().is_none_or(|age| age >= RESOLVE_AGAIN)) {
            return picked;
        }
        // The machines may have gone elsewhere.
        self.resolve_unless_younger(RESOLVE_AGAIN).await;
        self.best(tried)
    }

    /// The best machine: one that answers before one that may not, one that was not tried before one that was, one with
    /// little in hand before one with much. One that was tried and refused, or that is silent, is none.
    fn best(&self, tried: &[SocketAddr]) -> Option<Arc<Backend>> {
        let backends = self.backends.read();
        let start = self.next.fetch_add(1, Ordering::Relaxed);
        let rank = |backend: &Backend| match (backend.state(), tried.contains(&backend.address)) {
            (State::Up, false) => Some(0),
            (State::Suspect, false) => Some(1),
            (State::Up, true) => Some(2),
            (State::Refusing, false) => Some(3),
            (State::Suspect, true) => Some(4),
            (State::Refusing, true) | (State::Silent, _) => None,
        };
        let turns = (0..backends.len()).map(|n| &backends[(start + n) % backends.len()]);
        let ranked = turns.filter_map(|backend| Some((rank(backend)?, backend.load(), backend)));
        ranked.min_by_key(|(rank, load, _)| (*rank, *load)).map(|(_, _, backend)| backend.clone())
    }

    fn age(&self) -> Option<Duration> {
        self.resolved.lock().map(|at| at.elapsed())
    }

    /// Looks the names up again, beside the calls.
    fn refresh(self: &Arc<Self>) {
        if self.refreshing.swap(true, Ordering::AcqRel) {
            return;
        }
        let this = self.clone();
        tokio::spawn(async move {
            this.resolve_unless_younger(this.config.resolve_every).await;
            this.refreshing.store(false, Ordering::Release);
        });
    }

    /// Looks the names up, unless somebody did so meanwhile.
    async fn resolve_unless_younger(&self, than: Duration) {
        let _turn = self.resolving.lock().await;
        if self.age().is_some_and(|age| age < than) {
            return;
        }
        let (mut found, mut failed) = (Vec::new(), false);
        for target in &self.targets {
            match self.machines(target).await {
                Some(machines) => found.extend(machines.into_iter().map(|machine| (machine, target))),
                None => failed = true,
            }
        }
        self.adopt(&found, failed);
        *self.resolved.lock() = Some(Instant::now());
    }

    async fn machines(&self, target: &Target) -> Option<Vec<SocketAddr>> {
        if let Some(number) = target.number() {
            return Some(vec![number]);
        }
        let resolve = self.resolver.resolve(&target.host, target.port);
        let host = &target.host;
        match tokio::time::timeout(RESOLVE_TIMEOUT, resolve).await {
            Ok(Ok(machines)) => return Some(machines),
            Ok(Err(error)) => tracing::warn!(host, %error, "a peer's name is not known"),
            Err(_) => tracing::warn!(host, "a peer's name takes too long to look up"),
        }
        None
    }

    /// Keeps the machines that are still there, drops those that are gone, adds those that came. While a name cannot be
    /// looked up, nothing is dropped.
    fn adopt(&self, found: &[(SocketAddr, &Target)], keep_all: bool) {
        let mut backends = self.backends.write();
        let is_found = |address: SocketAddr| found.iter().any(|(found, _)| *found == address);
        let mut next: Vec<Arc<Backend>> =
            backends.iter().filter(|backend| keep_all || is_found(backend.address)).cloned().collect();
        for (address, target) in found {
            if next.len() < MAX_BACKENDS && !next.iter().any(|backend| backend.address == *address) {
                next.push(Backend::new(*address, target.origin.clone(), self.config));
            }
        }
        if next.len() != backends.len() || next.iter().zip(backends.iter()).any(|(a, b)| !Arc::ptr_eq(a, b)) {
            let addresses: Vec<SocketAddr> = next.iter().map(|backend| backend.address).collect();
            tracing::debug!(?addresses, "a peer's machines");
            *backends = next.into();
        }
    }
}
