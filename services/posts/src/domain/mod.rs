//! Rules and types of posts: no transport, no driver, no bus.

pub mod post;
pub mod spans;
pub mod text;
pub mod visibility;

pub use post::{Counts, Post, PostRef, Visibility};
pub use spans::{Span, SpanKind};
pub use visibility::{Relation, Sight};
