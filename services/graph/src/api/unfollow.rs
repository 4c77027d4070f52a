//! Stops following an account. No call to accounts: what is gone can be let go of as well.

use plaza_core::{Cx, Result};
use plaza_proto::graph::v1::{UnfollowRequest, UnfollowResponse};

use super::{Handler, relationship};

pub(crate) async fn unfollow(h: &Handler, cx: &Cx, req: UnfollowRequest) -> Result<UnfollowResponse> {
    let write = h.end_of(cx, req.account_id)?;
    let written = h.store.unfollow(cx, write).await?;
    Ok(UnfollowResponse { relationship: Some(relationship::after(cx, write, written)) })
}
