//! `graph-cache`: each replica forgets the edges of accounts that another one changed.

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, Result};
use plaza_events::{Event, Follow};
use plaza_proto::graph::v1::{Blocked, Followed, Unblocked, Unfollowed};

use crate::NAME;
use crate::store::OnChange;
use crate::store::cached::Circles;

/// What this process keeps in memory of edges. Forgetting twice, or what is not held, does no harm.
pub struct CachedCircles {
    circles: Circles,
    forget: OnChange,
}

impl std::fmt::Debug for CachedCircles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CachedCircles").finish_non_exhaustive()
    }
}

impl CachedCircles {
    /// What `circles` hold.
    #[must_use]
    pub fn new(circles: Circles) -> Self {
        Self { forget: circles.invalidation(), circles }
    }
}

/// The two accounts that an event tells of.
fn ends(event: &Event) -> Result<Option<[AccountId; 2]>> {
    let followed = || event.decode::<Followed>().map(|e| e.map(|e| [e.follower_id, e.followee_id]));
    let unfollowed = || event.decode::<Unfollowed>().map(|e| e.map(|e| [e.follower_id, e.followee_id]));
    let blocked = || event.decode::<Blocked>().map(|e| e.map(|e| [e.blocker_id, e.blocked_id]));
    let unblocked = || event.decode::<Unblocked>().map(|e| e.map(|e| [e.blocker_id, e.blocked_id]));
    let ends = followed().or_else(unfollowed).or_else(blocked).or_else(unblocked).transpose()?;
    Ok(ends.map(|ends| ends.map(AccountId)))
}

#[async_trait]
impl Follow for CachedCircles {
    fn name(&self) -> &'static str {
        "graph-cache"
    }

    fn sources(&self) -> &[&'static str] {
        &[NAME]
    }

    async fn apply(&self, _: &Cx, events: &[Event]) -> Result<()> {
        for event in events {
            if let Some(ends) = ends(event)? {
                (self.forget)(&ends);
            }
        }
        Ok(())
    }

    fn forget_all(&self) {
        self.circles.clear();
    }
}
