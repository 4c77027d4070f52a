//! How the feeds follow the truth: the stored ones in one process at a time, what a process has of its own in each.

mod batch;
mod erasure;
mod home_feeds;
mod lists;
mod live_feeds;

pub(crate) use erasure::StoredPositions;
pub(crate) use home_feeds::{HomeFeeds, SOURCES};
pub(crate) use lists::Lists;
pub(crate) use live_feeds::{LIVE_SOURCES, LiveFeeds};
