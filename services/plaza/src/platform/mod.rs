//! A platform, or a part of one, in this process.

mod background;
mod folder;
mod limits;
mod parts;
mod peers;

use std::net::SocketAddr;
use std::sync::Arc;

use plaza_core::Env;
use plaza_events::{EventLog, NatsLog, NatsOptions, SqliteLog};
use plaza_proto::projections::v1::{ProjectionsServiceEntry, ProjectionsServiceServer};
use plaza_rpc::{Dependencies, Dependency, Gate, Metrics, ServeConfig, Server, admin};
use plaza_sessions::SessionVerifier;
use plaza_stores::{Gauge, ServerKind, StoreAddress};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::{EventsConfig, Service, Settings};
use crate::failure::{Failure, Result};
use crate::load::Door;
use crate::projections_service::Projections;

use background::Background;
use folder::Held;
use limits::Limits;
use parts::Parts;

pub use folder::read_secret;

/// Where to listen.
#[derive(Debug)]
pub struct Listeners {
    /// For gRPC.
    pub grpc: TcpListener,
    /// For metrics and health.
    pub admin: TcpListener,
}

impl Listeners {
    /// Binds what the settings name.
    ///
    /// # Errors
    /// An address that cannot be had, and what to do.
    pub async fn bind(settings: &Settings) -> Result<Self> {
        let grpc = bind(settings.grpc_address, "--grpc-address").await?;
        let admin = bind(settings.admin_address, "--admin-address").await?;
        Ok(Self { grpc, admin })
    }
}

async fn bind(address: SocketAddr, flag: &str) -> Result<TcpListener> {
    TcpListener::bind(address).await.map_err(|error| {
        let what = match error.kind() {
            std::io::ErrorKind::AddrInUse => "another process listens there; end it, or choose another".to_owned(),
            _ => format!("{error}; choose another"),
        };
        Failure::new(format!("{address} cannot be listened on: {what} with {flag} (port 0 takes a free one)"))
    })
}

/// Starts platforms.
#[derive(Debug)]
pub struct Platform;

/// A platform that runs. Dropping it stops it at once; [`Running::shutdown`] stops it in good order.
pub struct Running {
    grpc: SocketAddr,
    admin: SocketAddr,
    gate: Arc<Gate>,
    parts: Arc<Parts>,
    background: Arc<Background>,
    limits: Arc<Limits>,
    server: JoinHandle<plaza_core::Result<()>>,
    admin_server: JoinHandle<()>,
    admin_stop: CancellationToken,
    held: Held,
}

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").field("grpc", &self.grpc).field("admin", &self.admin).finish_non_exhaustive()
    }
}

impl Platform {
    /// Starts every service.
    ///
    /// # Errors
    /// Why it cannot start, and what to do.
    pub async fn start(settings: Settings, env: Env) -> Result<Running> {
        let listeners = Listeners::bind(&settings).await?;
        Self::start_on(settings, env, &Service::ALL, listeners).await
    }

    /// Starts `services` on listeners that are there.
    ///
    /// # Errors
    /// Why it cannot start, and what to do.
    pub async fn start_on(settings: Settings, env: Env, services: &[Service], listeners: Listeners) -> Result<Running> {
        refuse_apart(&settings, services)?;
        let held = folder::hold(&settings, services)?;
        let secret = folder::secret(&settings, &env).await?;
        let limits = Arc::new(Limits::open(&settings.rate_limit, &env).await?);
        if !settings.service_tokens {
            tracing::warn!("services are believed their names: nobody else must reach this process");
        }
        let gate = Gate::builder(env.clone(), &secret)
            .limiter(limits.limiter())
            .address_header(settings.rate_limit.header())
            .believe_service_names(!settings.service_tokens)
            .build();
        let log = open_log(&settings.events, &env).await?;
        let parts = Arc::new(Parts::build(&settings, &env, &gate, &secret, log, services).await?);
        let started = Self::assemble(&settings, env, gate, parts.clone(), limits, listeners, held).await;
        if started.is_err() {
            parts.close().await;
        }
        started
    }

