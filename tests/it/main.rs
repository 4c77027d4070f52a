//! Journeys across services, over gRPC, against the real binary.

mod access;
mod bad_input;
mod crash_points;
mod journeys;
mod kill;
mod shutdown;
