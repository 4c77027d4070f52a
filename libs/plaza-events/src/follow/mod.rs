//! What every process does with every event by itself: it forgets what its caches hold of the thing that changed, or tells
//! those who listen to this process.
//!
//! A projection's events go to one process; these go to all. Nothing is remembered of a process: it starts at the end of
//! the log, with empty caches.

mod follower;
mod freshness;

use async_trait::async_trait;
use plaza_core::{Cx, Result};

use crate::Event;

pub use follower::Follower;
pub use freshness::{Followed, Freshness};

/// What follows events in each process.
#[async_trait]
pub trait Follow: Send + Sync + 'static {
    /// Its name, for logs and metrics.
    fn name(&self) -> &'static str;

    /// The outboxes whose events it follows.
    fn sources(&self) -> &[&'static str];

    /// Takes a batch of events in. Events may come twice. After a failure everything is forgotten, and the events do not
    /// come again.
    async fn apply(&self, cx: &Cx, events: &[Event]) -> Result<()>;

    /// Forgets everything: events were missed.
    fn forget_all(&self);
}
