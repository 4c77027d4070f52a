//! The feeds service over its memory engine, with the other services played by a small exact world.
#![expect(clippy::unwrap_used, clippy::panic, reason = "test support: a failure here is the test's failure")]

mod fakes;
mod get_home_feed;
mod get_user_feed;
mod home_feeds;
mod outages;
mod property;
mod races;
mod rebuild_feed;
mod stream_home_feed;
mod support;
mod world;
