//! A gRPC server on one listener: generated services, health, reflection.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use plaza_core::{Error, Result};
use prost::Message as _;
use prost_types::{FileDescriptorSet, MethodDescriptorProto};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::body::Body;
use tonic::service::Routes;

use crate::limit::RemoteAddress;
use crate::router::{Capacity, Router};
use crate::{Gate, Health, RpcService};

/// Bounds of a server.
#[derive(Clone, Copy, Debug)]
pub struct ServeConfig {
    /// How many calls with a single answer may run at once in the process; more are shed.
    pub max_calls: usize,
    /// How many streams may be open at once in the process; more are shed.
    pub max_streams: usize,
    /// How many calls may run at once on one connection; more wait at the client.
    pub max_streams_per_connection: u32,
    /// The largest block of metadata, in bytes; a larger one is refused, one over four times as large without a word.
    pub max_headers: u32,
    /// How often an idle connection is tried.
    pub keepalive: Duration,
    /// How long a tried connection has to answer.
    pub keepalive_timeout: Duration,
    /// After how long a connection's client is asked to connect anew, so that load spreads; each connection's own age
    /// lies within a tenth of it.
    pub max_connection_age: Duration,
    /// How long to go on accepting after health turned NOT_SERVING, for load balancers to notice.
    pub drain: Duration,
    /// How long work in hand may take to finish at shutdown.
    pub grace: Duration,
}

impl Default for ServeConfig {
    fn default() -> Self {
        Self {
            max_calls: 4_096,
            max_streams: 16_384,
            max_streams_per_connection: 256,
            max_headers: 16 << 10,
            keepalive: Duration::from_secs(30),
            keepalive_timeout: Duration::from_secs(10),
            max_connection_age: Duration::from_secs(30 * 60),
            drain: Duration::ZERO,
            grace: Duration::from_secs(8),
        }
    }
}

/// A server being put together.
pub struct Server {
    gate: Arc<Gate>,
    config: ServeConfig,
    services: Vec<Arc<dyn RpcService>>,
    descriptors: Vec<&'static [u8]>,
    health: Option<Health>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.services.iter().map(|s| s.name()).collect();
        f.debug_struct("Server").field("services", &names).field("config", &self.config).finish_non_exhaustive()
    }
}

impl Server {
    /// A server without services. It shuts down when the gate's token says so.
    #[must_use]
    pub fn new(gate: &Arc<Gate>, config: ServeConfig) -> Self {
        Self { gate: gate.clone(), config, services: Vec::new(), descriptors: Vec::new(), health: None }
    }

    /// Mounts a service.
    #[must_use]
    pub fn mount(mut self, service: impl RpcService) -> Self {
        self.services.push(Arc::new(service));
        self
    }

    /// Mounts a service whose type is not known.
    #[must_use]
    pub fn mount_dyn(mut self, service: Arc<dyn RpcService>) -> Self {
        self.services.push(service);
        self
    }

    /// An encoded descriptor set for reflection; it must hold every mounted service.
    #[must_use]
    pub fn descriptors(mut self, set: &'static [u8]) -> Self {
        self.descriptors.push(set);
        self
    }

    /// The health of the mounted services; call it after the last one is mounted.
    #[must_use]
    pub fn health(&mut self) -> Health {
        let names = self.services.iter().map(|service| service.name());
        self.health.get_or_insert_with(|| Health::new(names, self.gate.shutdown().clone())).clone()
    }

    /// Serves on `listener` until shutdown and until work in hand is done, or the grace period is over.
    ///
    /// # Errors
    /// `INTERNAL` if a mounted service and its descriptors differ: an RPC that the method table does not hold has no
    /// rule of who may call it.
    pub async fn serve(mut self, listener: TcpListener) -> Result<()> {
        self.check_methods()?;
        let health = self.health();
        let shutdown = self.gate.shutdown().clone();
        let connections = Connections {
            router: Arc::new(self.router(&health)?),
            config: self.config,
            gate: self.gate,
            tracker: TaskTracker::new(),
            stop: CancellationToken::new(),
            kill: CancellationToken::new(),
        };
        let closing = async {
            shutdown.cancelled().await;
            health.stop();
            tokio::time::sleep(self.config.drain).await;
            tracing::info!("shutting down: work in hand finishes");
            connections.stop.cancel();
        };
        tokio::join!(connections.accept(listener), closing);
        connections.finish().await;
        Ok(())
    }

