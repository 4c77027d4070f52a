//! Lists the ids of an account's followers by rising id, for fan-out.

use plaza_core::{Cx, Result};
use plaza_proto::graph::v1::{ListFollowerIdsRequest, ListFollowerIdsResponse};

use super::Handler;
use crate::domain::Direction;

pub(crate) async fn list_follower_ids(
    h: &Handler,
    cx: &Cx,
    req: ListFollowerIdsRequest,
) -> Result<ListFollowerIdsResponse> {
    let account_ids = h.ids(cx, req.account_id, Direction::Followers, req.after_id, req.page_size).await?;
    Ok(ListFollowerIdsResponse { account_ids })
}
