//! `GetUserFeed`: what an account posts and reposts, as far as the caller may see it, newest first.

use plaza_core::page::{self, Scope};
use plaza_core::{AccountId, Cx, Result};
use plaza_proto::feeds::v1::{GetUserFeedRequest, GetUserFeedResponse};

use super::Handler;
use super::items::{cursor, present, token};
use crate::domain::Feed;

pub(crate) async fn get_user_feed(h: &Handler, cx: &Cx, req: GetUserFeedRequest) -> Result<GetUserFeedResponse> {
    let size = page::size(req.page_size)?;
    let feed = Feed::User { reader: cx.viewer(), account: AccountId(req.account_id) };
    let scope = Scope { method: "GetUserFeed", filter: &[req.account_id], caller: cx.viewer() };
    let page = h.pages.page(cx, &feed, cursor(&h.pager, scope, &req.page_token)?, size).await?;
    let (posts, reposts) = present(page.items);
    Ok(GetUserFeedResponse { posts, next_page_token: token(&h.pager, scope, page.next), reposts })
}
