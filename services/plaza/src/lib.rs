//! The `plaza` program: its commands, its settings, and the platform that they run.
#![doc = include_str!("../README.md")]

pub mod bench;
pub mod cli;
pub mod commands;
pub mod config;
pub mod failure;
pub mod load;
pub mod people;
pub mod plan;
pub mod platform;
pub mod progress;
mod projections_service;
