//! Lists who likes a post, the last one first.

use plaza_core::{Cx, Result};
use plaza_proto::posts::v1::{ListLikersRequest, ListLikersResponse};

use super::{Handler, marking};
use crate::domain::Mark;

pub(crate) async fn list_likers(h: &Handler, cx: &Cx, req: ListLikersRequest) -> Result<ListLikersResponse> {
    let page = (req.post_id, req.page_size, req.page_token.as_str());
    let (account_ids, next_page_token) = marking::list_markers(h, cx, "ListLikers", Mark::Like, page).await?;
    Ok(ListLikersResponse { account_ids, next_page_token })
}
