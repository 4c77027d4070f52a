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
    let found = |kind: &Kind| {
        let record = Record::read(folder, *kind);
        let was_alive = record.as_ref().is_some_and(Record::is_alive);
        (*kind, record, was_alive)
    };
    let found: Vec<_> = kinds.iter().map(found).collect();
    // All are asked first, so that their times to end overlap.
    for record in found.iter().filter(|(_, _, alive)| *alive).filter_map(|(_, record, _)| record.as_ref()) {
        if let Way::Native { pid, .. } = record.way {
            // One that is stopped would not hear.
            process::signal(&process::family(pid), process::Signal::Cont);
            process::signal(&[pid], process::Signal::Term);
        }
    }
    let end = |(kind, record, was_alive): (Kind, Option<Record>, bool)| {
        let told = match record {
            None if given(kind).is_some() => Ok(format!("not started here: {} gives it", kind.variable())),
            None => Ok("was not running".to_owned()),
            Some(record) => end(folder, kind, &record, reset)
                .map(|()| if was_alive { "ended" } else { "had ended by itself" }.to_owned()),
        };
        (kind, told.and_then(|told| if reset { wiped(folder, kind, told) } else { Ok(told) }))
    };
    found.into_iter().map(end).collect()
}

fn end(folder: &Folder, kind: Kind, record: &Record, reset: bool) -> Outcome {
    match &record.way {
        Way::Native { pid, began } => start::await_gone(*pid, began)?,
        Way::Compose => Compose::find()?.down(kind, reset)?,
    }
    Record::remove(folder, kind);
    Ok(())
}

fn wiped(folder: &Folder, kind: Kind, told: String) -> Outcome<String> {
    wipe(&folder.data(kind))?;
    Ok(told + ", data deleted")
}
