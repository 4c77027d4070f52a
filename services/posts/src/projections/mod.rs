//! What posts derives from others' events.

mod erasure;

pub use erasure::StoredPosts;
