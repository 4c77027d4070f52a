//! `stores down` and `stores reset`: what was started here ends, by its process id.

use plaza_servers::{Kind, process};

use super::compose::Compose;
use super::folder::{Folder, wipe};
use super::record::{Record, Way};
use super::start;
use super::up::given;
use crate::Outcome;

/// Ends those that run; with `reset` their data is deleted too. Gives for each what happened.
pub(crate) fn down(folder: &Folder, kinds: &[Kind], reset: bool) -> Vec<(Kind, Outcome<String>)> {
    let records: Vec<(Kind, Option<Record>)> = kinds.iter().map(|kind| (*kind, Record::read(folder, *kind))).collect();
    // All are asked first, so that their times to end overlap.
    for record in records.iter().filter_map(|(_, record)| record.as_ref()) {
        if let Way::Native { pid, .. } = record.way
            && record.is_alive()
        {
            // One that is stopped would not hear.
            process::signal(&process::family(pid), process::Signal::Cont);
            process::signal(&[pid], process::Signal::Term);
        }
    }
    records.into_iter().map(|(kind, record)| (kind, end(folder, kind, record, reset))).collect()
}

fn end(folder: &Folder, kind: Kind, record: Option<Record>, reset: bool) -> Outcome<String> {
    let mut told = match record {
        None if given(kind).is_some() => format!("not started here: {} gives it", kind.variable()),
        None => "was not running".to_owned(),
        Some(record) => end_recorded(folder, kind, &record, reset)?.to_owned(),
    };
    if reset {
        wipe(&folder.data(kind))?;
        told.push_str(", data deleted");
    }
    Ok(told)
}

fn end_recorded(folder: &Folder, kind: Kind, record: &Record, reset: bool) -> Outcome<&'static str> {
    let was_alive = record.is_alive();
    match &record.way {
        Way::Native { pid, began } => start::await_gone(*pid, began)?,
        Way::Compose => Compose::find()?.down(kind, reset)?,
    }
    Record::remove(folder, kind);
    Ok(if was_alive { "ended" } else { "had ended by itself" })
}
