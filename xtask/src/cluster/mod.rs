//! `cargo xtask cluster`: the platform in pieces, on the real stores, on this machine.
//!
//! Each service is a process of its own, posts and feeds are two. All that belongs to the cluster is in one folder: what
//! runs, logs, and the platform's secret.

pub(crate) mod down;
pub(crate) mod folder;
pub(crate) mod plan;
mod ready;
mod status;
pub(crate) mod up;

use clap::Subcommand;

use crate::Outcome;
use folder::Folder;
use up::Wishes;

/// The first port, unless asked for otherwise.
const PORT: u16 = 50_100;

#[derive(Subcommand)]
pub(crate) enum ClusterVerb {
    /// Start the stores that do not run, and the services on them.
    #[command(after_help = "Examples:
  cargo xtask cluster up
  cargo xtask cluster up --release --set rate_limit.per_minute=0     to measure it
  cargo xtask cluster up --port 60100

A port for each process follows the first, and 100 above each the one of its metrics and health. What runs, logs and the
secret are in $PLAZA_CLUSTER_DIR, by default plaza/cluster in your cache folder.")]
    Up {
        /// The first port.
        #[arg(long, value_name = "PORT", default_value_t = PORT, value_parser = clap::value_parser!(u16).range(1024..=65_000))]
        port: u16,
        /// Build for speed.
        #[arg(long)]
        release: bool,
        /// A setting of every process, over those that the cluster makes; may be given many times.
        #[arg(long = "set", value_name = "NAME=VALUE", value_parser = setting)]
        sets: Vec<(String, String)>,
    },
    /// End the services; the stores go on, with what they hold.
    #[command(after_help = "Example:
  cargo xtask cluster down     and then, if you wish, `cargo xtask stores down`, or `reset` to forget everything")]
    Down,
    /// Say which services run, where, and what each lacks.
    #[command(after_help = "Example:
  cargo xtask cluster status")]
    Status,
}

pub(crate) fn verb(verb: ClusterVerb) -> Outcome {
    let folder = Folder::open()?;
    match verb {
        ClusterVerb::Up { port, release, sets } => up::up(&folder, &Wishes { port, release, sets }),
        ClusterVerb::Down => down::down(&folder),
        ClusterVerb::Status => status::status(&folder),
    }
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE, such as `feeds.cap=800`")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}
