//! Follows an account.

use plaza_core::{Cx, Result};
use plaza_proto::graph::v1::{FollowRequest, FollowResponse};

use super::{Handler, relationship};

pub(crate) async fn follow(h: &Handler, cx: &Cx, req: FollowRequest) -> Result<FollowResponse> {
    let write = h.write_to(cx, req.account_id).await?;
    let written = h.store.follow(cx, write).await?;
    Ok(FollowResponse { relationship: Some(relationship::after(cx, write, written)) })
}
