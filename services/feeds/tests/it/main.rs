//! The feeds service over each of its engines, with the other services played by a small exact world.
#![expect(clippy::unwrap_used, clippy::panic, reason = "test support: a failure here is the test's failure")]

#[macro_use]
mod engine;

mod at_once;
mod fakes;
mod get_catch_up_feed;
mod get_hashtag_feed;
mod get_home_feed;
mod get_list_feed;
mod get_user_feed;
mod home_feeds;
mod mutes;
mod outages;
mod property;
mod races;
mod read_positions;
mod rebuild_feed;
mod replicas;
mod reposts;
mod spared;
mod stream_changes;
mod stream_home_feed;
mod stream_property;
mod support;
mod world;
