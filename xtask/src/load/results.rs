//! What came out, kept as JSON: a file for each shape.

use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::FOLDER;
use super::shape::Shape;
use crate::Outcome;
use crate::process::root;

/// One kind of call.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Row {
    /// What was called.
    pub(crate) what: String,
    /// Calls in a second that were offered; 0 for as many as are answered.
    pub(crate) offered: u64,
    /// Calls that were made, and those that failed.
    pub(crate) calls: u64,
    pub(crate) errors: u64,
    /// Calls in a second that were answered.
    pub(crate) per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    /// CPU time of the platform for each call, in microseconds; 0 if it is not known.
    pub(crate) server_cpu_us: f64,
    /// CPU time of the stores for each call.
    pub(crate) stores_cpu_us: f64,
    /// Feed entries written in a second, for calls that publish.
    pub(crate) deliveries_per_second: Option<f64>,
}

/// All that was measured of one shape.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Results {
    /// At a fixed rate, by scenario; the last row of each has the CPU time of all.
    pub(crate) open: Vec<Vec<Row>>,
    /// As fast as it is answered.
    pub(crate) closed: Vec<Row>,
    /// From a post's answer to the last follower's feed.
    pub(crate) delay: Vec<Row>,
    /// The memory of each process after the closed loop, in MB.
    pub(crate) memory: Vec<(String, u64)>,
}

impl Results {
    /// What was kept of a shape, if it was ever measured.
    pub(crate) fn read(shape: Shape) -> Option<Self> {
        serde_json::from_str(&fs::read_to_string(path(shape)).ok()?).ok()
    }

    pub(crate) fn write(&self, shape: Shape) -> Outcome {
        let path = path(shape);
        let text = serde_json::to_string_pretty(self).map_err(|error| error.to_string())?;
        let folder = path.parent().map_or(Ok(()), fs::create_dir_all);
        let wrote = folder.and_then(|()| fs::write(&path, text + "\n"));
        wrote.map_err(|error| format!("cannot write {}: {error}", path.display()))
    }
}

fn path(shape: Shape) -> PathBuf {
    root().join(FOLDER).join("results").join(shape.name()).with_extension("json")
}
