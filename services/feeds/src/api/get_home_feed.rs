//! `GetHomeFeed`: what the caller and those whom they follow post and repost, newest first.

use plaza_core::page::{self, Scope};
use plaza_core::{AccountId, Cx, Result};
use plaza_proto::feeds::v1::{GetHomeFeedRequest, GetHomeFeedResponse};

use super::Handler;
use super::items::{cursor, present, token};
use crate::domain::{Feed, FeedPage};

pub(crate) async fn get_home_feed(h: &Handler, cx: &Cx, req: GetHomeFeedRequest) -> Result<GetHomeFeedResponse> {
    let owner = cx.account()?;
    let size = page::size(req.page_size)?;
    let from = cursor(&h.pager, scope(owner), &req.page_token)?;
    catch_up(h, cx).await;
    let FeedPage { items, next } = h.pages.page(cx, Feed::Home(owner), from, size).await?;
    let (posts, reposts) = present(items);
    Ok(GetHomeFeedResponse { posts, next_page_token: token(&h.pager, scope(owner), next), reposts })
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
