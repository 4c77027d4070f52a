//! `GetListFeed`: what the members of a list post and repost, as far as the caller may see it, newest first.

use plaza_core::page::{self, Scope};
use plaza_core::{Cx, Result};
use plaza_proto::feeds::v1::{GetListFeedRequest, GetListFeedResponse};

use super::Handler;
use super::items::{cursor, present, token};

pub(crate) async fn get_list_feed(h: &Handler, cx: &Cx, req: GetListFeedRequest) -> Result<GetListFeedResponse> {
    let size = page::size(req.page_size)?;
    let scope = Scope { method: "GetListFeed", filter: &[req.list_id], caller: cx.viewer() };
    let from = cursor(&h.pager, scope, &req.page_token)?;
    h.await_token(cx).await;
    let feed = h.pages.list(cx, req.list_id).await?;
    let page = h.pages.page(cx, &feed, from, size).await?;
    let (posts, reposts) = present(page.items);
    Ok(GetListFeedResponse { posts, next_page_token: token(&h.pager, scope, page.next), reposts })
}
