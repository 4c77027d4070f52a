//! The span of what a call does to its store.

use tracing::Span;

/// The target of these spans, for filters.
const SPANS: &str = "plaza_stores::store";

/// The span of a write from its place in the queue to its commit, within the call that makes it. Work that belongs to no
/// call has none.
pub(crate) fn write(store: &str) -> Span {
    if Span::current().is_none() {
        return Span::none();
    }
    tracing::debug_span!(target: SPANS, "store.write", store)
}
