//! Takes accounts off the caller's list.

use plaza_core::{Cx, Result};
use plaza_proto::graph::v1::{RemoveListMembersRequest, RemoveListMembersResponse};

use super::{Handler, shelf};
use crate::domain::Own;

pub(crate) async fn remove_list_members(
    h: &Handler,
    cx: &Cx,
    req: RemoveListMembersRequest,
) -> Result<RemoveListMembersResponse> {
    shelf::write(h, cx, Own::RemoveMembers(req.list_id, shelf::accounts(req.account_ids))).await?;
    Ok(RemoveListMembersResponse {})
}
