//! `cluster down`: what was started here ends, by its process id.

use plaza_servers::process;

use super::folder::{Folder, Record};
use crate::Outcome;
use crate::stores::await_gone;

pub(crate) fn down(folder: &Folder) -> Outcome {
    let records = folder.records();
    if records.is_empty() {
        println!("no cluster runs");
    }
    end(folder, &records)
}

/// Ends processes in good order, all at once, and forgets them.
pub(crate) fn end(folder: &Folder, records: &[Record]) -> Outcome {
    let alive: Vec<u32> = records.iter().filter(|record| record.is_alive()).map(|record| record.pid).collect();
    // One that is stopped would not hear.
    process::signal(&alive, process::Signal::Cont);
    process::signal(&alive, process::Signal::Term);
    let mut failed = Vec::new();
    for record in records {
        match await_gone(record.pid, &record.began) {
            Ok(()) => {
                folder.remove(record);
                let told = if alive.contains(&record.pid) { "ended" } else { "had ended by itself" };
                println!("{:<12} {told}", record.name);
            }
            Err(why) => failed.push(format!("{}: {why}", record.name)),
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(failed.join("\nerror: ")) }
}
