//! `graph-cache`: each replica forgets the edges of accounts that another one changed.

use async_trait::async_trait;
use plaza_core::{Cx, Result};
use plaza_events::{Event, Follow};

use crate::NAME;
use crate::domain::Change;
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
            if let Some(change) = Change::told_by(event)? {
                (self.forget)(&change.accounts());
            }
        }
        Ok(())
    }

    fn forget_all(&self) {
        self.circles.clear();
    }
}
