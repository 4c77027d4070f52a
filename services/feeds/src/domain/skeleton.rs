//! The first step of a page: which posts are candidates for it, newest first and without a hole.

use std::sync::Arc;

use plaza_core::{AccountId, Cx, PostId, Result};

use super::{Builder, Entry, Page, Peers, Relations, merge};
use crate::store::{FeedStore, Reading};

/// Where candidates come from: the stored window, celebrities' posts, and below the window the posts service.
pub(crate) struct Sources {
    pub(crate) store: Arc<dyn FeedStore>,
    pub(crate) peers: Peers,
    pub(crate) relations: Arc<Relations>,
    pub(crate) builder: Arc<Builder>,
}

impl Sources {
    /// The newest `limit` candidates below `before`, falling. Fewer than `limit` means that there are no more.
    pub(crate) async fn skeleton(
        &self,
        cx: &Cx,
        owner: AccountId,
        before: Option<PostId>,
        limit: usize,
    ) -> Result<Vec<Entry>> {
        match self.stored(cx, owner, before, limit).await {
            Ok(Some((window, celebrities))) => self.complete(cx, owner, before, limit, window, &celebrities).await,
            Ok(None) => self.read_truth(cx, owner, &self.followed_now(cx, owner).await?, before, limit).await,
            Err(error) => {
                tracing::warn!(%owner, %error, "the store of feeds fails; the page comes from the posts service");
                cx.degraded("feeds-store");
                self.read_truth(cx, owner, &self.followed_now(cx, owner).await?, before, limit).await
            }
        }
    }

    /// Whom the owner follows, without trust in events, which may be stuck behind the store. Without graph, as last known.
    async fn followed_now(&self, cx: &Cx, owner: AccountId) -> Result<Arc<[AccountId]>> {
        match self.peers.following(cx, owner).await {
            Ok(following) => Ok(following.into()),
            Err(error) => {
                let known = self.relations.following_known(owner).filter(|_| error.is_transient());
                known.inspect(|_| cx.degraded("graph")).ok_or(error)
            }
        }
    }

    /// The page of the stored window, built first if it is cold, and the celebrities whom the owner follows. `None` if
    /// the window does not stay for as long as it takes to read it.
    async fn stored(
        &self,
        cx: &Cx,
        owner: AccountId,
        before: Option<PostId>,
        limit: usize,
    ) -> Result<Option<(Page, Vec<AccountId>)>> {
        let mut page = self.store.page(cx, owner, before, limit).await?;
        if page.is_none() {
            self.builder.shared(cx, owner).await?;
            page = self.store.page(cx, owner, before, limit).await?;
        }
        let Some(Reading { page, celebrities: marked }) = page else { return Ok(None) };
        if marked.is_empty() {
            return Ok(Some((page, Vec::new())));
        }
        let following = self.relations.following(cx, owner).await?;
        let celebrities = following.iter().copied().filter(|author| marked.contains(author)).collect();
        Ok(Some((page, celebrities)))
    }

    /// Fills the page up with what the window does not hold.
    async fn complete(
        &self,
        cx: &Cx,
        owner: AccountId,
        before: Option<PostId>,
        limit: usize,
        window: Page,
        celebrities: &[AccountId],
    ) -> Result<Vec<Entry>> {
        let Page { entries, floor } = window;
        // A full page ends above the floor; one that is not ends at it.
        let reaches_floor = entries.len() < limit;
        let mut upper = entries;
        if !celebrities.is_empty() {
            let mut pulled = self.relations.pull(cx, celebrities, before, limit).await?;
            pulled.retain(|entry| entry.post >= floor);
            upper = merge(vec![upper, pulled], limit);
        }
        if upper.len() >= limit || !reaches_floor || floor == PostId(0) {
            return Ok(upper);
        }
        let below = before.map_or(floor, |before| before.min(floor));
        let following = self.relations.following(cx, owner).await?;
        let rest = self.read_truth(cx, owner, &following, Some(below), limit - upper.len()).await?;
        upper.extend(rest);
        Ok(upper)
    }

    /// The candidates without the store: the newest posts of the owner and of everybody they follow.
    async fn read_truth(
        &self,
        cx: &Cx,
        owner: AccountId,
        following: &[AccountId],
        before: Option<PostId>,
        limit: usize,
    ) -> Result<Vec<Entry>> {
        let authors: Vec<AccountId> = following.iter().copied().chain([owner]).collect();
        self.peers.refs(cx, &authors, before, limit).await
    }
}
