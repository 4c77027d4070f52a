//! Lists who reposted a post, the last one first.

use plaza_core::{Cx, Result};
use plaza_proto::posts::v1::{ListRepostersRequest, ListRepostersResponse};

use super::{Handler, marking};
use crate::domain::Mark;

pub(crate) async fn list_reposters(h: &Handler, cx: &Cx, req: ListRepostersRequest) -> Result<ListRepostersResponse> {
    let page = (req.post_id, req.page_size, req.page_token.as_str());
    let (account_ids, next_page_token) = marking::list_markers(h, cx, "ListReposters", Mark::Repost, page).await?;
    Ok(ListRepostersResponse { account_ids, next_page_token })
}
