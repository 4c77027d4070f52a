//! What follows events.

mod cached_copies;
mod own_copies;

pub(crate) use cached_copies::CachedCopies;
pub(crate) use own_copies::OwnCopies;
