//! Lists the ids of a list's members by rising id.

use plaza_core::{AccountId, Cx, Result, page};
use plaza_proto::graph::v1::{ListListMemberIdsRequest, ListListMemberIdsResponse};

use super::{Handler, MAX_IDS};

pub(crate) async fn list_list_member_ids(
    h: &Handler,
    cx: &Cx,
    req: ListListMemberIdsRequest,
) -> Result<ListListMemberIdsResponse> {
    let limit = page::size_up_to(req.page_size, MAX_IDS)?;
    let members = h.store.members(cx, req.list_id, AccountId(req.after_id), limit).await?;
    Ok(ListListMemberIdsResponse { account_ids: members.into_iter().map(AccountId::get).collect() })
}
