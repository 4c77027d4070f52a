//! Waiting for a condition, bounded.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;

/// How long a condition is waited for before the test fails.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// Waits until `probe` gives a value; asks again every few milliseconds.
///
/// # Panics
/// After [`PATIENCE`], naming `what` was waited for.
pub async fn until<T, F: Future<Output = Option<T>>>(what: &str, probe: impl FnMut() -> F) -> T {
    within(PATIENCE, what, probe).await
}

/// As [`until`], for a condition that is promised within `limit`.
///
/// # Panics
/// After `limit`, naming `what` was waited for.
pub async fn within<T, F: Future<Output = Option<T>>>(limit: Duration, what: &str, mut probe: impl FnMut() -> F) -> T {
    let end = Instant::now() + limit;
    loop {
        if let Some(value) = probe().await {
            return value;
        }
        assert!(Instant::now() < end, "waited {limit:?} in vain for {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
