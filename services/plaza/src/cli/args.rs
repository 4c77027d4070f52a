//! Commands that run, fill or measure a platform.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::config::{Service, Setting};
use crate::load::Target;

/// Where settings come from, besides `PLAZA_*` variables.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Settings")]
pub struct SettingsArgs {
    /// Read settings from FILE [default: plaza.toml in the current folder, if there is one]
    #[arg(long, value_name = "FILE", env = "PLAZA_CONFIG")]
    pub config: Option<PathBuf>,
    /// Keep the platform's files in DIR [default: plaza-data]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Keep everything in memory, gone when the process ends
    #[arg(long, conflicts_with = "data_dir")]
    pub ephemeral: bool,
    /// Serve gRPC on ADDRESS; port 0 takes a free one [default: 127.0.0.1:50051]
    #[arg(long, value_name = "ADDRESS")]
    pub grpc_address: Option<String>,
    /// Serve metrics and health on ADDRESS over HTTP [default: 127.0.0.1:9464]
    #[arg(long, value_name = "ADDRESS")]
    pub admin_address: Option<String>,
    /// Log what passes FILTER, such as `debug` or `info,plaza_posts=debug` [default: info]
    #[arg(long, value_name = "FILTER")]
    pub log: Option<String>,
    /// Set any setting by its name; may be given many times
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = name_and_value)]
    pub sets: Vec<(String, String)>,
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE, such as `feeds.cap=800`")?;
    Ok((name.trim().to_owned(), value.trim().to_owned()))
}

fn mean(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|n| (0.0..=1_000_000.0).contains(n));
    number.ok_or_else(|| "write a number from 0 to 1000000, such as `39`".to_owned())
}

impl SettingsArgs {
    /// The settings that the flags name.
    #[must_use]
    pub fn flags(&self) -> Vec<Setting> {
        let data_dir = self.data_dir.as_ref().map(|dir| dir.to_string_lossy().into_owned());
        let named = [
            ("data-dir", "data_dir", data_dir),
            ("ephemeral", "ephemeral", self.ephemeral.then(|| "true".to_owned())),
            // Who names a folder wants files in it, whatever a file or a variable says of `ephemeral`.
            ("data-dir", "ephemeral", self.data_dir.as_ref().map(|_| "false".to_owned())),
            ("grpc-address", "grpc_address", self.grpc_address.clone()),
            ("admin-address", "admin_address", self.admin_address.clone()),
            ("log", "log", self.log.clone()),
        ];
        let named = named.into_iter().filter_map(|(flag, name, value)| {
            Some(Setting { origin: format!("--{flag}"), name: name.to_owned(), value: value? })
        });
        let sets = self.sets.iter().map(|(name, value)| Setting {
            origin: format!("--set {name}"),
            name: name.clone(),
            value: value.clone(),
        });
        named.chain(sets).collect()
    }
}

/// How a process tells that it is ready.
#[derive(Clone, Debug, Default, Args)]
pub struct ReadyArgs {
    /// Write the line `ready: grpc=… admin=…` to FILE once calls are served; it also goes to standard output
    #[arg(long, value_name = "FILE")]
    pub ready_file: Option<PathBuf>,
}

/// `plaza up`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  plaza up                                    # files in ./plaza-data, gRPC on 127.0.0.1:50051
  plaza up --data-dir data --grpc-address 0.0.0.0:50051
  plaza up --ephemeral --grpc-address 127.0.0.1:0   # leaves nothing behind, on any free port")]
pub struct UpArgs {
    /// Settings.
    #[command(flatten)]
    pub settings: SettingsArgs,
    /// Readiness.
    #[command(flatten)]
    pub ready: ReadyArgs,
}

/// `plaza serve`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  plaza serve accounts sessions
  plaza serve graph posts feeds --peer accounts=http://one:50051 --peer sessions=http://one:50051

Every process needs to know where sessions is. On one machine each needs a --grpc-address and an --admin-address of its
own. Processes of one platform need the same secret (PLAZA_SECRET, or the same data folder) and, with the embedded event
log, the same data folder.")]
pub struct ServeArgs {
    /// The services to run: accounts, sessions, graph, posts, feeds
    #[arg(required = true, value_name = "SERVICE")]
    pub services: Vec<Service>,
    /// Where another service is; may be given many times
    #[arg(long = "peer", value_name = "SERVICE=ADDRESS", value_parser = peer)]
    pub peers: Vec<(Service, String)>,
    /// Settings.
    #[command(flatten)]
    pub settings: SettingsArgs,
    /// Readiness.
    #[command(flatten)]
    pub ready: ReadyArgs,
}

