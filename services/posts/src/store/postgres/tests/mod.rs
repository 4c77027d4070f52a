//! The engine for several processes against the contract, and what only it can tell of itself.

mod contract;
mod crash;
mod figures;
mod replica;
mod replicas;
mod rows;
mod support;
