//! How the feeds follow the truth.

mod batch;
mod home_feeds;

pub(crate) use home_feeds::{HomeFeeds, SOURCES};
