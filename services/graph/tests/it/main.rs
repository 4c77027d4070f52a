//! The graph service over its engine, in process, entry steps in front.
#![expect(clippy::unwrap_used, reason = "a failure in what the tests share is a failure of the test")]

mod conformance;
mod counts;
mod crowd;
mod erasure;
mod export_records;
mod follow_block;
mod ground;
mod lists;
mod mutes;
mod neo4j;
mod outage;
mod own_lists;
mod property;
mod refusals;
mod relationships;
mod replicas;
mod requests;
mod shelf;
mod suggestions;
mod support;
mod walks;
