//! Follows, blocks and mutes: the rules and the types.

mod change;
mod circle;
mod limits;
mod mute;
mod relation;
mod shelf;
mod suggest;
mod walk;

pub use change::{Action, Change, Outcome, Write, Written};
pub use circle::{Circle, Side};
pub use limits::{Limits, refuse_over};
pub use mute::{Mute, Muted, Scopes};
pub use relation::{Counts, Direction, Edge, EdgeKey, Relation, refuse_self};
pub use shelf::{About, List, Notice, Own, OwnWrite, OwnWritten, Tag, Word};
pub use suggest::{Reach, Suggestion};
pub use walk::{Arm, Common, Familiar, MAX_HOPS, Path};
