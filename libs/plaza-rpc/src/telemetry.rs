//! Logs and traces.
//!
//! Logs go to standard error: for people if it is a terminal, as JSON otherwise. Traces are exported by OTLP when an
//! endpoint is set. A call's span is made only if somebody records it: without export, and with logs above `debug`, it
//! costs a look at a flag.

use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicBool, Ordering};

use plaza_core::{Error, Result, TraceContext};
use tracing::Span;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, fmt};

use crate::Method;

/// The target of the calls' spans, for filters.
pub const SPANS: &str = "plaza_rpc::call";

static EXPORTING: AtomicBool = AtomicBool::new(false);

/// Whether calls' spans are exported.
pub(crate) fn is_exporting() -> bool {
    EXPORTING.load(Ordering::Relaxed)
}

/// In which form logs are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people on a terminal, JSON elsewhere.
    #[default]
    Auto,
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// What to log and where to send traces.
#[derive(Clone, Debug, Default)]
pub struct TelemetryConfig {
    /// What to log, such as `info` or `info,plaza_posts=debug`; empty for `info`.
    pub filter: String,
    /// In which form.
    pub format: LogFormat,
    /// Where to send traces, such as `http://collector:4317`; `None` for nowhere.
    pub otlp_endpoint: Option<String>,
    /// Which share of the traces that begin here to send, from 0 to 1; `None` for all. Where a caller has decided, its
    /// decision stands.
    pub otlp_share: Option<f64>,
    /// The name of this process in traces.
    pub service_name: String,
}

/// How long the last export may take: a collector that hangs must not keep the process from ending in time.
#[cfg(feature = "otlp")]
const LAST_EXPORT: std::time::Duration = std::time::Duration::from_secs(1);

/// Sends what is left when it is dropped, for a second at most: keep it until the process ends.
#[derive(Debug)]
#[must_use]
pub struct Telemetry {
    #[cfg(feature = "otlp")]
    provider: Option<opentelemetry_sdk::trace::SdkTracerProvider>,
}

/// Whether `filter` says what to log.
///
/// # Errors
/// What is wrong with it and what would be right.
pub fn check_filter(filter: &str) -> Result<(), String> {
    EnvFilter::builder().parse(filter).map_err(|error| format!("{error}; write it like `info,plaza_posts=debug`"))?;
    if filter.contains('[') {
        return Ok(());
    }
    // A word alone that is no level would be taken for a target, and nothing else would be logged: a slip of the pen
    // such as `inof` would leave no log at all.
    let word = filter.split(',').map(str::trim).find(|part| {
        !part.is_empty() && !part.contains('=') && part.parse::<tracing_subscriber::filter::LevelFilter>().is_err()
    });
    match word {
        Some(word) => Err(format!(
            "`{word}` is no level (off, error, warn, info, debug, trace); for all that a module logs write `{word}=debug`"
        )),
        None => Ok(()),
    }
}

/// Starts logs and traces. To be called once, within the runtime.
///
/// # Errors
/// `INVALID_ARGUMENT` for a wrong setting, with its name.
pub fn init(config: &TelemetryConfig) -> Result<Telemetry> {
    let wrong = |field: &str, error: &dyn std::fmt::Display| Error::invalid_field(field, error.to_string());
    let filter = if config.filter.is_empty() { "info" } else { &config.filter };
    let filter = EnvFilter::try_new(filter).map_err(|error| wrong("log", &error))?;
    let json = match config.format {
        LogFormat::Auto => !std::io::stderr().is_terminal(),
        LogFormat::Text => false,
        LogFormat::Json => true,
    };
    let lines = fmt::layer().with_writer(std::io::stderr);
    let lines = if json { lines.json().with_current_span(false).boxed() } else { lines.compact().boxed() };
    let registry = tracing_subscriber::registry().with(lines.with_filter(filter));
    start(registry, config)
}

