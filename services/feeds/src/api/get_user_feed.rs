//! `GetUserFeed`: an account's posts that the caller may see, newest first.

use plaza_core::{Cx, Result};
use plaza_proto::feeds::v1::{GetUserFeedRequest, GetUserFeedResponse};
use plaza_proto::posts::v1::ListPostsByAuthorRequest;

use super::Handler;

/// The posts service has these in order and decides who sees them; its page token, bound to author and caller, is passed
/// through.
pub(crate) async fn get_user_feed(h: &Handler, cx: &Cx, req: GetUserFeedRequest) -> Result<GetUserFeedResponse> {
    let GetUserFeedRequest { account_id, page_size, page_token } = req;
    let page = ListPostsByAuthorRequest { author_id: account_id, page_size, page_token, exclude_replies: false };
    let page = h.peers.posts_by_author(cx, page).await?;
    Ok(GetUserFeedResponse { posts: page.posts, next_page_token: page.next_page_token })
}
