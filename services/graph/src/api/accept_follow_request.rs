//! Lets an account that asked follow the caller.

use plaza_core::{Cx, Result};
use plaza_proto::graph::v1::{AcceptFollowRequestRequest, AcceptFollowRequestResponse};

use super::{Handler, relationship};
use crate::domain::Action;

pub(crate) async fn accept_follow_request(
    h: &Handler,
    cx: &Cx,
    req: AcceptFollowRequestRequest,
) -> Result<AcceptFollowRequestResponse> {
    let write = h.end_of(cx, req.account_id)?;
    let written = h.store.change(cx, Action::AcceptRequest, write).await?;
    Ok(AcceptFollowRequestResponse { relationship: Some(relationship::after(cx, write, written)) })
}
