//! Journeys across services, over gRPC, against the real binary.
#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod access;
mod bad_input;
mod crash_points;
mod export;
mod export_tables;
mod feeds_model;
mod fuzz;
mod journeys;
mod kill;
mod load_files;
mod scopes;
mod shapes;
mod shutdown;
mod trace;
mod visibility;
