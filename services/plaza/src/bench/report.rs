//! What was measured, as a table or as JSON.

use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// One measurement.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Row {
    /// What was called.
    pub what: String,
    /// Calls that succeeded.
    pub calls: u64,
    /// Calls that failed.
    pub errors: u64,
    /// Calls in a second.
    pub per_second: f64,
    /// Half of the calls took no longer, in milliseconds.
    pub p50_ms: f64,
    /// 99 of 100 calls took no longer, in milliseconds.
    pub p99_ms: f64,
    /// CPU time of the server for each call, in microseconds; 0 if it is not known.
    pub server_cpu_us: f64,
    /// CPU time of the load generator for each call, in microseconds; 0 if it is not known.
    pub client_cpu_us: f64,
    /// Feed entries written in a second, until the last one; for calls that publish.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deliveries_per_second: Option<f64>,
}

/// CPU time used, as far as it can be read.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cpu {
    /// By the server.
    pub server: Option<Duration>,
    /// By the load generator.
    pub client: Option<Duration>,
}

impl Cpu {
    /// What was used since `before`.
    pub(super) fn since(self, before: Self) -> Self {
        let since = |now: Option<Duration>, then: Option<Duration>| Some(now?.saturating_sub(then?));
        Self { server: since(self.server, before.server), client: since(self.client, before.client) }
    }
}

/// The measurements of one run.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Report {
    /// What was measured on what.
    pub title: String,
    /// The measurements.
    pub rows: Vec<Row>,
    /// What else there is to say.
    pub notes: Vec<String>,
}

impl Row {
    /// The latencies in `histogram`, and the rates over `elapsed`.
    pub(super) fn new(what: impl Into<String>, histogram: &Histogram<u64>, elapsed: Duration) -> Self {
        let ms = |micros: u64| Duration::from_micros(micros).as_secs_f64() * 1e3;
        let calls = histogram.len();
        Self {
            what: what.into(),
            calls,
            per_second: rate(calls, elapsed),
            p50_ms: ms(histogram.value_at_quantile(0.5)),
            p99_ms: ms(histogram.value_at_quantile(0.99)),
            ..Self::default()
        }
    }

    /// With the CPU time that server and generator used for all of the calls.
    pub(super) fn with_cpu(mut self, used: Cpu) -> Self {
        let each =
            |used: Option<Duration>| used.map_or(0.0, |used| used.as_secs_f64() * 1e6 / as_f64(self.calls.max(1)));
        (self.server_cpu_us, self.client_cpu_us) = (each(used.server), each(used.client));
        self
    }
}

/// So many in a second.
pub(super) fn rate(count: u64, elapsed: Duration) -> f64 {
    as_f64(count) / elapsed.as_secs_f64().max(1e-9)
}

#[expect(clippy::cast_precision_loss, reason = "figures for people")]
fn as_f64(count: u64) -> f64 {
    count as f64
}

impl Report {
    /// Prints it.
    pub(super) fn print(&self, json: bool) {
        if json {
            println!("{}", serde_json::to_string_pretty(self).unwrap_or_default());
        } else {
            print!("{}", self.table());
        }
    }

    fn table(&self) -> String {
        let deliveries = self.rows.iter().any(|row| row.deliveries_per_second.is_some());
        let mut text = format!("{}\n\n", self.title);
        text.push_str(
            "| what | calls/s | p50 ms | p99 ms | server CPU µs/call | client CPU µs/call | calls | errors |",
        );
        text.push_str(if deliveries { " deliveries/s |\n" } else { "\n" });
        text.push_str("|---|---:|---:|---:|---:|---:|---:|---:|");
        text.push_str(if deliveries { "---:|\n" } else { "\n" });
        for row in &self.rows {
            text.push_str(&row.line(deliveries));
        }
        for note in &self.notes {
            text.push_str(&format!("\n{note}\n"));
        }
        text
    }
}

impl Row {
    fn line(&self, deliveries: bool) -> String {
        let known = |us: f64| if us > 0.0 { format!("{us:.0}") } else { "–".to_owned() };
        let (server, client) = (known(self.server_cpu_us), known(self.client_cpu_us));
        let Self { what, calls, errors, per_second, p50_ms, p99_ms, .. } = self;
        let mut line = format!(
            "| {what} | {per_second:.0} | {p50_ms:.2} | {p99_ms:.2} | {server} | {client} | {calls} | {errors} |"
        );
        if deliveries {
            let rate = self.deliveries_per_second.map_or("–".to_owned(), |rate| format!("{rate:.0}"));
            line.push_str(&format!(" {rate} |"));
        }
        line.push('\n');
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_holds_rates_quantiles_and_cpu() {
        let mut histogram = Histogram::new_with_bounds(1, 60_000_000, 3).unwrap();
        (0..100).for_each(|_| histogram.record(2_000).unwrap());
        let row = Row::new("home", &histogram, Duration::from_secs(2))
            .with_cpu(Cpu { server: Some(Duration::from_millis(5)), client: None });
        assert_eq!((row.calls, row.per_second, row.p50_ms, row.server_cpu_us), (100, 50.0, 2.0, 50.0));
        let report = Report { title: "t".to_owned(), rows: vec![row], notes: vec!["n".to_owned()] };
        assert!(report.table().contains("| home | 50 | 2.00 | 2.00 | 50 | – | 100 | 0 |\n\nn\n"), "{}", report.table());
    }
}
