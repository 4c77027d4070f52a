//! The parts together: outbox, relay, log, projections.

mod consumer;
mod delivery;
mod log;
mod postgres;
mod relay;
mod support;
mod upkeep;
