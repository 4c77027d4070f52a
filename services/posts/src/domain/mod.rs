//! Rules and types of posts: no transport, no driver, no bus.

pub mod post;
pub mod replies;
pub mod sharing;
pub mod spans;
pub mod text;
pub mod visibility;

pub use post::{Counts, Mark, Post, PostRef, QuotePolicy, ReplyPolicy, RepostRef, Sensitive, Visibility};
pub use spans::{Span, SpanKind};
pub use visibility::{Relation, Sight, Standing};
