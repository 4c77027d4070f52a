//! Rules and types of posts: no transport, no driver, no bus.

pub mod poll;
pub mod post;
pub mod replies;
pub mod sharing;
pub mod spans;
pub mod text;
pub mod visibility;

pub use poll::{Choices, NewPoll, Poll, Results};
pub use post::{
    Counts, Edits, Mark, Media, Node, Post, PostRef, QuotePolicy, ReplyPolicy, RepostRef, Revision, Sensitive, Stands,
    Visibility,
};
pub use spans::{Span, SpanKind};
pub use visibility::{Relation, Sight, Standing};
