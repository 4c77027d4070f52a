//! Settings: defaults, then a file, then `PLAZA_*` variables, then flags; what is wrong is refused by name.

mod error;
mod layers;
mod secret;
mod services;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use plaza_rpc::client::check_address;
use plaza_rpc::telemetry;
use serde::{Deserialize, Serialize};

pub use error::SettingsError;
pub use layers::{Layers, Setting};
pub use secret::SecretText;
pub use services::{EventsConfig, PeersConfig, RateLimitConfig, Service};

/// A process that is asked to end does so within 10 s, and needs some of it to close its stores.
const MAX_DRAIN_MS: u64 = 7_000;

/// All settings of a process.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The folder that holds the platform's files: the embedded stores, the event log and the secret.
    pub data_dir: PathBuf,
    /// Keep everything in memory instead, gone when the process ends.
    pub ephemeral: bool,
    /// The address that gRPC is served on; port 0 takes a free one.
    pub grpc_address: SocketAddr,
    /// The address that metrics and health are served on over HTTP; port 0 takes a free one.
    pub admin_address: SocketAddr,
    /// The platform's secret, 64 hexadecimal digits; without it, one is made in the data folder. Every process of a
    /// platform needs the same.
    pub secret: Option<SecretText>,
    /// Whether services must prove who they are by signed tokens when they call this process. Turn it off only where the
    /// network proves it, such as a mesh with mTLS; operators need a token even then.
    pub service_tokens: bool,
    /// What goes to the log, as a filter of `tracing`: `info`, `plaza_posts=debug,warn`.
    pub log: String,
    /// Where traces go by OTLP over gRPC; nowhere if not set.
    pub otlp_endpoint: Option<String>,
    /// Which share of the traces that begin here goes there, from 0 to 1; all if not set.
    pub otlp_share: Option<f64>,
    /// How long work in hand may take to finish when the process is asked to end, in milliseconds.
    pub drain_ms: u64,
    /// How often expired rows are removed, in milliseconds.
    pub maintenance_ms: u64,
    /// Where the services are that do not run in this process.
    pub peers: PeersConfig,
    /// How much each caller may ask for.
    pub rate_limit: RateLimitConfig,
    /// The event log.
    pub events: EventsConfig,
    /// The accounts service.
    pub accounts: plaza_accounts::Config,
    /// The sessions service.
    pub sessions: plaza_sessions::Config,
    /// The graph service.
    pub graph: plaza_graph::Config,
    /// The posts service.
    pub posts: plaza_posts::Config,
    /// The feeds service.
    pub feeds: plaza_feeds::Config,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            data_dir: PathBuf::from("plaza-data"),
            ephemeral: false,
            grpc_address: SocketAddr::from(([127, 0, 0, 1], 50051)),
            admin_address: SocketAddr::from(([127, 0, 0, 1], 9464)),
            secret: None,
            service_tokens: true,
            log: "info".to_owned(),
            otlp_endpoint: None,
            otlp_share: None,
            drain_ms: 5_000,
            maintenance_ms: 60_000,
            peers: PeersConfig::default(),
            rate_limit: RateLimitConfig::default(),
            events: EventsConfig::default(),
            accounts: plaza_accounts::Config::default(),
            sessions: plaza_sessions::Config::default(),
            graph: plaza_graph::Config::default(),
            posts: plaza_posts::Config::default(),
            feeds: plaza_feeds::Config::default(),
        }
    }
}

impl Settings {
    /// A platform that leaves nothing behind, on ports of its own, whose password hashes protect nothing and whose callers
    /// have no limit: for tests.
    #[must_use]
    pub fn ephemeral() -> Self {
        let any_port = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut settings = Self { ephemeral: true, grpc_address: any_port, admin_address: any_port, ..Self::default() };
        settings.accounts.insecure_fast_hash = true;
        settings.rate_limit.per_minute = 0;
        settings.derived()
    }

    /// As [`Settings::ephemeral`], with its files in `data_dir`.
    #[must_use]
    pub fn in_folder(data_dir: &Path) -> Self {
        let ephemeral = Self::ephemeral();
        Self { ephemeral: false, data_dir: data_dir.to_owned(), ..ephemeral }.derived()
    }

    /// How long work in hand may take to finish.
    #[must_use]
    pub fn drain(&self) -> Duration {
        Duration::from_millis(self.drain_ms)
    }

    /// How often expired rows are removed.
    #[must_use]
    pub fn maintenance(&self) -> Duration {
        Duration::from_millis(self.maintenance_ms)
    }

    /// Whether every setting is within its bounds.
    ///
    /// # Errors
    /// Each one that is not, with what would be right.
    pub fn check(&self) -> Result<(), SettingsError> {
        let mut wrong = Vec::new();
        if self.grpc_address == self.admin_address && self.grpc_address.port() != 0 {
            wrong.push(format!("`admin_address` is {}, as `grpc_address` is: choose another port", self.admin_address));
        }
        if !(100..=MAX_DRAIN_MS).contains(&self.drain_ms) {
            wrong.push(format!("`drain_ms` is {}: choose from 100 to {MAX_DRAIN_MS}", self.drain_ms));
        }
        if let Some(share) = self.otlp_share.filter(|share| !(0.0..=1.0).contains(share)) {
            wrong.push(format!("`otlp_share` is {share}: choose from 0 to 1"));
        }
        if self.maintenance_ms < 100 {
            wrong.push(format!("`maintenance_ms` is {}: choose 100 or more", self.maintenance_ms));
        }
        if let Err(told) = telemetry::check_filter(&self.log) {
            wrong.push(format!("`log`: {told}"));
        }
        if let Some(Err(told)) = self.otlp_endpoint.as_deref().map(check_url) {
            wrong.push(format!("`otlp_endpoint` is not right: {told}"));
        }
        self.check_services(&mut wrong);
        SettingsError::unless_empty(wrong)
    }
}

/// Checks a whole address: a word alone would be taken for a host, and a slip for an address.
fn check_url(address: &str) -> Result<(), String> {
    if address.contains("://") {
        return check_address(address);
    }
    Err(format!("`{address}` is no address; write it like `http://127.0.0.1:50051`"))
}
