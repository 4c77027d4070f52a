//! `GetHomeFeed`: own posts and those of followed accounts, newest first.

use plaza_core::page::{self, Scope};
use plaza_core::{AccountId, Cx, PostId, Result};
use plaza_proto::feeds::v1::{GetHomeFeedRequest, GetHomeFeedResponse};

use super::Handler;
use crate::domain::HomePage;

pub(crate) async fn get_home_feed(h: &Handler, cx: &Cx, req: GetHomeFeedRequest) -> Result<GetHomeFeedResponse> {
    let owner = cx.account()?;
    let size = page::size(req.page_size)?;
    let before = h.pager.open::<1>(scope(owner), &req.page_token)?.map(|[post]| PostId(post));
    catch_up(h, cx).await;
    let HomePage { posts, next } = h.home.page(cx, owner, before, size).await?;
    let next_page_token = next.map(|post| h.pager.seal(scope(owner), &[post.0])).unwrap_or_default();
    Ok(GetHomeFeedResponse { posts, next_page_token })
}

/// Waits until feeds have what the caller's token asks for, or says that they do not.
async fn catch_up(h: &Handler, cx: &Cx) {
    if cx.token().is_empty() {
        return;
    }
    // The page is still to be made, and without caches if those are behind as well: half of the time is for that.
    let wait = h.consistency_wait.min(cx.remaining() / 2);
    let reached = tokio::time::timeout(wait, h.marks.wait(cx, cx.token())).await;
    if !matches!(reached, Ok(Ok(()))) {
        cx.degraded("feeds-behind");
    }
}

fn scope(owner: AccountId) -> Scope<'static> {
    Scope { method: "GetHomeFeed", filter: &[], caller: Some(owner) }
}
