//! Filling a platform with people, follows, posts and likes, through its API.

mod clients;
mod fill;
mod target;

pub use clients::{Actor, Clients, Door};
pub use fill::{Filled, Filler};
pub use target::Target;
