//! `live-feeds`: each replica tells its own readers of new posts, whoever pushes those to the stored feeds.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use plaza_core::{Cx, Result, Token};
use plaza_events::{Event, Follow, Marks};

use super::batch::Batch;
use crate::domain::{Entry, Followers, Live, Relations};

/// The outbox that posts come from.
pub(crate) const POSTS: [&str; 1] = ["posts"];
/// A post is sent once the stored feeds have it, so that a page that is read then has it too; or after this time.
const STORED_WITHIN: Duration = Duration::from_secs(2);

/// The readers of this process. A post that is told twice is sent once.
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
        &POSTS
    }

    /// In the order of ids, which is the one that posts were published in. What was deleted meanwhile, or is hidden from a
    /// reader, is left out when the post is read for them.
    async fn apply(&self, cx: &Cx, events: &[Event]) -> Result<()> {
        if self.live.is_idle() {
            return Ok(());
        }
        let created = Batch::of(events)?.created;
        let mut news: Vec<Entry> = created.into_values().flatten().collect();
        news.sort_by_key(|entry| entry.place);
        if news.is_empty() {
            return Ok(());
        }
        self.until_stored(cx, events).await;
        for entry in news {
            let followers = self.relations.followers(cx, entry.by).await;
            // Without graph, those who were known to follow; the rules decide when the post is shown.
            let followers = followers.unwrap_or(Followers::TooMany);
            self.live.publish(entry, &followers, &self.relations);
        }
        Ok(())
    }

    fn forget_all(&self) {
        self.live.miss();
    }
}

impl LiveFeeds {
    async fn until_stored(&self, cx: &Cx, events: &[Event]) {
        let mut token = Token::default();
        events.iter().for_each(|event| token.require(&event.source, event.position));
        if let Ok(Err(behind)) = tokio::time::timeout(STORED_WITHIN, self.stored.wait(cx, &token)).await {
            tracing::debug!(%behind, "live feeds are ahead of the stored ones");
        }
    }
}
