//! Being asked to end.

use crate::failure::{Failure, Result};

/// Waits for SIGTERM or Ctrl-C.
///
/// # Errors
/// If the system does not tell of signals.
pub(super) async fn asked_to_end() -> Result<()> {
    let cannot = |e: std::io::Error| Failure::new(format!("signals cannot be waited for: {e}"));
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate()).map_err(cannot)?;
        tokio::select! {
            _ = terminate.recv() => Ok(()),
            asked = tokio::signal::ctrl_c() => asked.map_err(cannot),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await.map_err(cannot)
}
