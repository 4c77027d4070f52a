//! `cargo xtask stores`: the real servers, for anyone.
//!
//! Each server comes by the first way that works: an address given in the environment; a container, if Docker is there;
//! else a process of this machine, by a recipe that gets its programs once and keeps them in one folder.

mod compose;
mod down;
mod folder;
mod for_tests;
mod install;
mod ports;
mod progress;
pub(crate) mod recipes;
mod record;
mod sources;
mod start;
mod status;
mod up;

use clap::{Args, Subcommand};
use plaza_servers::{Kind, shown};

use crate::Outcome;
use folder::Folder;
use record::{Record, Way};
use up::Wishes;

pub(crate) use for_tests::{ForTests, required};
pub(crate) use start::await_gone;

#[derive(Subcommand)]
pub(crate) enum StoresVerb {
    /// Start them: by an address in the environment, with Docker, or as processes of this machine.
    #[command(after_help = "Examples:
  cargo xtask stores up                          all of them
  cargo xtask stores up postgres redis           these two
  cargo xtask stores up nats --port nats=4333    on a port of your choice
  cargo xtask stores up --native                 as processes, even where Docker is

A server whose address is in PLAZA_TEST_<NAME> is not started, only asked whether it answers. Programs, data and logs are
in $PLAZA_STORES_DIR, by default plaza/stores in your cache folder; PLAZA_STORES_<NAME>_PORT sets a port too.")]
    Up {
        #[command(flatten)]
        names: Names,
        /// A server's port, as NAME=PORT; may be given more than once.
        #[arg(long = "port", value_name = "NAME=PORT", value_parser = named_port)]
        ports: Vec<(Kind, u16)>,
        /// As processes of this machine, whatever the environment gives and whether Docker is there or not.
        #[arg(long)]
        native: bool,
    },
    /// End those that were started; their data stays.
    #[command(after_help = "Examples:
  cargo xtask stores down
  cargo xtask stores down neo4j")]
    Down {
        #[command(flatten)]
        names: Names,
    },
    /// Say which serve, and where.
    #[command(after_help = "Examples:
  cargo xtask stores status                      all of them
  cargo xtask stores status postgres             fails if it does not serve
  eval \"$(cargo xtask stores status --env)\"      tell the tests of `cargo test` where they are")]
    Status {
        #[command(flatten)]
        names: Names,
        /// Print the addresses of those that serve as commands for a shell.
        #[arg(long)]
        env: bool,
    },
    /// End them and delete their data.
    #[command(after_help = "Examples:
  cargo xtask stores reset
  cargo xtask stores reset postgres")]
    Reset {
        #[command(flatten)]
        names: Names,
    },
}

/// What CI runs, as a developer would.
impl StoresVerb {
    pub(crate) fn up() -> Self {
        Self::Up { names: Names::default(), ports: Vec::new(), native: false }
    }

    /// Each is named, so that one that does not serve is a failure.
    pub(crate) fn status_of_all() -> Self {
        Self::Status { names: Names { names: Kind::ALL.to_vec() }, env: false }
    }

    pub(crate) fn down() -> Self {
        Self::Down { names: Names::default() }
    }
}

/// Which servers.
#[derive(Args, Default)]
pub(crate) struct Names {
    /// The servers; without a name all of them.
    #[arg(value_name = "NAME", value_parser = kind)]
    names: Vec<Kind>,
}

impl Names {
    /// In the order in which they are started, each once.
    fn kinds(&self) -> Vec<Kind> {
        Kind::ALL.into_iter().filter(|kind| self.names.is_empty() || self.names.contains(kind)).collect()
    }
}

pub(crate) fn verb(verb: &StoresVerb) -> Outcome {
    let folder = Folder::open()?;
    match verb {
        StoresVerb::Up { names, ports, native } => {
            let ports = ports.iter().map(|(kind, port)| (kind.name(), *port)).collect();
            start(&folder, &names.kinds(), &Wishes { ports, native: *native, for_tests: false }).map(drop)
        }
        StoresVerb::Down { names } => end(&folder, &names.kinds(), false),
        StoresVerb::Status { names, env } => tell(&folder, names, *env),
        StoresVerb::Reset { names } => end(&folder, &names.kinds(), true),
    }
}

