//! `cluster status`: which processes run, and what each lacks.

use super::folder::{Folder, Record};
use super::ready;
use crate::Outcome;

pub(crate) fn status(folder: &Folder) -> Outcome {
    let records = folder.records();
    if records.is_empty() {
        println!("no cluster runs; `cargo xtask cluster up` starts one");
        return Err(String::new());
    }
    let mut well = true;
    for record in &records {
        let (line, is_well) = told(folder, record);
        println!("{:<12} {line}", record.name);
        well &= is_well;
    }
    if well { Ok(()) } else { Err(String::new()) }
}

/// How a process is, in a line, and whether it is well.
pub(crate) fn told(folder: &Folder, record: &Record) -> (String, bool) {
    let Record { pid, grpc, admin, .. } = record;
    if !record.is_alive() {
        return (format!("ENDED BY ITSELF, see {}", folder.log(&record.name).display()), false);
    }
    let place = format!("at 127.0.0.1:{grpc}, health at 127.0.0.1:{admin} (process {pid})");
    match ready::ask(*admin) {
        Ok(readiness) => {
            let state = if readiness.ready { "ready" } else { "NOT READY" };
            let mut line = format!("{state} {place}");
            for missing in &readiness.missing {
                line.push_str(&format!("\n{:<12} {missing}", ""));
            }
            (line, readiness.ready)
        }
        Err(error) => (format!("DOES NOT ANSWER {place}: {error}"), false),
    }
}
