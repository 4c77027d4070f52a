//! Lists the caller's drafts, the last one made first.

use plaza_core::page::{self, Scope};
use plaza_core::{Cx, Result};
use plaza_proto::posts::v1::{ListDraftsRequest, ListDraftsResponse};

use super::{Handler, drafts};

pub(crate) async fn list_drafts(h: &Handler, cx: &Cx, req: ListDraftsRequest) -> Result<ListDraftsResponse> {
    let (size, account) = (page::size(req.page_size)?, cx.account()?);
    let scope = Scope { method: "ListDrafts", filter: &[], caller: Some(account) };
    let before = h.pager.open::<1>(scope, &req.page_token)?.map_or(i64::MAX, |[id]| id);
    let mut found = h.store.drafts(cx, account, before, size + 1).await?;
    let more = found.len() > size;
    found.truncate(size);
    let next_page_token = match found.last() {
        Some(last) if more => h.pager.seal(scope, &[last.id]),
        _ => String::new(),
    };
    let drafts = found.into_iter().map(drafts::message).collect::<Result<_>>()?;
    Ok(ListDraftsResponse { drafts, next_page_token })
}
