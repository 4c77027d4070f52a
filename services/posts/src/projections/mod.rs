//! What posts does with events: others', and those of its own other replicas.

mod cached_posts;
mod erasure;
mod protected_authors;

pub use cached_posts::CachedPosts;
pub use erasure::StoredPosts;
pub use protected_authors::ProtectedAuthors;
