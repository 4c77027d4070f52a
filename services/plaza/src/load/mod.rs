//! Filling a platform with people, follows, posts and likes, through its API.

mod clients;
mod fill;

pub use clients::{Actor, Clients, Door};
pub use fill::{Filled, Filler};