    async fn assemble(
        settings: &Settings,
        env: Env,
        gate: Arc<Gate>,
        parts: Arc<Parts>,
        limits: Arc<Limits>,
        listeners: Listeners,
        held: Held,
    ) -> Result<Running> {
        let verifier = SessionVerifier::new(parts.peers.sessions()?, env.clone(), settings.sessions.issuer.clone());
        gate.set_verifier(verifier.for_gate());
        let log = parts.log.clone();
        let background = Arc::new(Background::new(&parts, log.clone(), &env, verifier));
        let events = log.clone();
        let projections = Projections::new(background.runners.clone(), background.relays.clone(), log, env);
        let mut server = Server::new(&gate, ServeConfig { grace: settings.drain(), ..ServeConfig::default() })
            .descriptors(plaza_proto::FILE_DESCRIPTOR_SET)
            // With these, tools such as grpcurl can show the details of errors.
            .descriptors(tonic_types::pb::FILE_DESCRIPTOR_SET)
            .mount(ProjectionsServiceServer::new(ProjectionsServiceEntry::new(Arc::new(projections), &gate)));
        for part in parts.iter() {
            server = server.mount_dyn(part.server());
        }
        let health = server.health();
        let mut needed = parts.dependencies();
        needed.push(events_dependency(events));
        needed.extend(limits.dependency());
        let dependencies = Dependencies::new(&health, needed);
        observe(gate.metrics(), &parts, &background, &limits);
        let asked = Arc::downgrade(&dependencies);
        gate.metrics().observe(Box::new(move || asked.upgrade().map_or_else(Vec::new, |all| all.gauges())));
        background.start(&parts, settings.maintenance());
        let (grpc, admin) = (address(&listeners.grpc)?, address(&listeners.admin)?);
        let admin_stop = CancellationToken::new();
        let admin_server = {
            let (metrics, listener, stop) = (gate.metrics().clone(), listeners.admin, admin_stop.clone());
            // Stores that close at the end are not missing.
            let ending = gate.shutdown().clone();
            async move {
                tokio::join!(dependencies.run(ending), admin::serve(listener, metrics, dependencies.clone(), stop));
            }
        };
        let (server, admin_server) = (tokio::spawn(server.serve(listeners.grpc)), tokio::spawn(admin_server));
        tracing::info!(%grpc, %admin, "serving");
        Ok(Running { grpc, admin, gate, parts, background, limits, server, admin_server, admin_stop, held })
    }

    /// Brings the stores of `services` to this version, and closes them again.
    ///
    /// # Errors
    /// A store that cannot be opened, or that a newer version has written.
    pub async fn migrate(mut settings: Settings, env: Env) -> Result<()> {
        let held = folder::hold(&settings, &Service::ALL)?;
        let secret = folder::secret(&settings, &env).await?;
        let gate = Gate::builder(env.clone(), &secret).build();
        settings.peers = crate::config::PeersConfig::default();
        let log = open_log(&settings.events, &env).await?;
        let parts = Parts::build(&settings, &env, &gate, &secret, log.clone(), &Service::ALL).await?;
        parts.close().await;
        log.close().await;
        drop(held);
        Ok(())
    }
}

/// Several processes of feeds share one projection, so that each alone would see a part of it, and read positions, so that
/// it does not matter which of them a device calls.
fn refuse_apart(settings: &Settings, services: &[Service]) -> Result<()> {
    let several = settings.peers.of(Service::Feeds).is_some_and(|address| address.contains(','));
    if !services.contains(&Service::Feeds) || !several {
        return Ok(());
    }
    let shared = |store: &StoreAddress| matches!(store, StoreAddress::Server(_));
    let missing = match (shared(&settings.feeds.store), shared(&settings.feeds.positions)) {
        (true, true) => return Ok(()),
        (false, _) => "their feeds: set `feeds.store` to redis://HOST:PORT",
        (true, false) => "read positions: set `feeds.positions` to postgres://HOST:PORT/DATABASE",
    };
    Err(Failure::new(format!("`peers.feeds` names several processes, which must share {missing}")))
}

