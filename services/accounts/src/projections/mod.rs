//! What follows events.

mod cached_copies;
mod mails;
mod own_copies;

pub(crate) use cached_copies::CachedCopies;
pub(crate) use mails::Mails;
pub(crate) use own_copies::OwnCopies;
