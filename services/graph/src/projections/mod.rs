//! What the graph derives from others' events.

mod erasure;

pub use erasure::StoredEdges;
