//! Calls that run together.

use futures::future::BoxFuture;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use plaza_core::Result;

/// Calls to peers or the store that one piece of work makes at once.
const AT_ONCE: usize = 8;

/// Runs calls, a few at a time, and gives their results in order; the first error ends it.
pub(crate) async fn together<T: Send>(calls: Vec<BoxFuture<'_, Result<T>>>) -> Result<Vec<T>> {
    stream::iter(calls).buffered(AT_ONCE).try_collect().await
}