/// Starts all that do not run, and says where each is.
///
/// # Errors
/// If one cannot be had, with the reason for each.
pub(crate) fn ensure() -> Outcome<Vec<(Kind, String)>> {
    start(&Folder::open()?, &Kind::ALL, &Wishes::default())
}

/// The processes of this machine that serve, as far as they were started here.
pub(crate) fn processes() -> Outcome<Vec<(Kind, u32)>> {
    let folder = Folder::open()?;
    let pid = |kind: Kind| match Record::read(&folder, kind).filter(Record::is_alive)?.way {
        Way::Native { pid, .. } => Some((kind, pid)),
        Way::Compose => None,
    };
    Ok(Kind::ALL.into_iter().filter_map(pid).collect())
}

fn start(folder: &Folder, kinds: &[Kind], wishes: &Wishes) -> Outcome<Vec<(Kind, String)>> {
    let _lock = folder.lock()?;
    let (mut addresses, mut missing) = (Vec::new(), Vec::new());
    for (kind, ready) in up::up(folder, kinds, wishes) {
        match ready {
            Ok(ready) => {
                println!("{:<12} {} ({})", kind.name(), shown(&ready.address), ready.what);
                addresses.push((kind, ready.address));
            }
            Err(reason) => missing.push(format!("{}: {reason}", kind.name())),
        }
    }
    if missing.is_empty() { Ok(addresses) } else { Err(missing.join("\nerror: ")) }
}

fn end(folder: &Folder, kinds: &[Kind], reset: bool) -> Outcome {
    let _lock = folder.lock()?;
    let mut failed = Vec::new();
    for (kind, ended) in down::down(folder, kinds, reset) {
        match ended {
            Ok(told) => println!("{:<12} {told}", kind.name()),
            Err(reason) => failed.push(format!("{}: {reason}", kind.name())),
        }
    }
    if failed.is_empty() { Ok(()) } else { Err(failed.join("\nerror: ")) }
}

fn tell(folder: &Folder, names: &Names, env: bool) -> Outcome {
    let mut silent = Vec::new();
    for kind in names.kinds() {
        let status = status::status(folder, kind);
        match &status.address {
            Some(address) if env => println!("export {}='{address}'", kind.variable()),
            _ if env => {}
            _ => println!("{:<12} {}", kind.name(), status.line),
        }
        if status.address.is_none() {
            silent.push(kind.name());
        }
    }
    if env {
        println!("export PLAZA_TEST_SERVERS='{}'", folder.root().display());
    }
    if names.names.is_empty() || silent.is_empty() {
        return Ok(());
    }
    Err(format!("does not serve: {}", silent.join(", ")))
}

fn kind(name: &str) -> Result<Kind, String> {
    let found = Kind::ALL.into_iter().find(|kind| kind.name() == name);
    found.ok_or_else(|| {
        let names: Vec<&str> = Kind::ALL.iter().map(|kind| kind.name()).collect();
        format!("there are {}", names.join(", "))
    })
}

fn named_port(text: &str) -> Result<(Kind, u16), String> {
    let (name, port) = text.split_once('=').ok_or("write NAME=PORT")?;
    let port = port.parse().ok().filter(|port| *port > 0).ok_or("a port is a number from 1 to 65535")?;
    Ok((kind(name)?, port))
}

/// Of a reason that goes on, for a summary.
fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_name_is_answered_with_the_right_ones() {
        assert_eq!(kind("redis-cache"), Ok(Kind::RedisCache));
        assert!(kind("mysql").is_err_and(|told| told.contains("postgres, redis, redis-cache, nats, neo4j")));
    }

    #[test]
    fn ports_are_read() {
        assert_eq!(named_port("nats=4333"), Ok((Kind::Nats, 4333)));
        for wrong in ["nats", "nats=", "nats=0", "nats=70000", "mysql=1"] {
            assert!(named_port(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_are_taken_once_and_in_order() {
        let names = Names { names: vec![Kind::Neo4j, Kind::Postgres, Kind::Neo4j] };
        assert_eq!(names.kinds(), [Kind::Postgres, Kind::Neo4j]);
        assert_eq!(Names { names: vec![] }.kinds(), Kind::ALL);
    }
}
