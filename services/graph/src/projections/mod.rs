//! What the graph does with events: others', and those of its own other replicas.

mod cached_circles;
mod erasure;

pub use cached_circles::CachedCircles;
pub use erasure::StoredEdges;
