//! The whole platform on the real stores, each service a process, posts and feeds two: the journeys of `it`, and all that a
//! store can do to it. A binary of its own, so that nothing else takes the machine's time meanwhile.
#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

#[path = "../it/export.rs"]
mod export;
mod faults;
#[path = "../it/feeds_model.rs"]
mod feeds_model;
#[path = "../it/journeys.rs"]
mod journeys;
mod load;
mod losses;
mod platform;
mod table;
#[path = "../it/trace.rs"]
mod trace;
