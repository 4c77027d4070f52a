//! `GetHomeFeed`: what the caller and those whom they follow post and repost, newest first.

use plaza_core::page::{self, Scope};
use plaza_core::{Cx, Result};
use plaza_proto::feeds::v1::{GetHomeFeedRequest, GetHomeFeedResponse, HomeFilter};

use super::Handler;
use super::items::{cursor, present, token};
use crate::domain::{Feed, FeedPage};

pub(crate) async fn get_home_feed(h: &Handler, cx: &Cx, req: GetHomeFeedRequest) -> Result<GetHomeFeedResponse> {
    let owner = cx.account()?;
    let size = page::size(req.page_size)?;
    let filter = req.filter();
    let feed = match filter {
        HomeFilter::Unspecified => Feed::Home(owner),
        HomeFilter::Mutuals => Feed::Mutuals(owner),
    };
    let bound = [i64::from(i32::from(filter))];
    let scope = Scope { method: "GetHomeFeed", filter: &bound, caller: Some(owner) };
    let from = cursor(&h.pager, scope, &req.page_token)?;
    h.await_token(cx).await;
    let FeedPage { items, next } = h.pages.page(cx, &feed, from, size).await?;
    let (posts, reposts) = present(items);
    Ok(GetHomeFeedResponse { posts, next_page_token: token(&h.pager, scope, next), reposts })
}
