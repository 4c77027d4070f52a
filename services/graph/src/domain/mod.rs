//! Follows and blocks: the rules and the types.

mod change;
mod circle;
mod relation;

pub use change::{Change, Write, Written};
pub use circle::{Circle, Side};
pub use relation::{Counts, Direction, Edge, EdgeKey, Relation, refuse_self};
