//! Commands that an operator gives to a running process.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::config::Setting;
use crate::load::Target;

/// Which process, and how to prove who asks.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Process")]
pub struct AdminArgs {
    /// The platform that runs the projections; `SERVICE=ADDRESS,…` for one in several processes
    #[arg(long, value_name = "ADDRESS", default_value = "http://127.0.0.1:50051", env = "PLAZA_TARGET")]
    pub target: Target,
    /// The platform's data folder, which holds its secret; PLAZA_SECRET is used if it is set [default: plaza-data]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// The platform's settings [default: plaza.toml in the current folder, if there is one]
    #[arg(long, value_name = "FILE", env = "PLAZA_CONFIG")]
    pub config: Option<PathBuf>,
}

impl AdminArgs {
    /// The settings that the flags name.
    #[must_use]
    pub fn flags(&self) -> Vec<Setting> {
        let data_dir = self.data_dir.as_ref().map(|dir| dir.to_string_lossy().into_owned());
        let flag = |value| Setting { origin: "--data-dir".to_owned(), name: "data_dir".to_owned(), value };
        data_dir.map(flag).into_iter().collect()
    }
}

/// `plaza projections`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  plaza projections
  plaza projections --target http://127.0.0.1:50054 --data-dir data")]
pub struct ProjectionsArgs {
    /// Process.
    #[command(flatten)]
    pub admin: AdminArgs,
}

/// `plaza rebuild`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  plaza rebuild home-feeds
  plaza rebuild home-feeds --after 81234567890   # go on where a rebuild stopped
  plaza rebuild --from-outbox                    # fill an event log that was lost; every consumer starts over")]
pub struct RebuildArgs {
    /// The projection's name, as `plaza projections` lists it
    #[arg(required_unless_present = "from_outbox")]
    pub projection: Option<String>,
    /// Publishes all events that the process's outboxes keep to the event log again; what the log has is skipped
    #[arg(long, conflicts_with_all = ["projection", "after"])]
    pub from_outbox: bool,
    /// Only keys above KEY, to go on after a rebuild that stopped
    #[arg(long, value_name = "KEY", default_value_t = 0)]
    pub after: i64,
    /// Process.
    #[command(flatten)]
    pub admin: AdminArgs,
}

/// `plaza audit`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  plaza audit home-feeds            # ends with status 3 if something drifted
  plaza audit home-feeds --repair")]
pub struct AuditArgs {
    /// The projection's name, as `plaza projections` lists it
    pub projection: String,
    /// Repair what drifted
    #[arg(long)]
    pub repair: bool,
    /// Process.
    #[command(flatten)]
    pub admin: AdminArgs,
}

/// `plaza dlq`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  plaza dlq list
  plaza dlq replay home-feeds")]
pub struct DlqArgs {
    /// What to do with them.
    #[command(subcommand)]
    pub command: DlqCommand,
}

/// What to do with dead letters.
#[derive(Clone, Debug, Subcommand)]
pub enum DlqCommand {
    /// List them, oldest first
    #[command(after_help = "\
Examples:
  plaza dlq list
  plaza dlq list home-feeds")]
    List {
        /// Only those of this projection
        projection: Option<String>,
        /// Process.
        #[command(flatten)]
        admin: AdminArgs,
    },
    /// Apply them again; those that succeed are gone
    #[command(after_help = "\
Examples:
  plaza dlq replay home-feeds
  plaza dlq replay home-feeds 3 4")]
    Replay {
        /// The projection that gave up on them
        projection: String,
        /// Only these, as `plaza dlq list` numbers them
        ids: Vec<i64>,
        /// Process.
        #[command(flatten)]
        admin: AdminArgs,
    },
}
