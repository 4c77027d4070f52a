//! The frame at work: a sample service, generated like every other, called in this process and over gRPC.

mod admin;
mod authorise;
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