    /// Holds the method tables against the descriptors.
    fn check_methods(&self) -> Result<()> {
        for set in &self.descriptors {
            let set = FileDescriptorSet::decode(*set).map_err(Error::internal)?;
            for file in &set.file {
                for described in &file.service {
                    let name = format!("{}.{}", file.package(), described.name());
                    let Some(mounted) = self.services.iter().find(|s| s.name() == name) else { continue };
                    let declared: BTreeSet<&str> = mounted.methods().iter().map(|m| m.name).collect();
                    let found: BTreeSet<&str> = described.method.iter().map(MethodDescriptorProto::name).collect();
                    if declared != found {
                        let what = "the RPCs of the descriptors and those with an auth option differ";
                        return Err(Error::internal(format_args!("{name}: {what}")));
                    }
                }
            }
        }
        Ok(())
    }

    fn router(&self, health: &Health) -> Result<Router> {
        let reflect = || {
            let mut builder = tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET);
            for set in &self.descriptors {
                builder = builder.register_encoded_file_descriptor_set(set);
            }
            builder
        };
        let foreign = Routes::new(health.server())
            .add_service(reflect().build_v1().map_err(Error::internal)?)
            .add_service(reflect().build_v1alpha().map_err(Error::internal)?);
        let headers = usize::try_from(self.config.max_headers).unwrap_or(usize::MAX);
        let capacity = Capacity { calls: self.config.max_calls, streams: self.config.max_streams, headers };
        let metrics = self.gate.metrics().clone();
        Ok(Router::new(self.services.clone(), foreign.prepare(), FOREIGN.to_vec(), &capacity, metrics))
    }
}

const FOREIGN: [&str; 3] =
    ["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection"];

/// The connections of one server.
struct Connections {
    router: Arc<Router>,
    config: ServeConfig,
    gate: Arc<Gate>,
    tracker: TaskTracker,
    /// No new connections, and no new calls on those there are.
    stop: CancellationToken,
    /// The grace period is over.
    kill: CancellationToken,
}

/// What is over HTTP/2's own limit is answered without telling why, so that limit lies above ours, which tells.
const HEADERS_FACTOR: u32 = 4;

impl Connections {
    async fn accept(&self, listener: TcpListener) {
        loop {
            let accepted = tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, remote)) => self.open(stream, RemoteAddress(remote)),
                Err(error) => {
                    // Out of file descriptors, most likely: let some go before trying again.
                    tracing::warn!(%error, "no connection accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    }

    fn open(&self, stream: TcpStream, remote: RemoteAddress) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no nodelay");
        }
        let (router, stop, kill) = (self.router.clone(), self.stop.clone(), self.kill.clone());
        let serve = service_fn(move |mut request: http::Request<Incoming>| {
            let router = router.clone();
            request.extensions_mut().insert(remote);
            async move { Ok::<_, Infallible>(router.route(request.map(Body::new)).await) }
        });
        let connection = self.http2().serve_connection(TokioIo::new(stream), serve);
        let age = self.age();
        self.tracker.spawn(async move {
            let mut connection = pin!(connection);
            let ended = tokio::select! {
                ended = &mut connection => Some(ended),
                () = tokio::time::sleep(age) => None,
                () = stop.cancelled() => None,
            };
            let ended = match ended {
                Some(ended) => ended,
                None => {
                    connection.as_mut().graceful_shutdown();
                    tokio::select! {
                        ended = &mut connection => ended,
                        () = kill.cancelled() => return,
                    }
                }
            };
            if let Err(error) = ended {
                tracing::debug!(%error, "connection lost");
            }
        });
    }

    fn http2(&self) -> http2::Builder<TokioExecutor> {
        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder
            .timer(TokioTimer::new())
            .max_concurrent_streams(self.config.max_streams_per_connection)
            .max_header_list_size(self.config.max_headers.saturating_mul(HEADERS_FACTOR))
            .keep_alive_interval(self.config.keepalive)
            .keep_alive_timeout(self.config.keepalive_timeout);
        builder
    }

    /// When this connection's client is asked to connect anew.
    fn age(&self) -> Duration {
        let age = self.config.max_connection_age;
        let tenth = u64::try_from((age / 10).as_millis()).unwrap_or(u64::MAX);
        let jitter = Duration::from_millis(self.gate.env().below(tenth.saturating_mul(2)));
        age.saturating_sub(age / 10).saturating_add(jitter)
    }

    async fn finish(&self) {
        self.tracker.close();
        if tokio::time::timeout(self.config.grace, self.tracker.wait()).await.is_err() {
            tracing::warn!(connections = self.tracker.len(), "the grace period is over: dropping what is left");
            self.kill.cancel();
            self.tracker.wait().await;
        }
    }
}
