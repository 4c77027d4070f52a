//! Lists the lists of an account, newest first.

use plaza_core::page::{self, Scope};
use plaza_core::{AccountId, Cx, Result};
use plaza_proto::graph::v1::{ListListsRequest, ListListsResponse};

use super::{Handler, edges, shelf};

pub(crate) async fn list_lists(h: &Handler, cx: &Cx, req: ListListsRequest) -> Result<ListListsResponse> {
    let (account, size) = (AccountId(req.account_id), page::size(req.page_size)?);
    let scope = Scope { method: "ListLists", filter: &[req.account_id], caller: cx.viewer() };
    let before = shelf::before(h, scope, &req.page_token)?;
    if edges::is_shut_out(h, cx, account).await? {
        return Ok(ListListsResponse::default());
    }
    let only_public = cx.viewer() != Some(account);
    let mut lists = h.store.lists(cx, account, only_public, before, size + 1).await?;
    let next_page_token = shelf::cut(h, scope, &mut lists, size, |list| list.id);
    Ok(ListListsResponse { lists: lists.into_iter().map(shelf::told).collect(), next_page_token })
}
