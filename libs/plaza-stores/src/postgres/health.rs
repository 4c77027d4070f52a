//! Whether the server is there: calls fail at once while it is known to be away.
//!
//! No count of failures decides that, a look does: whoever sees a connection break, or waits for long, asks for one. A
//! look is a connection of its own; when it fails the server counts as away until one succeeds.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use plaza_core::{Error, Result};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::sync::watch;

use super::errors::{self, unavailable};

/// How long a look may take: two round trips, more with TLS, to a server that may be far or busy.
const LOOK: Duration = Duration::from_secs(2);
/// The pause between two looks at a server that is away.
const PAUSE: Duration = Duration::from_millis(200);
/// How long a call may take before a look is asked for.
pub(super) const SLOW: Duration = Duration::from_millis(800);

/// What is known of one server. Clones share it.
#[derive(Clone, Debug)]
pub(super) struct Health(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    connect: PgConnectOptions,
    away: watch::Sender<bool>,
    looking: AtomicBool,
    /// Connections of an older generation are not used again.
    generation: AtomicU64,
}

impl Health {
    pub(super) fn new(connect: PgConnectOptions) -> Self {
        let (away, looking, generation) = (watch::Sender::new(false), AtomicBool::new(false), AtomicU64::new(0));
        Self(Arc::new(Inner { connect, away, looking, generation }))
    }

    pub(super) fn is_away(&self) -> bool {
        *self.0.away.borrow()
    }

    /// Fails while the server is away.
    pub(super) fn check(&self) -> Result<()> {
        if self.is_away() { Err(gone()) } else { Ok(()) }
    }

    /// Ends when the server is known to be away.
    pub(super) async fn gone(&self) -> Error {
        let mut away = self.0.away.subscribe();
        // The sender lives as long as `self`.
        let _ = away.wait_for(|away| *away).await;
        gone()
    }

    pub(super) fn generation(&self) -> u64 {
        self.0.generation.load(Relaxed)
    }

    /// A connection broke: those that wait unused are as old as it is.
    pub(super) fn broken(&self) {
        self.0.generation.fetch_add(1, Relaxed);
        self.suspect();
    }

    /// Has the server looked at, unless somebody does already.
    pub(super) fn suspect(&self) {
        if self.0.looking.swap(true, Relaxed) {
            return;
        }
        let inner = Arc::downgrade(&self.0);
        tokio::spawn(async move {
            while let Some(inner) = inner.upgrade() {
                if inner.look().await {
                    inner.looking.store(false, Relaxed);
                    return;
                }
                drop(inner);
                tokio::time::sleep(PAUSE).await;
            }
        });
    }
}

impl Inner {
    /// Whether the server answers; tells everybody.
    async fn look(&self) -> bool {
        let answered = match tokio::time::timeout(LOOK, self.connect.connect()).await {
            Ok(Ok(conn)) => {
                // Closed in the background: that it is there is known already.
                tokio::spawn(tokio::time::timeout(LOOK, conn.close()));
                true
            }
            // Too many connections, a wrong password: somebody is there.
            Ok(Err(error)) => !is_away(&error),
            Err(_) => false,
        };
        let changed = self.away.send_if_modified(|away| std::mem::replace(away, !answered) == answered);
        if changed && answered {
            tracing::info!("postgres is back");
        } else if changed {
            self.generation.fetch_add(1, Relaxed);
            tracing::warn!("postgres is away");
        }
        answered
    }
}

/// Whether the error of a new connection says that there is nobody to serve it: 57P01 to 57P03 are a server that goes
/// down or comes up.
pub(super) fn is_away(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Database(cause) => cause.code().is_some_and(|code| code.starts_with("57P")),
        _ => true,
    }
}

fn gone() -> Error {
    unavailable().retry_after(errors::RETRY_AFTER + PAUSE)
}
