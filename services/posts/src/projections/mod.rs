//! What posts does with events: others', and those of its own other replicas.

mod authors;
mod cached_posts;
mod erasure;

pub use authors::Authors;
pub use cached_posts::CachedPosts;
pub use erasure::StoredPosts;
