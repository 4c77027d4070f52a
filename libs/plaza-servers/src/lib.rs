#![doc = include_str!("../README.md")]

mod endpoint;
mod kind;
mod probe;
pub mod process;
mod program;
pub mod usage;

pub use endpoint::shown;
pub use kind::Kind;
pub use probe::answers;
pub use program::{Program, tail};