#[cfg(feature = "otlp")]
fn start<S>(registry: S, config: &TelemetryConfig) -> Result<Telemetry>
where
    S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a> + Send + Sync,
{
    use opentelemetry::trace::TracerProvider as _;
    use opentelemetry_otlp::WithExportConfig as _;
    use tracing_subscriber::filter::Targets;

    let wrong = |error: &dyn std::fmt::Display| Error::invalid_field("otlp_endpoint", error.to_string());
    let twice = |error: &dyn std::fmt::Display| Error::internal(format_args!("telemetry is on already: {error}"));
    let Some(endpoint) = &config.otlp_endpoint else {
        registry.try_init().map_err(|error| twice(&error))?;
        return Ok(Telemetry { provider: None });
    };
    let exporter = opentelemetry_otlp::SpanExporter::builder().with_tonic().with_endpoint(endpoint);
    let exporter = exporter.build().map_err(|error| wrong(&error))?;
    let resource = opentelemetry_sdk::Resource::builder().with_service_name(config.service_name.clone()).build();
    let begun_here = opentelemetry_sdk::trace::Sampler::TraceIdRatioBased(config.otlp_share.unwrap_or(1.0));
    let provider = opentelemetry_sdk::trace::SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_sampler(opentelemetry_sdk::trace::Sampler::ParentBased(Box::new(begun_here)))
        .with_resource(resource)
        .build();
    let tracer = provider.tracer("plaza");
    // Spans of calls and of what they do, not those of the transport that carries the export itself.
    let ours = Targets::new().with_target("plaza", tracing::Level::DEBUG);
    let traces = tracing_opentelemetry::layer().with_tracer(tracer).with_filter(ours);
    registry.with(traces).try_init().map_err(|error| twice(&error))?;
    EXPORTING.store(true, Ordering::Relaxed);
    Ok(Telemetry { provider: Some(provider) })
}

#[cfg(not(feature = "otlp"))]
fn start<S>(registry: S, config: &TelemetryConfig) -> Result<Telemetry>
where
    S: tracing::Subscriber + Send + Sync,
{
    if config.otlp_endpoint.is_some() {
        return Err(Error::invalid_field("otlp_endpoint", "this build has no OTLP export (feature `otlp`)"));
    }
    let twice = |error| Error::internal(format_args!("telemetry is on already: {error}"));
    registry.try_init().map_err(twice)?;
    Ok(Telemetry {})
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        #[cfg(feature = "otlp")]
        if let Some(provider) = &self.provider
            && let Err(error) = provider.shutdown_with_timeout(LAST_EXPORT)
        {
            tracing::warn!(%error, "some traces were not sent");
        }
    }
}

/// A call's span, with the trace that what it does belongs to: the span's own if it is exported, else the caller's.
pub(crate) fn span(method: &Method, parent: Option<TraceContext>) -> (Span, Option<TraceContext>) {
    let span = tracing::debug_span!(
        target: SPANS,
        "call",
        otel.name = method.path.get(1..).unwrap_or_default(),
        otel.kind = "server",
        rpc.system = "grpc",
        rpc.service = method.service,
        rpc.method = method.name,
    );
    if span.is_disabled() {
        return (span, parent);
    }
    let trace = plaza_trace::join(&span, parent).or(parent);
    (span, trace)
}

#[cfg(all(test, feature = "otlp"))]
mod tests {
    use opentelemetry::trace::TracerProvider as _;

    use super::*;

    #[test]
    fn a_call_passes_its_callers_trace_on_unless_its_own_span_is_exported() {
        let parent = TraceContext::parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
        let (idle, trace) = span(&Method::ECHO, parent);
        assert_eq!((idle.is_disabled(), trace), (true, parent));

        let provider = opentelemetry_sdk::trace::SdkTracerProvider::builder().build();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("test"));
        let _on = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
        let (_span, own) = span(&Method::ECHO, parent);
        let (own, parent) = (own.unwrap(), parent.unwrap());
        assert_eq!((own.trace_id, own.sampled), (parent.trace_id, true));
        assert_ne!(own.span_id, parent.span_id);

        let (_span, unsampled) = span(&Method::ECHO, Some(TraceContext { sampled: false, ..parent }));
        assert!(!unsampled.unwrap().sampled, "the caller's decision stands");
        let (_span, root) = span(&Method::ECHO, None);
        assert_ne!(root.unwrap().trace_id, parent.trace_id);
    }
}
