//! Adds accounts that the caller follows to its list.

use plaza_core::{Cx, Result};
use plaza_proto::graph::v1::{AddListMembersRequest, AddListMembersResponse};

use super::{Handler, shelf};
use crate::domain::Own;

pub(crate) async fn add_list_members(
    h: &Handler,
    cx: &Cx,
    req: AddListMembersRequest,
) -> Result<AddListMembersResponse> {
    shelf::write(h, cx, Own::AddMembers(req.list_id, shelf::accounts(req.account_ids))).await?;
    Ok(AddListMembersResponse {})
}
