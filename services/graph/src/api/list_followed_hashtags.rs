//! Lists the hashtags that the caller follows, newest first.

use plaza_core::page::{self, Scope};
use plaza_core::{Cx, Result};
use plaza_proto::graph::v1::{FollowedHashtag, ListFollowedHashtagsRequest, ListFollowedHashtagsResponse};

use super::{Handler, edges, shelf};
use crate::domain::Tag;

pub(crate) async fn list_followed_hashtags(
    h: &Handler,
    cx: &Cx,
    req: ListFollowedHashtagsRequest,
) -> Result<ListFollowedHashtagsResponse> {
    let (account, size) = (cx.account()?, page::size_up_to(req.page_size, shelf::MAX_PAGE)?);
    let scope = Scope { method: "ListFollowedHashtags", filter: &[], caller: Some(account) };
    let before = shelf::before(h, scope, &req.page_token)?;
    let mut tags = h.store.tags(cx, account, before, size + 1).await?;
    let next_page_token = shelf::cut(h, scope, &mut tags, size, |tag| tag.id);
    let told = |tag: Tag| FollowedHashtag { hashtag: tag.tag, follow_time: Some(edges::time(tag.at)) };
    Ok(ListFollowedHashtagsResponse { hashtags: tags.into_iter().map(told).collect(), next_page_token })
}
