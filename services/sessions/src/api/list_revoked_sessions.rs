//! Lists the sessions that ended while their access tokens may still be good.

use plaza_core::{Cx, Result, SessionId};
use plaza_proto::sessions::v1::{ListRevokedSessionsRequest, ListRevokedSessionsResponse};

use super::Handler;

/// How many one answer holds; whoever follows asks until an answer is empty.
const PAGE: usize = 1_000;

pub(crate) async fn list_revoked_sessions(
    h: &Handler,
    cx: &Cx,
    req: ListRevokedSessionsRequest,
) -> Result<ListRevokedSessionsResponse> {
    let revoked = h.store.revoked_after(cx, req.after, PAGE).await?;
    let session_ids = revoked.sessions.into_iter().map(SessionId::get).collect();
    Ok(ListRevokedSessionsResponse { session_ids, cursor: revoked.cursor })
}
