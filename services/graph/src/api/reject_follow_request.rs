//! Refuses an account that asked to follow the caller.

use plaza_core::{Cx, Result};
use plaza_proto::graph::v1::{RejectFollowRequestRequest, RejectFollowRequestResponse};

use super::{Handler, relationship};
use crate::domain::Action;

pub(crate) async fn reject_follow_request(
    h: &Handler,
    cx: &Cx,
    req: RejectFollowRequestRequest,
) -> Result<RejectFollowRequestResponse> {
    let write = h.end_of(cx, req.account_id)?;
    let written = h.store.change(cx, Action::RejectRequest, write).await?;
    Ok(RejectFollowRequestResponse { relationship: Some(relationship::after(cx, write, written)) })
}
