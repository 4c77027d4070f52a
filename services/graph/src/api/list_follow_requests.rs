//! Lists who asked to follow the caller and waits for the answer.

use plaza_core::page::{self, Scope};
use plaza_core::{Cx, Result};
use plaza_proto::graph::v1::{FollowRequestEdge, ListFollowRequestsRequest, ListFollowRequestsResponse};

use super::{Handler, edges};

pub(crate) async fn list_follow_requests(
    h: &Handler,
    cx: &Cx,
    req: ListFollowRequestsRequest,
) -> Result<ListFollowRequestsResponse> {
    let (account, size) = (cx.account()?, page::size(req.page_size)?);
    let scope = Scope { method: "ListFollowRequests", filter: &[], caller: Some(account) };
    let after = edges::start(h, scope, &req.page_token)?;
    let mut requests = h.store.requests(cx, account, after, size + 1).await?;
    let next_page_token = edges::cut(h, scope, &mut requests, size, |edge| edge.key());
    let told = |edge: crate::domain::Edge| FollowRequestEdge {
        account_id: edge.other.get(),
        request_time: Some(edges::time(edge.at)),
    };
    Ok(ListFollowRequestsResponse { requests: requests.into_iter().map(told).collect(), next_page_token })
}
