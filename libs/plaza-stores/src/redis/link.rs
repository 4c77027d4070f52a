//! One connection to the server, watched: whoever calls knows at once when nobody would answer.
//!
//! The driver reconnects by itself when a connection ends. What it does not see is a server that keeps the connection
//! open and says nothing, as long as there is traffic; and a caller should not have to wait to find that out. So each
//! connection is asked for a sign of life twice a second. While it owes one it is given no calls, and after a second
//! miss it is thrown away, with all that waits in it, and made anew.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use fred::clients::Client;
use fred::interfaces::{ClientLike, EventInterface};
use fred::types::ConnectHandle;
use fred::types::config::{
    Config, ConnectionConfig, Options, PerformanceConfig, ReconnectPolicy, TcpConfig, UnresponsiveConfig,
};
use parking_lot::RwLock;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinHandle;

use super::options::RedisOptions;

/// How often a connection that works is asked for a sign of life.
const EVERY: Duration = Duration::from_millis(500);
/// How often one that does not work is looked at.
const SOON: Duration = Duration::from_millis(20);
/// How many signs of life may stay out before the connection is made anew.
const MISSES: u32 = 2;
/// Reconnection: from 50 ms, doubled up to a second, with up to 100 ms of jitter.
const BACKOFF_MS: (u32, u32) = (50, 1_000);
/// How long the system tries to bring bytes to a server that does not take them.
const UNSENT: Duration = Duration::from_secs(5);

/// How connections are made.
pub(super) struct Plan {
    pub(super) config: Config,
    pub(super) options: RedisOptions,
}

impl Plan {
    fn client(&self) -> Client {
        let options = &self.options;
        let performance =
            PerformanceConfig { default_command_timeout: options.command_timeout, ..PerformanceConfig::default() };
        let connection = ConnectionConfig {
            connection_timeout: options.connect_timeout,
            internal_command_timeout: options.connect_timeout,
            // A command whose connection ended may have been performed: whoever sent it must decide.
            max_command_attempts: 1,
            // A wrong password may be put right on the server.
            reconnect_on_auth_error: true,
            // Its own bound loses count when it is reached, and then leaves commands unsent; so the bound is the permits.
            max_command_buffer_len: 0,
            unresponsive: UnresponsiveConfig { max_timeout: None, interval: EVERY },
            tcp: TcpConfig { nodelay: Some(true), user_timeout: Some(UNSENT), ..TcpConfig::default() },
            ..ConnectionConfig::default()
        };
        let policy = ReconnectPolicy::new_exponential(0, BACKOFF_MS.0, BACKOFF_MS.1, 2);
        Client::new(self.config.clone(), Some(performance), Some(connection), Some(policy))
    }

    /// For one command: this long, once, and not at all while the connection is down.
    pub(super) fn once(timeout: Duration) -> Options {
        // To the driver no time means for ever.
        let timeout = Some(timeout.max(Duration::from_millis(1)));
        Options { timeout, max_attempts: Some(1), fail_fast: true, ..Options::default() }
    }
}

/// A connection that is kept up until this is dropped.
pub(super) struct Link {
    shared: Arc<Shared>,
    keeper: JoinHandle<()>,
}

struct Shared {
    client: RwLock<Option<Client>>,
    up: AtomicBool,
    permits: Arc<Semaphore>,
    losses: AtomicU64,
    changed: watch::Sender<u64>,
}

impl Link {
    /// Begins to connect. `changed` counts each time that the connection comes up or goes down.
    pub(super) fn start(plan: Arc<Plan>, changed: watch::Sender<u64>) -> Self {
        let shared = Arc::new(Shared {
            client: RwLock::default(),
            up: AtomicBool::new(false),
            permits: Arc::new(Semaphore::new(plan.options.queue.clamp(1, Semaphore::MAX_PERMITS))),
            losses: AtomicU64::new(0),
            changed,
        });
        let keeper = tokio::spawn(shared.clone().keep(plan));
        Self { shared, keeper }
    }

    /// Whether it would answer.
    pub(super) fn is_up(&self) -> bool {
        self.shared.up.load(Ordering::Acquire)
    }

    /// How often it was lost.
    pub(super) fn losses(&self) -> u64 {
        self.shared.losses.load(Ordering::Relaxed)
    }

    /// The connection, with leave to put one more call on it; `None` if too many wait for it.
    pub(super) fn enter(&self) -> Option<(Client, OwnedSemaphorePermit)> {
        let client = self.shared.client.read().clone()?;
        Some((client, self.shared.permits.clone().try_acquire_owned().ok()?))
    }

    /// Says goodbye to the server and ends the connection.
    pub(super) async fn close(&self) {
        let client = self.shared.client.write().take();
        self.shared.set_up(false);
        if let Some(client) = client.filter(ClientLike::is_connected) {
            // Nothing is lost if the goodbye does not arrive.
            let _ = tokio::time::timeout(EVERY, client.quit()).await;
        }
        self.keeper.abort();
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

/// The driver's task for one connection, which ends with this.
struct Running(ConnectHandle);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Shared {
    async fn keep(self: Arc<Self>, plan: Arc<Plan>) {
        loop {
            let client = plan.client();
            let running = Running(client.connect());
            *self.client.write() = Some(client.clone());
            self.watch(&client, &running, plan.options.command_timeout).await;
            self.set_up(false);
            drop(running);
            tokio::time::sleep(Duration::from_millis(BACKOFF_MS.0.into())).await;
        }
    }

    /// Keeps `up` true to the facts, until the connection is not worth keeping.
    async fn watch(&self, client: &Client, running: &Running, timeout: Duration) {
        let mut errors = client.error_rx();
        let mut missed = 0;
        while !running.0.is_finished() && missed < MISSES {
            let up = self.up.load(Ordering::Acquire);
            tokio::select! {
                biased;
                error = errors.recv() => match error {
                    Ok((error, _)) => {
                        if self.set_up(false) {
                            tracing::warn!(%error, "redis connection lost");
                        }
                        continue;
                    }
                    Err(RecvError::Lagged(_)) => continue,
                    Err(RecvError::Closed) => return,
                },
                () = tokio::time::sleep(if up { EVERY } else { SOON }) => {}
            }
            if !client.is_connected() {
                self.set_up(false);
                missed = 0;
                continue;
            }
            match client.with_options(&Plan::once(timeout)).ping::<()>(None).await {
                Ok(()) => {
                    missed = 0;
                    self.set_up(true);
                }
                Err(error) => {
                    missed += 1;
                    if self.set_up(false) {
                        tracing::warn!(%error, "redis gives no sign of life");
                    }
                }
            }
        }
    }

    /// Whether that is news.
    fn set_up(&self, up: bool) -> bool {
        let news = self.up.swap(up, Ordering::AcqRel) != up;
        if news {
            if !up {
                self.losses.fetch_add(1, Ordering::Relaxed);
            }
            self.changed.send_modify(|times| *times += 1);
        }
        news
    }
}
