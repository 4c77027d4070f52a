//! The table of `docs/guarantees.md` that tells what each fault did.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use crate::load::{Kind, Sample};

const BEGIN: &str = "<!-- faults: begin -->";
const END: &str = "<!-- faults: end -->";

/// What one fault of one store did.
pub(crate) struct Row {
    store: &'static str,
    fault: &'static str,
    /// Calls that went on, and how many of them there were.
    kept: Vec<String>,
    /// Calls that were refused, with codes and reasons.
    refused: Vec<String>,
    slowest: Duration,
    recovered: Duration,
}

impl Row {
    pub(crate) fn new(store: &'static str, fault: &'static str, samples: &[Sample], recovered: Duration) -> Self {
        let (mut kept, mut refused) = (Vec::new(), Vec::new());
        for kind in Kind::ALL {
            let of_kind = || samples.iter().filter(|s| s.kind == kind);
            let errors = of_kind().filter_map(|s| s.error.as_ref());
            let said: BTreeSet<String> = errors.map(|e| format!("{:?} {}", e.code(), e.reason())).collect();
            let degraded = if of_kind().any(|s| s.degraded) { " (degraded)" } else { "" };
            if said.is_empty() {
                kept.push(format!("{}{degraded}", kind.name()));
            } else {
                let said = said.into_iter().collect::<Vec<_>>().join(", ");
                refused.push(format!("{}: {said}", kind.name()));
            }
        }
        let slowest = samples.iter().map(|s| s.took).max().unwrap_or_default();
        Self { store, fault, kept, refused, slowest, recovered }
    }
}

fn text(rows: &[Row]) -> String {
    let mut text = String::from(
        "| store | fault | went on | refused for a time | slowest call | all well after |\n|---|---|---|---|---:|---:|\n",
    );
    let or_none = |list: &[String], between: &str| {
        if list.is_empty() { "none".to_owned() } else { list.join(between) }
    };
    for row in rows {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {:.1} s | {:.1} s |",
            row.store,
            row.fault,
            or_none(&row.kept, ", "),
            or_none(&row.refused, "; "),
            row.slowest.as_secs_f64(),
            row.recovered.as_secs_f64(),
        );
    }
    text
}

/// Prints the table, and puts it into the guarantees if `PLAZA_TEST_WRITE_FAULTS` is set.
pub(crate) fn report(rows: &[Row]) {
    let text = text(rows);
    println!("{text}");
    let mut stores: BTreeMap<&str, usize> = BTreeMap::new();
    rows.iter().for_each(|row| *stores.entry(row.store).or_default() += 1);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/guarantees.md");
    let docs = std::fs::read_to_string(&path).expect("the guarantees");
    let (before, rest) = docs.split_once(BEGIN).expect("where the table begins");
    let (old, after) = rest.split_once(END).expect("where the table ends");
    if std::env::var_os("PLAZA_TEST_WRITE_FAULTS").is_some() {
        std::fs::write(&path, format!("{before}{BEGIN}\n\n{text}\n{END}{after}")).expect("the guarantees, written");
    } else {
        for (store, faults) in stores {
            let told = old.matches(&format!("| {store} |")).count();
            assert_eq!(told, faults, "docs/guarantees.md tells of {store}: run with PLAZA_TEST_WRITE_FAULTS=1");
        }
    }
}