fn peer(text: &str) -> Result<(Service, String), String> {
    let wrong = "write SERVICE=ADDRESS, such as `posts=http://127.0.0.1:50051`";
    let (service, address) = text.split_once('=').ok_or(wrong)?;
    Ok((service.parse()?, address.to_owned()))
}

impl ServeArgs {
    /// The settings that the flags name.
    #[must_use]
    pub fn flags(&self) -> Vec<Setting> {
        let peer = |(service, address): &(Service, String)| Setting {
            origin: format!("--peer {service}"),
            name: format!("peers.{service}"),
            value: address.clone(),
        };
        self.settings.flags().into_iter().chain(self.peers.iter().map(peer)).collect()
    }
}

/// `plaza migrate`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  plaza migrate --data-dir data")]
pub struct MigrateArgs {
    /// Settings.
    #[command(flatten)]
    pub settings: SettingsArgs,
}

/// Who is there and whom they follow.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "People")]
pub struct PeopleArgs {
    /// Load the people and their friendships from FILE: two numbers a line, each friendship two follows
    #[arg(long, value_name = "FILE")]
    pub edges: Option<PathBuf>,
    /// Make a graph of N people [default: 1000]
    #[arg(long, value_name = "N", conflicts_with = "edges", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub people: Option<u32>,
    /// With N followers each on average [default: 39]
    #[arg(long, value_name = "N", conflicts_with = "edges", value_parser = mean)]
    pub followers: Option<f64>,
    /// Another seed gives other follows, posts and likes; the same seed gives the same
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: u64,
}

/// How much they post and like.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "People")]
pub struct SizesArgs {
    /// Publish N posts [default: 20 for each person]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=100_000_000))]
    pub posts: Option<u64>,
    /// Give N likes [default: 10 for each person]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..=1_000_000_000))]
    pub likes: Option<u64>,
}

/// `plaza demo`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  plaza demo                              # a platform of its own, gone with Ctrl-C
  plaza demo --edges friends.edges        # the friendships of a file
  plaza demo --people 200 --posts 2000 --exit
  plaza demo --target http://127.0.0.1:50051   # fill a running platform instead
  plaza demo --target accounts=a:1,sessions=s:1,graph=g:1,posts=p:1,p:2,feeds=f:1   # in pieces

The platform of its own hashes passwords with next to no work, so that its made-up people are there at once. A running one
lets an operator fill it without signing everybody in and without limits: give its secret by PLAZA_SECRET or --data-dir.")]
pub struct DemoArgs {
    /// Fill the platform at ADDRESS instead of running one; `SERVICE=ADDRESS,…` for one in several processes
    #[arg(long, value_name = "ADDRESS", env = "PLAZA_TARGET")]
    pub target: Option<Target>,
    /// End after the story, and tell time and peak memory
    #[arg(long)]
    pub exit: bool,
    /// People.
    #[command(flatten)]
    pub people: PeopleArgs,
    /// Sizes.
    #[command(flatten)]
    pub sizes: SizesArgs,
    /// Settings.
    #[command(flatten)]
    pub settings: SettingsArgs,
    /// Readiness.
    #[command(flatten)]
    pub ready: ReadyArgs,
}

/// `plaza seed`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  plaza seed                                                # 1,000 people, 20,000 posts, 10,000 likes
  plaza seed --target http://127.0.0.1:50051 --people 100 --posts 500 --likes 1000
  plaza seed --edges friends.edges --seed 7

With the platform's secret, nobody has to be signed in and no limit holds it up. A second run with the same numbers within
a day changes nothing: its requests have the same ids.")]
pub struct SeedArgs {
    /// The platform to fill; `SERVICE=ADDRESS,…` for one in several processes
    #[arg(long, value_name = "ADDRESS", default_value = "http://127.0.0.1:50051", env = "PLAZA_TARGET")]
    pub target: Target,
    /// The platform's data folder, which holds its secret; PLAZA_SECRET is used if it is set [default: plaza-data]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// How many calls are under way at once
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub concurrency: u16,
    /// Sign everybody in and write their accounts and access tokens here, as JSON, for tools that make calls; tokens are
    /// good for minutes, and the platform's limits apply
    #[arg(long, value_name = "FILE")]
    pub tokens: Option<PathBuf>,
    /// People.
    #[command(flatten)]
    pub people: PeopleArgs,
    /// Sizes.
    #[command(flatten)]
    pub sizes: SizesArgs,
}

