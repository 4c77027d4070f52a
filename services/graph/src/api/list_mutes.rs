//! Lists whom the caller mutes, newest mute first.

use plaza_core::page::{self, Scope};
use plaza_core::{Cx, Result};
use plaza_proto::graph::v1::{ListMutesRequest, ListMutesResponse, MuteEdge};

use super::{Handler, edges, relationship};
use crate::domain::Muted;

pub(crate) async fn list_mutes(h: &Handler, cx: &Cx, req: ListMutesRequest) -> Result<ListMutesResponse> {
    let (account, size) = (cx.account()?, page::size(req.page_size)?);
    let scope = Scope { method: "ListMutes", filter: &[], caller: Some(account) };
    let after = edges::start(h, scope, &req.page_token)?;
    let mut mutes = h.store.mutes(cx, account, h.env.now(), after, size + 1).await?;
    let next_page_token = edges::cut(h, scope, &mut mutes, size, |muted| muted.edge.key());
    let told = |muted: Muted| MuteEdge {
        account_id: muted.edge.other.get(),
        mute_time: Some(edges::time(muted.edge.at)),
        muting: Some(relationship::muting(muted.mute)),
    };
    Ok(ListMutesResponse { mutes: mutes.into_iter().map(told).collect(), next_page_token })
}
