//! The operators' door of a process: `/metrics`, `/livez`, `/readyz` over HTTP/1.1, on a port of its own.

use std::convert::Infallible;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::{Dependencies, DependencyStatus, Metrics};

/// No scraper opens more.
const MAX_CONNECTIONS: usize = 32;

/// Serves until shutdown.
pub async fn serve(
    listener: TcpListener,
    metrics: Arc<Metrics>,
    dependencies: Arc<Dependencies>,
    shutdown: CancellationToken,
) {
    let tracker = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        if tracker.len() >= MAX_CONNECTIONS {
            continue;
        }
        let (metrics, dependencies, shutdown) = (metrics.clone(), dependencies.clone(), shutdown.clone());
        tracker.spawn(async move {
            let service = service_fn(move |request: http::Request<Incoming>| {
                let response = answer(request.uri().path(), &metrics, &dependencies);
                async move { Ok::<_, Infallible>(response) }
            });
            let mut builder = http1::Builder::new();
            builder.timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(10));
            let connection = builder.serve_connection(TokioIo::new(stream), service);
            tokio::select! {
                ended = connection => drop(ended),
                () = shutdown.cancelled() => {}
            }
        });
    }
    tracker.close();
    tracker.wait().await;
}

fn answer(path: &str, metrics: &Metrics, dependencies: &Dependencies) -> Response<Full<Bytes>> {
    match path {
        "/metrics" => text(StatusCode::OK, "text/plain; version=0.0.4", metrics.render()),
        // Whatever is missing, a restart would not bring it back.
        "/livez" | "/healthz" => text(StatusCode::OK, "text/plain", "alive\n".to_owned()),
        "/readyz" => readiness(dependencies),
        _ => text(StatusCode::NOT_FOUND, "text/plain", "try /metrics, /livez, /readyz\n".to_owned()),
    }
}

/// Whether the process is ready; below it each service, and each dependency with what it lacks.
fn readiness(dependencies: &Dependencies) -> Response<Full<Bytes>> {
    let ready = dependencies.health().is_serving("") == Some(true);
    let mut body = if ready { "ready\n" } else { "not ready\n" }.to_owned();
    for (service, serving) in dependencies.health().services() {
        let state = if serving { "serving" } else { "not serving" };
        let _ = writeln!(body, "service {service}: {state}");
    }
    for DependencyStatus { name, critical_to, up, reason } in dependencies.status() {
        let needed = critical_to.map_or(String::new(), |service| format!(", critical to {service}"));
        let _ = match up {
            Some(true) => writeln!(body, "dependency {name}: up{needed}"),
            Some(false) => writeln!(body, "dependency {name}: missing ({reason}){needed}"),
            None => writeln!(body, "dependency {name}: not asked yet{needed}"),
        };
    }
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    text(status, "text/plain", body)
}

fn text(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    response.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(kind));
    response
}
