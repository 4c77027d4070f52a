//! `feeds-lists`: each replica forgets the lists that events made old, whoever applies those to the stored feeds.

use std::sync::Arc;

use async_trait::async_trait;
use plaza_core::{Cx, Result};
use plaza_events::{Event, Follow};

use super::SOURCES;
use super::batch::Batch;
use crate::domain::Relations;

/// The lists that this process keeps. Forgetting twice, or what is not held, does no harm.
pub(crate) struct Lists(pub(crate) Arc<Relations>);

#[async_trait]
impl Follow for Lists {
    fn name(&self) -> &'static str {
        "feeds-lists"
    }

    fn sources(&self) -> &[&'static str] {
        &SOURCES
    }

    async fn apply(&self, _: &Cx, events: &[Event]) -> Result<()> {
        Batch::of(events)?.forget(&self.0);
        Ok(())
    }

    fn forget_all(&self) {
        self.0.clear();
    }
}
