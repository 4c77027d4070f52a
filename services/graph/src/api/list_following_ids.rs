//! Lists the ids of the accounts that an account follows by rising id, for building its feed.

use plaza_core::{Cx, Result};
use plaza_proto::graph::v1::{ListFollowingIdsRequest, ListFollowingIdsResponse};

use super::Handler;
use crate::domain::Direction;

pub(crate) async fn list_following_ids(
    h: &Handler,
    cx: &Cx,
    req: ListFollowingIdsRequest,
) -> Result<ListFollowingIdsResponse> {
    let account_ids = h.ids(cx, req.account_id, Direction::Following, req.after_id, req.page_size).await?;
    Ok(ListFollowingIdsResponse { account_ids })
}
