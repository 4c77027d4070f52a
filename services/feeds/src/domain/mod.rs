//! What a feed is and how a page of it is made: skeleton, hydrate, rules.

mod builder;
mod catch_up;
mod change;
mod choices;
mod digest;
mod history;
mod live;
mod merge;
mod pages;
mod peers;
mod position;
mod relations;
mod rules;
mod score;
mod skeleton;
mod tell;
mod together;
mod window;

pub(crate) use builder::Builder;
pub(crate) use catch_up::{CatchUpOptions, CaughtUp, Look, MOST_POSTS, Scored};
pub(crate) use change::Change;
use choices::Choices;
pub(crate) use digest::digest;
pub(crate) use history::{History, POSTS, Since};
pub(crate) use live::{Live, LiveOptions, News, Subscription};
use merge::merge;
pub(crate) use pages::{Cursor, Feed, FeedPage, Item, Pages};
pub(crate) use peers::{ACCOUNTS_PAGE, MAX_BATCH, MAX_REFS, NAME, Peers, acting_for};
pub use position::{FeedKind, ReadPosition, ReadTo};
pub(crate) use relations::{Followers, Relations, RelationsOptions, floor};
pub(crate) use score::{Score, Weights};
pub(crate) use skeleton::{Sources, Span};
pub(crate) use tell::Told;
pub(crate) use together::together;
pub use window::{Entry, Page, Window};
