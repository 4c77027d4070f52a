//! What a home feed is and how a page of it is made: skeleton, rules, hydrate.

mod builder;
mod digest;
mod home;
mod live;
mod merge;
mod peers;
mod relations;
mod skeleton;
mod together;
mod window;

pub(crate) use builder::Builder;
pub(crate) use digest::digest;
pub(crate) use home::{Home, HomePage};
pub(crate) use live::{Live, LiveOptions, Subscription};
use merge::merge;
pub(crate) use peers::{ACCOUNTS_PAGE, MAX_BATCH, MAX_REFS, Peers, acting_for};
pub(crate) use relations::{Followers, Relations, RelationsOptions, floor};
pub(crate) use skeleton::Sources;
pub(crate) use together::together;
pub use window::{Entry, Page, Window};
