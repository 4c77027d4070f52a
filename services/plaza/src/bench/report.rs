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
    /// Feed entries written in a second, until the last one; for calls that publish.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deliveries_per_second: Option<f64>,
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

    /// With the CPU time that the server used for all of the calls.
    pub(super) fn with_cpu(mut self, used: Option<Duration>) -> Self {
        if let Some(used) = used.filter(|_| self.calls > 0) {
            self.server_cpu_us = used.as_secs_f64() * 1e6 / as_f64(self.calls);
        }
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
        text.push_str("| what | calls/s | p50 ms | p99 ms | server CPU µs/call | calls | errors |");
        text.push_str(if deliveries { " deliveries/s |\n" } else { "\n" });
        text.push_str("|---|---:|---:|---:|---:|---:|---:|");
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
        let cpu = if self.server_cpu_us > 0.0 { format!("{:.0}", self.server_cpu_us) } else { "–".to_owned() };
        let Self { what, calls, errors, per_second, p50_ms, p99_ms, .. } = self;
        let mut line = format!("| {what} | {per_second:.0} | {p50_ms:.2} | {p99_ms:.2} | {cpu} | {calls} | {errors} |");
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
        let row = Row::new("home", &histogram, Duration::from_secs(2)).with_cpu(Some(Duration::from_millis(5)));
        assert_eq!((row.calls, row.per_second, row.p50_ms, row.server_cpu_us), (100, 50.0, 2.0, 50.0));
        let report = Report { title: "t".to_owned(), rows: vec![row], notes: vec!["n".to_owned()] };
        assert!(report.table().contains("| home | 50 | 2.00 | 2.00 | 50 | 100 | 0 |\n\nn\n"), "{}", report.table());
    }
}