/// `plaza bench`.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  plaza bench home
  plaza bench mix --edges friends.edges --seconds 20 --json")]
pub struct BenchArgs {
    /// What to measure.
    #[command(subcommand)]
    pub command: BenchCommand,
}

/// What to measure.
#[derive(Clone, Debug, Subcommand)]
pub enum BenchCommand {
    /// All kinds of calls below, one after the other on one platform
    #[command(after_help = "\
Examples:
  plaza bench calls
  plaza bench calls --edges friends.edges --posts 20000 --seconds 10 --json")]
    Calls(LoadArgs),
    /// Read home feeds
    #[command(after_help = "\
Examples:
  plaza bench home
  plaza bench home --edges friends.edges --posts 20000 --seconds 10
  plaza bench home --target http://127.0.0.1:50051 --requests 100000 --json")]
    Home(LoadArgs),
    /// Read user feeds
    #[command(after_help = "\
Examples:
  plaza bench user --seconds 10")]
    User(LoadArgs),
    /// Publish posts, and wait until they are in every follower's feed
    #[command(after_help = "\
Examples:
  plaza bench compose --requests 20000")]
    Compose(LoadArgs),
    /// Follow, and take it back
    #[command(after_help = "\
Examples:
  plaza bench follow --requests 20000")]
    Follow(LoadArgs),
    /// Read home feeds (60 %) and user feeds (30 %) and publish posts (10 %)
    #[command(after_help = "\
Examples:
  plaza bench mix --seconds 20")]
    Mix(LoadArgs),
    /// What a post costs by the number of its author's followers
    #[command(after_help = "\
Examples:
  plaza bench followers
  plaza bench followers --steps 10,100,1000 --requests 200")]
    Followers(LoadArgs),
    /// Calls about an account that 100,000 follow and one that follows 5,000
    #[command(after_help = "\
Examples:
  plaza bench extremes
  plaza bench extremes --steps 10000,1000 --json")]
    Extremes(LoadArgs),
    /// From a post's answer until it is in the feed of the last follower, by their number
    #[command(after_help = "\
Examples:
  plaza bench delay
  plaza bench delay --steps 39,1000 --requests 100")]
    Delay(LoadArgs),
    /// What a page costs by the length of the feed
    #[command(after_help = "\
Examples:
  plaza bench length
  plaza bench length --steps 10,100,800,2000 --seconds 3")]
    Length(LoadArgs),
}

/// How to measure.
#[derive(Clone, Debug, Args)]
pub struct LoadArgs {
    /// Measure the platform at ADDRESS, `SERVICE=ADDRESS,…` for one in several processes; its `rate_limit.per_minute`
    /// must be 0 [default: an ephemeral one in a process of its own]
    #[arg(long, value_name = "ADDRESS", env = "PLAZA_TARGET")]
    pub target: Option<Target>,
    /// With --target: the process ids of the platform, to read its CPU time
    #[arg(long = "server-pid", value_name = "PID,…", requires = "target", value_delimiter = ',')]
    pub server_pids: Vec<u32>,
    /// Measure for S seconds
    #[arg(long, value_name = "S", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub seconds: u64,
    /// Stop after N calls, if that is earlier; for `followers` and `delay`, calls of each step
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub requests: Option<u64>,
    /// Connections
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub connections: u16,
    /// Calls under way at once on each connection
    #[arg(long, value_name = "N", default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=256))]
    pub streams: u16,
    /// Posts in a page
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(i32).range(1..=100))]
    pub page_size: i32,
    /// For `followers`, `delay` and `length`: the numbers to step through
    #[arg(long, value_name = "N,…", value_delimiter = ',')]
    pub steps: Vec<u32>,
    /// Print JSON instead of a table
    #[arg(long)]
    pub json: bool,
    /// A setting of the platform that is started; may be given many times
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = name_and_value, conflicts_with = "target")]
    pub sets: Vec<(String, String)>,
    /// Keep the files of the platform that is started in DIR instead of in memory
    #[arg(long, value_name = "DIR", conflicts_with = "target")]
    pub data_dir: Option<PathBuf>,
    /// People.
    #[command(flatten)]
    pub people: PeopleArgs,
    /// Sizes.
    #[command(flatten)]
    pub sizes: SizesArgs,
}
