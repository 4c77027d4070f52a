//! Whether the process and its services serve: grpc.health.v1, and `/readyz` of the admin listener.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;

use plaza_core::{Error, reason};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::{Health as HealthRpc, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use crate::status;

type Serving = BTreeMap<String, bool>;

/// The health of a process and its services. The process as a whole serves while every service does. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Health {
    serving: Arc<watch::Sender<Serving>>,
    shutdown: CancellationToken,
}

impl Health {
    pub(crate) fn new(services: impl Iterator<Item = &'static str>, shutdown: CancellationToken) -> Self {
        let serving = services.map(|name| (name.to_owned(), true)).collect();
        Self { serving: Arc::new(watch::Sender::new(serving)), shutdown }
    }

    /// Says whether a service serves. Once the process shuts down none does, whatever is said.
    pub fn set(&self, service: &str, serving: bool) {
        self.serving.send_modify(|all| {
            all.insert(service.to_owned(), serving && !self.shutdown.is_cancelled());
        });
    }

    /// Each service, and whether it serves.
    #[must_use]
    pub fn services(&self) -> Vec<(String, bool)> {
        self.serving.borrow().iter().map(|(name, serving)| (name.clone(), *serving)).collect()
    }

    /// Whether a service serves, or the whole process if `service` is empty; `None` for an unknown one.
    #[must_use]
    pub fn is_serving(&self, service: &str) -> Option<bool> {
        status_of(&self.serving.borrow(), service)
    }

    pub(crate) fn stop(&self) {
        self.serving.send_modify(|all| all.values_mut().for_each(|serving| *serving = false));
    }

    pub(crate) fn server(&self) -> HealthServer<Self> {
        HealthServer::new(self.clone())
    }
}

fn status_of(all: &Serving, service: &str) -> Option<bool> {
    if service.is_empty() { Some(all.values().all(|serving| *serving)) } else { all.get(service).copied() }
}

fn answer(serving: Option<bool>) -> HealthCheckResponse {
    let status = match serving {
        Some(true) => ServingStatus::Serving,
        Some(false) => ServingStatus::NotServing,
        None => ServingStatus::ServiceUnknown,
    };
    HealthCheckResponse { status: status.into() }
}

#[tonic::async_trait]
impl HealthRpc for Health {
    type WatchStream = Pin<Box<dyn futures::Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    async fn check(&self, request: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        let service = &request.get_ref().service;
        let Some(serving) = self.is_serving(service) else {
            let error = Error::new(reason::SERVICE_UNKNOWN).with("service", service);
            return Err(status::to_status(&error));
        };
        Ok(Response::new(answer(Some(serving))))
    }

    async fn watch(&self, request: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let watching = Watching {
            service: request.into_inner().service,
            changes: self.serving.subscribe(),
            shutdown: self.shutdown.clone(),
            last: None,
        };
        Ok(Response::new(Box::pin(futures::stream::unfold(Some(watching), Watching::next))))
    }
}

/// One open Watch: tells each change, and last that the process shuts down.
struct Watching {
    service: String,
    changes: watch::Receiver<Serving>,
    shutdown: CancellationToken,
    last: Option<HealthCheckResponse>,
}

impl Watching {
    async fn next(this: Option<Self>) -> Option<(Result<HealthCheckResponse, Status>, Option<Self>)> {
        let mut this = this?;
        loop {
            let now = answer(status_of(&this.changes.borrow_and_update(), &this.service));
            if this.last.as_ref() != Some(&now) {
                this.last = Some(now);
                return Some((Ok(now), Some(this)));
            }
            tokio::select! {
                biased;
                changed = this.changes.changed() => changed.ok()?,
                () = this.shutdown.cancelled() => {
                    let serving = ServingStatus::Serving as i32;
                    // The change to NOT_SERVING comes first.
                    if this.last.as_ref().is_some_and(|last| last.status == serving) {
                        this.changes.changed().await.ok()?;
                        continue;
                    }
                    return Some((Err(status::to_status(&Error::new(reason::SHUTTING_DOWN))), None));
                }
            }
        }
    }
}
