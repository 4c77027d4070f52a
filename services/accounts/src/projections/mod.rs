//! What follows events.

mod cached_copies;

pub(crate) use cached_copies::CachedCopies;
