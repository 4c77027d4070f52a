//! `live-feeds`: each replica tells its own readers what changed, whoever pushes new posts to the stored feeds.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use plaza_core::{AccountId, Cx, Result, Token};
use plaza_events::{Event, Follow, Marks};

use crate::domain::{Change, Followers, Live, POSTS, Relations};

/// The outboxes that changes come from.
pub(crate) const LIVE_SOURCES: [&str; 1] = [POSTS];
/// A post is sent once the stored feeds have it, so that a page that is read then has it too; or after this time.
const STORED_WITHIN: Duration = Duration::from_secs(2);

/// The readers of this process. What is told twice is sent once.
pub(crate) struct LiveFeeds {
    pub(crate) live: Arc<Live>,
    pub(crate) relations: Arc<Relations>,
    /// How far the stored feeds are.
    pub(crate) stored: Marks,
}

#[async_trait]
impl Follow for LiveFeeds {
    fn name(&self) -> &'static str {
        "live-feeds"
    }

    fn sources(&self) -> &[&'static str] {
        &LIVE_SOURCES
    }

    /// In the order of positions, so that a token can say how far a reader has got. What was deleted meanwhile, or is hidden
    /// from a reader, is left out when the post is read for them.
    async fn apply(&self, cx: &Cx, events: &[Event]) -> Result<()> {
        let mut changes = Vec::new();
        for event in events {
            changes.extend(Change::told_by(event)?.map(|change| (event.position, change)));
        }
        let until = events.iter().map(|event| event.position).max().unwrap_or_default();
        if self.live.pass_over(until, changes.is_empty()) {
            return Ok(());
        }
        self.until_stored(cx, events).await;
        let mut followers = HashMap::new();
        let whose: BTreeSet<AccountId> = changes.iter().map(|(_, change)| change.entry().by).collect();
        for by in whose {
            followers.insert(by, self.followers(cx, by).await);
        }
        self.live.publish(&changes, until, &followers, &self.relations);
        Ok(())
    }

    fn forget_all(&self) {
        self.live.miss();
    }
}

impl LiveFeeds {
    /// Without graph, those who were known to follow; the rules decide what a reader is told.
    async fn followers(&self, cx: &Cx, by: AccountId) -> Followers {
        self.relations.followers(cx, by).await.unwrap_or(Followers::TooMany)
    }

    async fn until_stored(&self, cx: &Cx, events: &[Event]) {
        let mut token = Token::default();
        events.iter().for_each(|event| token.require(&event.source, event.position));
        if let Ok(Err(behind)) = tokio::time::timeout(STORED_WITHIN, self.stored.wait(cx, &token)).await {
            tracing::debug!(%behind, "live feeds are ahead of the stored ones");
        }
    }
}
