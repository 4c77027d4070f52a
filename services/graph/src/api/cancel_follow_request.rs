//! Takes the caller's request to follow an account back.

use plaza_core::{Cx, Result};
use plaza_proto::graph::v1::{CancelFollowRequestRequest, CancelFollowRequestResponse};

use super::{Handler, relationship};
use crate::domain::Action;

pub(crate) async fn cancel_follow_request(
    h: &Handler,
    cx: &Cx,
    req: CancelFollowRequestRequest,
) -> Result<CancelFollowRequestResponse> {
    let write = h.end_of(cx, req.account_id)?;
    let written = h.store.change(cx, Action::CancelRequest, write).await?;
    Ok(CancelFollowRequestResponse { relationship: Some(relationship::after(cx, write, written)) })
}
