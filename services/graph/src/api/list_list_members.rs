//! Lists who is on a list, if it is the caller's own or public. Whom a block hides from the caller is left out.

use plaza_core::page::{self, Scope};
use plaza_core::{AccountId, Cx, Result};
use plaza_proto::graph::v1::{ListListMembersRequest, ListListMembersResponse};

use super::{Handler, shelf};

pub(crate) async fn list_list_members(
    h: &Handler,
    cx: &Cx,
    req: ListListMembersRequest,
) -> Result<ListListMembersResponse> {
    let size = page::size(req.page_size)?;
    let scope = Scope { method: "ListListMembers", filter: &[req.list_id], caller: cx.viewer() };
    let after = h.pager.open::<1>(scope, &req.page_token)?.map_or(AccountId(0), |[after]| AccountId(after));
    let list = shelf::visible(h, cx, req.list_id).await?;
    let mut members = h.store.members(cx, list.id, after, size + 1).await?;
    let next_page_token = shelf::cut(h, scope, &mut members, size, |member| member.get());
    let members = shelf::unblocked(h, cx, members).await?;
    Ok(ListListMembersResponse { account_ids: members.into_iter().map(AccountId::get).collect(), next_page_token })
}
