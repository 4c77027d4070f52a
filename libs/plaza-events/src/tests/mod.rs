//! The parts together: outbox, relay, log, projections.

mod consumer;
mod delivery;
mod figures;
mod follow;
mod log;
mod nats;
mod postgres;
mod relay;
mod support;
mod upkeep;
