//! The results side by side, as docs/performance.md has them.

use super::results::{Results, Row};
use super::shape::Shape;

/// One table for each thing that was measured, with a column or a row for each shape.
pub(crate) fn of(each: &[(Shape, Results)]) -> String {
    let mut text = String::new();
    text.push_str("\nAs many calls as are answered:\n\n");
    let deliveries = |row: &Row| row.deliveries_per_second.map_or("–".to_owned(), |rate| format!("{rate:.0}"));
    let closed = |row: &Row| {
        let Row { per_second, p50_ms, p99_ms, server_cpu_us, errors, .. } = row;
        let cpu = if *server_cpu_us > 0.0 { format!("{server_cpu_us:.0}") } else { "–".to_owned() };
        format!("{per_second:.0} | {p50_ms:.1} | {p99_ms:.1} | {cpu} | {} | {errors}", deliveries(row))
    };
    text.push_str("| what | shape | calls/s | p50 ms | p99 ms | platform CPU µs | deliveries/s | failed |\n");
    text.push_str("|---|---|---:|---:|---:|---:|---:|---:|\n");
    text.push_str(&lines(each, |results| results.closed.clone(), closed));
    text.push_str("\nAt a fixed rate:\n\n");
    let open = |row: &Row| {
        let Row { offered, p50_ms, p99_ms, server_cpu_us, stores_cpu_us, errors, .. } = row;
        format!("{offered} | {p50_ms:.1} | {p99_ms:.1} | {server_cpu_us:.0} | {stores_cpu_us:.0} | {errors}")
    };
    text.push_str("| what | shape | offered/s | p50 ms | p99 ms | platform CPU µs | stores CPU µs | failed |\n");
    text.push_str("|---|---|---:|---:|---:|---:|---:|---:|\n");
    text.push_str(&lines(each, |results| results.open.concat(), open));
    text.push_str("\nFrom a post's answer to the feed of the last follower:\n\n");
    text.push_str("| what | shape | p50 ms | p99 ms |\n|---|---|---:|---:|\n");
    let delay = |row: &Row| format!("{:.1} | {:.1}", row.p50_ms, row.p99_ms);
    text.push_str(&lines(each, |results| results.delay.clone(), delay));
    text.push_str("\nMemory of each process, in MB:\n\n| shape | process | MB |\n|---|---|---:|\n");
    for (shape, results) in each {
        for (process, mb) in &results.memory {
            text.push_str(&format!("| {} | {process} | {mb} |\n", shape.name()));
        }
    }
    text
}

/// The rows of all shapes, those of the same thing together, in the order of the first.
fn lines(each: &[(Shape, Results)], rows: impl Fn(&Results) -> Vec<Row>, cells: impl Fn(&Row) -> String) -> String {
    let all: Vec<(Shape, Vec<Row>)> = each.iter().map(|(shape, results)| (*shape, rows(results))).collect();
    let mut text = String::new();
    for Row { what, .. } in all.first().map_or(&[][..], |(_, rows)| rows.as_slice()) {
        for (shape, rows) in &all {
            for row in rows.iter().filter(|row| row.what == *what) {
                text.push_str(&format!("| {what} | {} | {} |\n", shape.name(), cells(row)));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_stand_side_by_side() {
        let row = |what: &str, per_second| Row { what: what.to_owned(), per_second, ..Row::default() };
        let results = |rate: f64| Results { closed: vec![row("home", rate), row("user", 7.0)], ..Results::default() };
        let text = of(&[(Shape::Embedded, results(10.0)), (Shape::Real, results(5.0))]);
        let at = |line: &str| text.find(line).unwrap_or_else(|| panic!("no `{line}` in {text}"));
        assert!(at("| home | embedded | 10 |") < at("| home | real | 5 |"));
        assert!(at("| home | real | 5 |") < at("| user | embedded | 7 |"));
    }
}
