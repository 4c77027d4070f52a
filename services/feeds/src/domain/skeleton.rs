//! The first step of a page: which posts are candidates for it, newest first and without a hole.

use std::sync::Arc;

use plaza_core::{AccountId, Cx, PostId, Result};

use super::{Builder, Entry, Page, Peers, Relations, merge};
use crate::store::{FeedStore, Reading};

/// Which candidates are wanted: the newest of those below `before` that are not below `down_to`.
#[derive(Clone, Copy)]
pub(crate) struct Span {
    pub(crate) before: Option<PostId>,
    pub(crate) down_to: PostId,
    pub(crate) limit: usize,
}

impl Span {
    /// The newest `limit` below `before`, however far down they are.
    pub(crate) fn below(before: Option<PostId>, limit: usize) -> Self {
        Self { before, down_to: PostId(0), limit }
    }
}

/// Where candidates come from: the stored window, celebrities' posts, and below the window the posts service.
pub(crate) struct Sources {
    pub(crate) store: Arc<dyn FeedStore>,
    pub(crate) peers: Peers,
    pub(crate) relations: Arc<Relations>,
    pub(crate) builder: Arc<Builder>,
}

impl Sources {
    /// The candidates, falling. Fewer than the span's limit means that it has no more; there may be some below it.
    pub(crate) async fn skeleton(&self, cx: &Cx, owner: AccountId, span: Span) -> Result<Vec<Entry>> {
        let Span { before, limit, .. } = span;
        match self.stored(cx, owner, before, limit).await {
            Ok(Some((window, celebrities))) => self.complete(cx, owner, span, window, &celebrities).await,
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
        span: Span,
        window: Page,
        celebrities: &[AccountId],
    ) -> Result<Vec<Entry>> {
        let Span { before, down_to, limit } = span;
        let Page { entries, floor } = window;
        // A full page ends above the floor; one that is not ends at it.
        let reaches_floor = entries.len() < limit;
        let mut upper = entries;
        if !celebrities.is_empty() {
            let mut pulled = self.relations.pull(cx, celebrities, span).await?;
            pulled.retain(|entry| entry.place >= floor);
            void_undone(&mut upper, &pulled, celebrities);
            upper = merge(vec![upper, pulled], limit);
        }
        if upper.len() >= limit || !reaches_floor || floor <= down_to {
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

/// What was pushed of celebrities before they were marked may still lie in the window, where no event takes it out again.
/// Deleted posts nobody is shown, but a repost that was undone must not be: what counts are those that were pulled.
fn void_undone(window: &mut [Entry], pulled: &[Entry], celebrities: &[AccountId]) {
    for entry in window.iter_mut().filter(|e| e.is_repost() && celebrities.contains(&e.by)) {
        if pulled.binary_search_by(|other| entry.place.cmp(&other.place)).is_err() {
            *entry = entry.void();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn undone_reposts_of_celebrities_keep_their_place_and_show_nothing() {
        let repost = |place, by| Entry::repost(PostId(place), AccountId(by), PostId(1));
        let post = Entry::post(PostId(6), AccountId(2));
        let mut window = [repost(9, 2), repost(8, 3), repost(7, 2), post];
        void_undone(&mut window, &[repost(20, 2), repost(7, 2), repost(2, 2)], &[AccountId(2)]);
        assert_eq!(window, [repost(9, 2).void(), repost(8, 3), repost(7, 2), post]);
    }
}
