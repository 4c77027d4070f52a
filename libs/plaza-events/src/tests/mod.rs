//! The parts together: outbox, relay, log, projections.

mod consumer;
mod delivery;
mod follow;
mod log;
mod nats;
mod relay;
mod support;
mod upkeep;