async fn open_log(events: &EventsConfig, env: &Env) -> Result<Arc<dyn EventLog>> {
    let failed = |error| Failure::new(format!("the event log cannot be opened: {}", Failure::from(error)));
    if let Some(address) = events.store.server(ServerKind::Nats) {
        let EventsConfig { prefix, replicas, .. } = events.clone();
        let options = NatsOptions { prefix, replicas, ..NatsOptions::default() };
        return Ok(Arc::new(NatsLog::connect(address, options, env.clone()).await.map_err(failed)?));
    }
    let log = match events.store.sqlite_options() {
        Some(options) => SqliteLog::with_options(options),
        None => SqliteLog::ephemeral(),
    };
    Ok(Arc::new(log.map_err(failed)?))
}

fn address(listener: &TcpListener) -> Result<SocketAddr> {
    listener.local_addr().map_err(|error| Failure::new(format!("a listener without an address: {error}")))
}

/// Without the log nobody follows others' writes; what they hold is served on, and goes on from there later.
fn events_dependency(log: Arc<dyn EventLog>) -> Dependency {
    Dependency::new("events", move |cx| {
        let log = log.clone();
        Box::pin(async move { log.last_offset(cx).await.map(drop) })
    })
}

/// The metrics outlive the platform in the hands of the gate, so they hold on to nothing.
fn observe(metrics: &Metrics, parts: &Arc<Parts>, background: &Arc<Background>, limits: &Arc<Limits>) {
    let (parts, background, limits) = (Arc::downgrade(parts), Arc::downgrade(background), Arc::downgrade(limits));
    metrics.observe(Box::new(move || {
        let (Some(parts), Some(background)) = (parts.upgrade(), background.upgrade()) else { return Vec::new() };
        let limits = limits.upgrade().map_or_else(Vec::new, |limits| limits.gauges());
        let services = parts.gauges().into_iter().chain(background.gauges());
        services.chain(limits).map(exported).collect()
    }));
}

fn exported(gauge: Gauge) -> plaza_rpc::metrics::Gauge {
    let labels = gauge.labels.into_iter().map(|(name, value)| (name.to_owned(), value));
    (format!("plaza_{}", gauge.name), labels.collect(), gauge.value)
}

impl Running {
    /// Where gRPC is served.
    #[must_use]
    pub fn grpc(&self) -> SocketAddr {
        self.grpc
    }

    /// Where metrics and health are served.
    #[must_use]
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// The line that tells scripts that it serves.
    #[must_use]
    pub fn ready_line(&self) -> String {
        format!("ready: grpc={} admin={}", self.grpc, self.admin)
    }

    /// The way in from within this process.
    ///
    /// # Errors
    /// If a service runs neither here nor at a known place.
    pub fn door(&self) -> Result<Door> {
        self.parts.peers.all().map(Box::new).map(Door::Inside)
    }

    /// What all entries of the process share.
    #[must_use]
    pub fn gate(&self) -> &Arc<Gate> {
        &self.gate
    }

    /// Stops in good order: health says NOT_SERVING, streams end with UNAVAILABLE, work in hand finishes, events stay
    /// where they are, stores close.
    ///
    /// # Errors
    /// If the server failed while it served.
    pub async fn shutdown(self) -> Result<()> {
        self.gate.shutdown().cancel();
        let served = self.server.await;
        self.background.end().await;
        self.parts.close().await;
        self.background.close().await;
        self.limits.close().await;
        self.admin_stop.cancel();
        let _ = self.admin_server.await;
        drop(self.held);
        served.map_err(|e| Failure::new(format!("the server broke: {e}")))??;
        Ok(())
    }
}
