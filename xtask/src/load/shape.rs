//! The shapes of the platform that are measured, each started anew, apart from what the stores hold already.

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::scenario::Ids;
use super::usage::Usage;
use crate::cluster::folder::{Folder, Record};
use crate::cluster::plan::{self, Planned};
use crate::cluster::{down, up};
use crate::{Outcome, stores};

/// The first port.
const PORT: u16 = 50_400;

/// How the platform runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shape {
    /// One process on embedded engines, its files on the disk.
    Embedded,
    /// One process on the real stores.
    Real,
    /// A process for each service, two of posts and of feeds, on the real stores.
    Separate,
}

/// A shape that runs.
#[derive(Debug)]
pub(crate) struct Running {
    program: PathBuf,
    processes: Vec<Planned>,
    records: Vec<Record>,
    /// The processes of the stores, by name.
    stores: Vec<(String, u32)>,
    folder: Folder,
    root: PathBuf,
}

impl Shape {
    pub(crate) const ALL: [Self; 3] = [Self::Embedded, Self::Real, Self::Separate];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Real => "real",
            Self::Separate => "separate",
        }
    }

    pub(crate) fn told(self) -> &'static str {
        match self {
            Self::Embedded => "one process, embedded engines",
            Self::Real => "one process, real stores",
            Self::Separate => "seven processes, real stores",
        }
    }

    /// Starts it, with its stores.
    pub(crate) fn start(self, program: &Path) -> Outcome<Running> {
        let run = Ids::new()?.run().to_owned();
        let processes = if self == Self::Separate { plan::processes(PORT) } else { plan::whole(PORT) };
        let (mut settings, mut stores) = (Vec::new(), Vec::new());
        if self != Self::Embedded {
            let addresses = stores::ensure()?;
            stores = stores::processes()?.into_iter().map(|(kind, pid)| (kind.name().to_owned(), pid)).collect();
            settings = apart(plan::settings(&processes, &addresses)?, &format!("load_{run}"));
        }
        settings.push(("rate_limit.per_minute".to_owned(), "0".to_owned()));
        settings.push(("accounts.insecure_fast_hash".to_owned(), "true".to_owned()));
        settings.push(("log".to_owned(), "warn".to_owned()));
        let root = std::env::temp_dir().join(format!("plaza-load-{run}"));
        let folder = Folder::at(&root)?;
        let records = up::start(&folder, program, &processes, &settings)?;
        Ok(Running { program: program.to_owned(), processes, records, stores, folder, root })
    }
}

/// The settings with names of their own in every store.
fn apart(settings: Vec<(String, String)>, run: &str) -> Vec<(String, String)> {
    let option = |value: &str| match value.split_once("://").map(|(scheme, _)| scheme) {
        Some("postgres") => value.replace("schema=", &format!("schema={run}_")),
        Some("redis") => plan::with_option(value, &format!("prefix={run}:")),
        Some("neo4j") => plan::with_option(value, &format!("namespace={run}")),
        _ => value.to_owned(),
    };
    let own = |(name, value): (String, String)| match name.starts_with("peers.") {
        true => (name, value),
        false => (name, option(&value)),
    };
    let events = [("events.prefix".to_owned(), run.to_owned())];
    settings.into_iter().map(own).chain(events).collect()
}

impl Running {
    /// The binary that runs.
    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// A folder for what is only needed while it runs.
    pub(crate) fn scratch(&self) -> &Path {
        &self.root
    }

    /// As the commands of `plaza` take it.
    pub(crate) fn target(&self) -> String {
        plan::target(&self.processes)
    }

    /// Where the first process of a service listens, without a scheme.
    pub(crate) fn host(&self, service: &str) -> Outcome<String> {
        let serves = |process: &&Planned| process.service.is_none_or(|it| it == service);
        let first = self.processes.iter().find(serves).map(|process| format!("127.0.0.1:{}", process.grpc));
        first.ok_or_else(|| format!("there is no service `{service}`"))
    }

    /// The ids of the platform's processes.
    pub(crate) fn pids(&self) -> Vec<u32> {
        self.records.iter().map(|record| record.pid).collect()
    }

    /// What the platform and the stores have used.
    pub(crate) fn usage(&self) -> Usage {
        let ours = self.records.iter().map(|record| (record.name.clone(), true, record.pid));
        let theirs = self.stores.iter().map(|(name, pid)| (name.clone(), false, *pid));
        Usage::of(&ours.chain(theirs).collect::<Vec<_>>())
    }

    /// Ends it and removes its files. What it wrote to the stores stays there until `cargo xtask stores reset`.
    pub(crate) fn end(self) -> Outcome {
        down::end(&self.folder, &self.records)?;
        let cannot = |error| format!("cannot remove {}: {error}", self.root.display());
        std::fs::remove_dir_all(&self.root).map_err(cannot)
    }
}

#[cfg(test)]
mod tests {
    use plaza_servers::Kind;

    use super::*;

    #[test]
    fn a_run_has_names_of_its_own_in_every_store() {
        let stores: Vec<(Kind, String)> = Kind::ALL.iter().map(|kind| (*kind, kind.address(1))).collect();
        let settings = apart(plan::settings(&plan::processes(PORT), &stores).unwrap(), "load_1");
        let of = |name: &str| settings.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str()).unwrap();
        assert!(of("posts.store").ends_with("?schema=load_1_posts"), "{}", of("posts.store"));
        assert!(of("feeds.store").ends_with("?prefix=load_1:"), "{}", of("feeds.store"));
        assert!(of("graph.store").ends_with("?namespace=load_1"), "{}", of("graph.store"));
        assert_eq!((of("events.prefix"), of("peers.graph")), ("load_1", "http://127.0.0.1:50402"));
    }
}
