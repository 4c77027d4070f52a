//! Prometheus metrics: rate, errors and duration of each method, and whatever else registers itself.

use std::fmt::Write as _;
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;
use plaza_core::Code;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
    TextEncoder,
};
use tokio::time::Instant;

use crate::Method;

/// A gauge's name, labels and value.
pub type Gauge = (String, Vec<(String, String)>, f64);
/// Reads gauges when somebody asks.
pub type Observer = Box<dyn Fn() -> Vec<Gauge> + Send + Sync>;

/// Upper bounds in seconds, 100 µs to 10 s.
const BUCKETS: [f64; 15] =
    [0.0001, 0.000_25, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];

/// All metrics of one process.
pub struct Metrics {
    registry: Registry,
    requests: IntCounterVec,
    duration: HistogramVec,
    in_flight: IntGaugeVec,
    shed: IntCounter,
    limited: IntCounter,
    observers: Mutex<Vec<Observer>>,
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// No metrics yet.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the names and labels are constants that the library accepts")]
    pub fn new() -> Arc<Self> {
        let method = &["service", "method"];
        let requests = Opts::new("plaza_rpc_requests_total", "calls answered, by code");
        let requests = IntCounterVec::new(requests, &["service", "method", "code"]).expect("constant names");
        let duration = HistogramOpts::new("plaza_rpc_duration_seconds", "time to answer, or to the end of a stream");
        let duration = HistogramVec::new(duration.buckets(BUCKETS.to_vec()), method).expect("constant names");
        let in_flight = Opts::new("plaza_rpc_in_flight", "calls being answered now");
        let in_flight = IntGaugeVec::new(in_flight, method).expect("constant names");
        let shed = IntCounter::new("plaza_rpc_shed_total", "calls refused for too much work").expect("constant names");
        let limited = "plaza_rpc_limited_total";
        let limited = IntCounter::new(limited, "calls refused for too many of one caller").expect("constant names");
        let registry = Registry::new();
        registry.register(Box::new(requests.clone())).expect("registered once");
        registry.register(Box::new(duration.clone())).expect("registered once");
        registry.register(Box::new(in_flight.clone())).expect("registered once");
        registry.register(Box::new(shed.clone())).expect("registered once");
        registry.register(Box::new(limited.clone())).expect("registered once");
        Arc::new(Self { registry, requests, duration, in_flight, shed, limited, observers: Mutex::default() })
    }

    /// The registry, to add own collectors to.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Adds gauges that are read whenever the metrics are.
    pub fn observe(&self, observer: Observer) {
        self.observers.lock().push(observer);
    }

    /// Everything in Prometheus' text format.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = TextEncoder::new().encode_to_string(&self.registry.gather()).unwrap_or_default();
        let mut gauges: Vec<Gauge> = self.observers.lock().iter().flat_map(|observe| observe()).collect();
        gauges.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
        let mut last = "";
        for (name, labels, value) in &gauges {
            if name != last {
                // Prometheus' naming rule: what only rises ends in `_total`.
                let kind = if name.ends_with("_total") { "counter" } else { "gauge" };
                let _ = writeln!(text, "# TYPE {name} {kind}");
                last = name;
            }
            let _ = writeln!(text, "{name}{} {value}", render_labels(labels));
        }
        text
    }

    /// Counts a call that was shed.
    pub(crate) fn shed(&self) {
        self.shed.inc();
    }

    /// Counts a call whose caller made too many.
    pub(crate) fn limited(&self) {
        self.limited.inc();
    }

    /// The metrics of a service's methods, looked up once.
    pub(crate) fn service(self: &Arc<Self>, methods: &'static [Method]) -> Box<[MethodStats]> {
        methods.iter().map(|method| MethodStats::new(self, method)).collect()
    }
}

fn render_labels(labels: &[(String, String)]) -> String {
    if labels.is_empty() {
        return String::new();
    }
    let escape = |value: &str| value.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n");
    let pairs: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escape(value))).collect();
    format!("{{{}}}", pairs.join(","))
}

/// The metrics of one method.
pub(crate) struct MethodStats {
    method: &'static Method,
    metrics: Arc<Metrics>,
    /// Made at the first call, as the counters are.
    duration: OnceLock<Histogram>,
    in_flight: IntGauge,
    /// By code; made when a code first occurs, so that what never happens is no series.
    requests: [OnceLock<IntCounter>; 17],
}

impl MethodStats {
    fn new(metrics: &Arc<Metrics>, method: &'static Method) -> Self {
        let labels = [method.service, method.name];
        Self {
            method,
            metrics: metrics.clone(),
            duration: OnceLock::new(),
            in_flight: metrics.in_flight.with_label_values(&labels),
            requests: Default::default(),
        }
    }

    /// Counts a call that begins; the count ends with [`Self::end`].
    pub(crate) fn begin(&self) {
        self.in_flight.inc();
    }

    /// Counts a call that ended with `code` (`None`: well).
    pub(crate) fn end(&self, start: Instant, code: Option<Code>) {
        self.in_flight.dec();
        self.count(start, code);
    }

    /// Counts a call that was refused before it began.
    pub(crate) fn count(&self, start: Instant, code: Option<Code>) {
        let labels = [self.method.service, self.method.name];
        let duration = self.duration.get_or_init(|| self.metrics.duration.with_label_values(&labels));
        duration.observe(start.elapsed().as_secs_f64());
        let Some(counter) = self.requests.get(code.map_or(0, |c| c as usize)) else { return };
        let make = || {
            let labels = [self.method.service, self.method.name, code_name(code)];
            self.metrics.requests.with_label_values(&labels)
        };
        counter.get_or_init(make).inc();
    }
}

/// The canonical spelling of a code.
pub(crate) fn code_name(code: Option<Code>) -> &'static str {
    match code {
        None => "OK",
        Some(Code::Cancelled) => "CANCELLED",
        Some(Code::Unknown) => "UNKNOWN",
        Some(Code::InvalidArgument) => "INVALID_ARGUMENT",
        Some(Code::DeadlineExceeded) => "DEADLINE_EXCEEDED",
        Some(Code::NotFound) => "NOT_FOUND",
        Some(Code::AlreadyExists) => "ALREADY_EXISTS",
        Some(Code::PermissionDenied) => "PERMISSION_DENIED",
        Some(Code::ResourceExhausted) => "RESOURCE_EXHAUSTED",
        Some(Code::FailedPrecondition) => "FAILED_PRECONDITION",
        Some(Code::Aborted) => "ABORTED",
        Some(Code::OutOfRange) => "OUT_OF_RANGE",
        Some(Code::Unimplemented) => "UNIMPLEMENTED",
        Some(Code::Internal) => "INTERNAL",
        Some(Code::Unavailable) => "UNAVAILABLE",
        Some(Code::DataLoss) => "DATA_LOSS",
        Some(Code::Unauthenticated) => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn observed_gauges_are_rendered_with_escaped_labels() {
        let metrics = Metrics::new();
        metrics.observe(Box::new(|| {
            let labels = vec![("projection".to_owned(), "home \"x\"".to_owned())];
            vec![("plaza_lag".to_owned(), labels, 3.0), ("plaza_depth".to_owned(), Vec::new(), 0.5)]
        }));
        let text = metrics.render();
        let (depth, lag) = ("plaza_depth 0.5\n", "plaza_lag{projection=\"home \\\"x\\\"\"} 3\n");
        assert!(text.contains(&format!("# TYPE plaza_depth gauge\n{depth}# TYPE plaza_lag gauge\n{lag}")), "{text}");
    }
}
