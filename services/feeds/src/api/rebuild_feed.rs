//! `RebuildFeed`: builds the caller's home feed anew.

use plaza_core::{AccountId, Cx, Result};
use plaza_proto::feeds::v1::{RebuildFeedRequest, RebuildFeedResponse};

use super::Handler;

/// Building twice does no harm; the answer is remembered so that a repeated request gets the same.
pub(crate) async fn rebuild_feed(h: &Handler, cx: &Cx, req: RebuildFeedRequest) -> Result<RebuildFeedResponse> {
    if let Some(request) = cx.request()
        && let Some(entries) = h.store.answered(cx, request).await?
    {
        return Ok(response(entries));
    }
    let entries = h.builder.afresh(cx, AccountId(req.account_id)).await?;
    if let Some(request) = cx.request() {
        h.store.remember(cx, request, entries).await?;
    }
    Ok(response(entries))
}

fn response(entries: usize) -> RebuildFeedResponse {
    RebuildFeedResponse { entries: i32::try_from(entries).unwrap_or(i32::MAX) }
}
