//! What a feed is and how a page of it is made: skeleton, hydrate, rules.

mod builder;
mod choices;
mod digest;
mod hashtags;
mod live;
mod merge;
mod pages;
mod peers;
mod position;
mod relations;
mod rules;
mod skeleton;
mod together;
mod window;
mod words;

pub(crate) use builder::Builder;
use choices::{Choices, Languages, Taste};
pub(crate) use digest::digest;
pub(crate) use live::{Live, LiveOptions, Subscription};
use merge::merge;
pub(crate) use pages::{Cursor, Feed, FeedPage, Item, Pages};
pub(crate) use peers::{ACCOUNTS_PAGE, MAX_BATCH, MAX_REFS, NAME, Peers, acting_for};
pub use position::{FeedKind, ReadPosition, ReadTo};
pub(crate) use relations::{Followers, Relations, RelationsOptions, floor};
pub(crate) use skeleton::{Sources, Span};
pub(crate) use together::together;
pub use window::{Entry, Page, Window};
