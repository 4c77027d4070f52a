//! The frame at work: a sample service, generated like every other, called in this process and over gRPC.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod admin;
mod authorise;
mod channels;
mod checks;
mod deadlines;
mod descriptors;
mod errors;
mod mutations;
mod sample;
mod shutdown;
mod streams;
mod wire;
mod world;
